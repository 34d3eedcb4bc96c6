import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import type { RecordedRequest, RecorderAnswer } from './http-recorder.ts';
import { type GatewayHome, newToken } from './openclaw.ts';

/** The provider of models that all jobs ask; its server is on this machine. */
export const PROVIDER = 'acme';
/** Another one that nothing refuses, at the same server. */
const SPARE = 'spare';
/** What the provider answers a request for each model. */
const REFUSALS = {
  m401: { status: 401, message: 'Incorrect API key provided' },
  m402: { status: 402, message: 'Insufficient credits' },
  m429: { status: 429, message: 'Rate limit reached' },
  m503: { status: 503, message: 'Service unavailable: overloaded' },
  m529: { status: 529, message: 'Overloaded' },
} as const;
/** A model of the provider. */
export type ModelName = keyof typeof REFUSALS;
const MODELS = Object.keys(REFUSALS) as ModelName[];
/** How many jobs ask each of some models. */
export interface ProviderJobs {
  readonly models: readonly ModelName[];
  readonly jobsPerModel: number;
}
const ROWS = ['store_key', 'job_id', 'name', 'job_json', 'state_json', 'sort_order'] as const;

const asked = z.object({ model: z.string(), stream: z.boolean().optional() });
const added = z.object({ id: z.string().min(1) });
const job = z.looseObject({ id: z.string(), name: z.string() });

/** The provider's server: each model refuses in its own way until it is among the `repaired`. */
export function answerAsProvider(
  repaired: ReadonlySet<string>,
): (request: RecordedRequest) => RecorderAnswer {
  return ({ body }) => {
    // Before a run 2026.9 asks a provider on this machine for its models, and skips the run without an answer.
    if (body === '') return { status: 200, body: JSON.stringify({ object: 'list', data: [] }) };
    const { model, stream } = asked.parse(JSON.parse(body));
    const name = MODELS.find((one) => one === model);
    if (name === undefined) return { status: 404 };
    if (repaired.has(name)) return { status: 200, body: reply(model, stream === true) };
    const { status, message } = REFUSALS[name];
    return { status, body: JSON.stringify({ error: { message } }) };
  };
}

/** An answer in the format of OpenAI's chat completions, whole or as one event. */
function reply(model: string, isStream: boolean): string {
  const base = { id: 'one', created: 1, model };
  const message = { role: 'assistant', content: 'done' };
  if (!isStream) {
    const choices = [{ index: 0, message, finish_reason: 'stop' }];
    return JSON.stringify({ ...base, object: 'chat.completion', choices });
  }
  const event = (delta: object, finish_reason: string | null) =>
    `data: ${JSON.stringify({ ...base, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
  return `${event(message, null)}${event({}, 'stop')}data: [DONE]\n\n`;
}

/** What openclaw.json has of the provider at that port. No fallback hides its answers. */
export function providerSettings(port: number) {
  const models = MODELS.map((id) => ({ id, name: id, contextWindow: 128_000, maxTokens: 1_000 }));
  const provider = {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    api: 'openai-completions',
    apiKey: newToken(),
    models,
  };
  return {
    models: { providers: { [PROVIDER]: provider, [SPARE]: { ...provider, apiKey: newToken() } } },
    agents: { defaults: { model: { primary: `${PROVIDER}/m401`, fallbacks: [] } } },
  };
}

/** Stores jobs that each ask a model once when the gateway starts next, and then for six hours no more. */
export async function storeProviderJobs(
  home: GatewayHome,
  token: string,
  { models, jobsPerModel }: ProviderJobs,
): Promise<void> {
  if (home.version === '2026.5.7') {
    writeJobsFile(home, { models, jobsPerModel });
    return;
  }
  const gateway = await home.startPatiently();
  const ids: string[] = [];
  for (const model of models) ids.push(await addJob(home, token, model));
  await gateway.end('SIGTERM');
  multiplyJobs(home, ids, jobsPerModel);
  planNow(home, models);
}

async function addJob(home: GatewayHome, token: string, model: ModelName): Promise<string> {
  const how = [
    '--every',
    '6h',
    '--session',
    'isolated',
    '--message',
    'hello',
    '--light-context',
    '--no-deliver',
  ];
  const args = ['cron', 'add', '--name', `${model}-0`, '--model', `${PROVIDER}/${model}`, ...how];
  const printed = await home.cli(token, ...args);
  return added.parse(JSON.parse(printed.slice(printed.indexOf('{')))).id;
}

/** Thirty calls of the CLI take minutes: the store gets copies of the jobs while no gateway runs. */
function multiplyJobs(home: GatewayHome, ids: readonly string[], jobsPerModel: number): void {
  withStore(home, (database) => {
    const names = database.prepare('SELECT name FROM pragma_table_info(?)').all('cron_jobs');
    const rest = names.map(({ name }) => String(name)).filter((name) => !ROWS.some((row) => row === name));
    const columns = [...ROWS, ...rest].join(', ');
    const copy = database.prepare(
      `INSERT INTO cron_jobs (${columns}) SELECT store_key, ?, ?, ?, '{}', ?, ${rest.join(', ')} FROM cron_jobs WHERE job_id = ?`,
    );
    for (const id of ids) {
      const row = database.prepare('SELECT job_json FROM cron_jobs WHERE job_id = ?').get(id);
      const original = job.parse(JSON.parse(String(row?.job_json)));
      for (let number = 1; number < jobsPerModel; number += 1) {
        const own = { id: randomUUID(), name: original.name.replace(/0$/, String(number)) };
        copy.run(own.id, own.name, JSON.stringify({ ...original, ...own }), 100 + number, id);
      }
    }
  });
}

/** Gives the jobs of these models to the spare provider, while no gateway of 2026.6 or later runs. */
export function moveToSpare(home: GatewayHome, models: readonly ModelName[]): void {
  withStore(home, (database) => {
    const move = database.prepare(
      'UPDATE cron_jobs SET job_json = replace(job_json, ?, ?) WHERE name LIKE ?',
    );
    for (const model of models) move.run(`${PROVIDER}/`, `${SPARE}/`, `${model}-%`);
  });
}

/** Makes the jobs of these models due, while no gateway of 2026.6 or later runs. */
export function planNow(home: GatewayHome, models: readonly ModelName[]): void {
  withStore(home, (database) => {
    const plan = database.prepare(
      "UPDATE cron_jobs SET state_json = json_set(state_json, '$.nextRunAtMs', ?) WHERE name LIKE ?",
    );
    for (const model of models) plan.run(Date.now(), `${model}-%`);
  });
}

function withStore(home: GatewayHome, work: (database: DatabaseSync) => void): void {
  const database = new DatabaseSync(join(home.stateDir, 'state', 'openclaw.sqlite'));
  try {
    work(database);
  } finally {
    database.close();
  }
}

function writeJobsFile(home: GatewayHome, { models, jobsPerModel }: ProviderJobs): void {
  const now = Date.now();
  const jobs = models.flatMap((model) =>
    Array.from({ length: jobsPerModel }, (_, number) => ({
      id: `${model}-${number}`,
      name: `${model}-${number}`,
      enabled: true,
      createdAtMs: now,
      updatedAtMs: now,
      schedule: { kind: 'every', everyMs: 6 * 3_600_000, anchorMs: now },
      state: { nextRunAtMs: now },
      sessionTarget: 'isolated',
      wakeMode: 'now',
      payload: { kind: 'agentTurn', message: 'hello', model: `${PROVIDER}/${model}`, lightContext: true },
      delivery: { mode: 'none' },
    })),
  );
  mkdirSync(join(home.stateDir, 'cron'), { recursive: true });
  writeFileSync(join(home.stateDir, 'cron', 'jobs.json'), JSON.stringify({ version: 1, jobs }));
}
