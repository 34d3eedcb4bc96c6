import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { observeGadget } from './collector.ts';
import { readGadget } from './source/read.ts';

describe('the gadget collector', () => {
  it('exposes 0 when it is missing', async () => {
    const observation = observeGadget(await readGadget(join(tempFolder(), 'missing')));
    expect(observation).toMatchObject({ samples: [{ value: 0 }], evidence: [{ verdict: 'bad' }] });
  });

  it('exposes nothing when it cannot be read', () => {
    const observation = observeGadget({ state: 'unreadable', reason: 'EACCES' });
    expect(observation).toMatchObject({ reason: 'EACCES' });
    expect(observation).not.toHaveProperty('samples');
  });

  it('exposes 1 when it is there', async () => {
    const observation = observeGadget(await readGadget(tempFolder()));
    expect(observation).toMatchObject({ samples: [{ value: 1 }], evidence: [{ verdict: 'ok' }] });
  });
});
