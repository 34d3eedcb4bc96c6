import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Child } from '../../test/support/child.ts';
import { FreshClone } from '../../test/support/fresh-clone.ts';
import { GatewayHome, newToken } from '../../test/support/openclaw.ts';
import { until } from '../../test/support/until.ts';

/** A newcomer's first session in a fresh clone beside a real gateway, played and written to docs/first-session.md. */
const PAGE = join(import.meta.dirname, '..', 'first-session.md');
const VERSION = '2026.9.6';
const URL = 'http://127.0.0.1:19789';
const METRICS = `curl -s ${URL}/metrics | grep -E '^openclaw_gateway_(process_up|up|token_match|function_up)'`;
const CHECK = 'npm start -- check';

const home = await GatewayHome.create(VERSION);
const clone = FreshClone.make();
const steps: string[] = [];
let totalMs = 0;

/** As a reader's machine would show it: no folder and no port of the one it was recorded on. */
function normalised(output: string): string {
  return output
    .split('\n')
    .filter((line) => !/^npm (warn|notice)/.test(line))
    .join('\n')
    .replaceAll(clone.folder, '~/openclaw-gateway-exporter')
    .replaceAll(home.home, '~')
    .replaceAll(home.root, '~')
    .replaceAll(String(home.port), '18789')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

async function step(words: string, act: () => Promise<{ command: string; output: string }>): Promise<void> {
  process.stderr.write(`${words}\n`);
  const from = performance.now();
  const { command, output } = await act();
  const tookMs = performance.now() - from;
  totalMs += tookMs;
  const shown = [`$ ${command}`, normalised(output)].join('\n').trim();
  steps.push(`## ${words}\n\n${(tookMs / 1000).toFixed(1)} s\n\n\`\`\`console\n${shown}\n\`\`\`\n`);
}

async function finished(command: string): Promise<{ command: string; output: string }> {
  const child = clone.shell(command, { ...home.env, NO_COLOR: '1' });
  const code = await child.exited;
  return { command, output: `${child.output.trimEnd()}\n\n$ echo $?\n${code}` };
}

async function metricsSay(name: string, value: number): Promise<void> {
  const line = new RegExp(`^${name}(\\{.*\\})? ${value}$`, 'm');
  await until(async () => line.test(await (await fetch(`${URL}/metrics`)).text()), {
    what: `${name} ${value}`,
    timeoutMs: 90_000,
  });
}

async function metrics(
  expected: Readonly<Record<string, number>>,
): Promise<{ command: string; output: string }> {
  for (const [name, value] of Object.entries(expected)) await metricsSay(name, value);
  const child = clone.shell(METRICS, home.env);
  await child.exited;
  return { command: METRICS, output: child.output };
}

let gateway: Child | undefined;
let exporter: Child | undefined;
try {
  home.configure(newToken());
  gateway = await home.startReady();
  await step('Install and start', async () => {
    const command = 'npm install && npm start';
    const started = clone.shell(command, home.env);
    exporter = started;
    await until(() => started.output.includes('msg=serving'), { what: 'it to serve', timeoutMs: 120_000 });
    return { command, output: started.output };
  });
  await step('Look, in a second terminal', () => metrics({ openclaw_gateway_token_match: 1 }));
  await step('Ask what is wrong', () => finished(CHECK));
  await gateway.end('SIGTERM');
  await step('The gateway was stopped: the metrics say so', () =>
    metrics({ openclaw_gateway_up: 0, openclaw_gateway_process_up: 0 }),
  );
  await step('... and check says what to do', () => finished(CHECK));
  gateway = await home.startReady(newToken());
  await step("The gateway was started again, with another token than openclaw.json's", () =>
    metrics({ openclaw_gateway_token_match: 0, openclaw_gateway_up: 1, openclaw_gateway_process_up: 1 }),
  );
  await step('... and check says what to do', () => finished(CHECK));
  await gateway.end('SIGTERM');
  gateway = await home.startReady();
  await step('The gateway was restarted with the token of openclaw.json: all clear', () =>
    metrics({ openclaw_gateway_token_match: 1, openclaw_gateway_up: 1, openclaw_gateway_process_up: 1 }),
  );
  await step('... for check as well', () => finished(CHECK));
  const total = Math.round(totalMs / 1000);
  const head = `# A first session

Recorded by \`docs/source/first-session.ts\` in a fresh clone beside a real gateway ${VERSION}: nothing below was typed by hand. Paths and the
gateway's port are written as on a reader's machine, npm's own warnings and notices are left out. Under each title stands how long the
step took, with the wait until the exporter noticed: ${total} s together, without the gateway's own starts and the reading.
`;
  writeFileSync(PAGE, [head, ...steps].join('\n'));
} finally {
  if (exporter !== undefined) await clone.interrupt(exporter);
  await gateway?.end('SIGTERM');
  clone.remove();
  home.remove();
}
