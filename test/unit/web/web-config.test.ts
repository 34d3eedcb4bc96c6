import { describe, expect, it } from 'vitest';
import { REFUSED_WEB_KEYS } from '../../../docs/source/configuration-page.ts';
import { validateYaml } from '../../../src/config/load.ts';
import { webSchema } from '../../../src/web/web-config.ts';

describe('a key of the toolkit that the reference calls refused', () => {
  it.each(REFUSED_WEB_KEYS)('%s is refused by its name, and its value is not repeated', (path) => {
    const [key = '', section] = path.split('.').reverse();
    const tls = { cert_file: 'c.pem', key_file: 'k.pem' };
    const content =
      section === undefined
        ? { tls_server_config: tls, [key]: 'something' }
        : { [section]: { ...tls, [key]: 'something' } };
    const outcome = validateYaml(JSON.stringify(content), webSchema);
    const told = JSON.stringify(outcome);
    expect(outcome.state).toBe('invalid');
    expect(told).toContain(key);
    expect(told).toContain('unknown key');
    expect(told).not.toContain('something');
  });
});
