import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configKeys, EXAMPLE } from '../../../docs/source/configuration-page.ts';
import { referencePages } from '../../../docs/source/main.ts';
import { documentedMetrics } from '../../../docs/source/metrics-page.ts';
import { COLLECTOR_DEFAULTS } from '../../../src/collectors/index.ts';
import { parseConfig } from '../../../src/config/load.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');

describe('the generated reference', () => {
  it('is what the code says now (otherwise: npm run docs)', () => {
    for (const { path, text } of referencePages()) {
      expect(readFileSync(join(ROOT, path), 'utf8') === text, `${path} is stale: npm run docs`).toBe(true);
    }
  });

  it('says of every key of the configuration what it means', () => {
    expect(configKeys().filter(({ meaning }) => meaning === '')).toEqual([]);
  });

  it('shows an example that the exporter takes', () => {
    expect(parseConfig(EXAMPLE, COLLECTOR_DEFAULTS)).toMatchObject({
      state: 'valid',
      config: { ssh: { hosts: [{ always_on: false }] } },
    });
  });
});

describe('the metrics', () => {
  /** Names that the gateway's own plugin exports, which many users scrape beside this exporter. */
  const TAKEN =
    /^openclaw_(?:gateway_(?:build_info|rpc_|event_loop_)|run_|model_|session_|queue_|memory_|message_|webhook_|tool_|liveness_|telemetry_)/;
  const named = documentedMetrics();

  it('have names that are theirs alone, in both formats', () => {
    const names = named.map(({ name, type }) => (type === 'counter' ? name.replace(/_total$/, '') : name));
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    expect(named.filter(({ name }) => TAKEN.test(name)).map(({ name }) => name)).toEqual([]);
    expect(named.filter(({ name }) => !/^openclaw_[a-z0-9_]+$/.test(name)).map(({ name }) => name)).toEqual(
      [],
    );
  });

  it('are base units: no milliseconds, kilobytes or percent', () => {
    const wrong = /_(?:ms|millis|milliseconds|minutes|hours|kb|mb|kilobytes|megabytes|percent)(?:_|$)/;
    expect(named.filter(({ name }) => wrong.test(name)).map(({ name }) => name)).toEqual([]);
  });

  it('have a HELP that is a sentence, and labels that do not belong to Prometheus', () => {
    expect(named.filter(({ help }) => !/^[A-Z0-9].{10,}\.$/.test(help)).map(({ name }) => name)).toEqual([]);
    const reserved = named.filter(({ labels }) =>
      labels.some((label) => /^(?:job|instance|le|__.*)$/.test(label)),
    );
    expect(reserved.map(({ name }) => name)).toEqual([]);
  });

  it('say what makes them absent', () => {
    expect(named.filter(({ meaning }) => meaning.absent === '').map(({ name }) => name)).toEqual([]);
  });

  it('say of every verdict what 0 and 1 mean', () => {
    const verdicts = named.filter(({ name }) => /_(?:up|match|present|active|enabled|ready)$/.test(name));
    expect(verdicts.length).toBeGreaterThan(0);
    const silent = verdicts.filter(({ meaning }) => meaning.zero === undefined || meaning.one === undefined);
    expect(silent.map(({ name }) => name)).toEqual([]);
  });
});
