import { describe, expect, it } from 'vitest';
import { childrenEvidence, childrenSamples } from '../../../../src/collectors/process/children.ts';
import { CHILD_KINDS } from '../../../../src/lib/vocabulary.ts';

const SUBJECT = 'gateway 127.0.0.1:18789';

describe('the samples of processes below the gateway', () => {
  it('are none where no gateway is alive', () => {
    expect(childrenSamples(undefined)).toEqual([]);
  });

  it('are of every kind, those without a process at 0', () => {
    const samples = childrenSamples(new Map([['mcp', { count: 3, residentBytes: 300 }]]));
    expect(samples).toHaveLength(2 * CHILD_KINDS.length);
    const values = samples.filter(({ labels }) => labels.kind === 'mcp').map(({ value }) => value);
    expect(values).toEqual([3, 300]);
    expect(samples.filter(({ value }) => value !== 0)).toHaveLength(2);
  });
});

describe('the evidence of processes below the gateway', () => {
  it('is a warning that names kinds, the most numerous first, and their memory', () => {
    const [said] = childrenEvidence(
      SUBJECT,
      new Map([
        ['other', { count: 2, residentBytes: 2 ** 20 }],
        ['mcp', { count: 60, residentBytes: 60 * 2 ** 20 }],
      ]),
    );
    expect(said).toMatchObject({ verdict: 'warning', fault: 'children' });
    expect(said?.text).toBe(
      '62 processes run below the gateway (60 of MCP servers, 2 other); they hold 61 MiB',
    );
  });

  it('is nothing for an ordinary number of them', () => {
    expect(childrenEvidence(SUBJECT, new Map([['command', { count: 50, residentBytes: 0 }]]))).toEqual([]);
  });
});
