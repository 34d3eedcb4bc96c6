import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { inputSeries, promtoolFile, type Scenario } from '../../prometheus/tests/scenario.ts';
import { runProgram } from '../support/promtool.ts';
import { type Labels, Notifications } from './notifications.ts';
import { LEFT_OUT, type YearWindow } from './windows.ts';

/** Rules and the configuration of Alertmanager that they are played with: a folder and a file. */
export interface Played {
  readonly rules: string;
  readonly alertmanager: string;
}

/** What a window cost the people behind the receivers. */
export interface Outcome {
  readonly window: YearWindow;
  /** Pages that were opened: a firing message of a group that was not firing. */
  readonly pages: number;
  readonly chats: number;
  readonly tickets: number;
  /** Incidents that paged, in the order in which they did. */
  readonly incidents: readonly string[];
}

/** Seconds between two samples. */
const STEP = 60;
/** Minutes between two evaluations: a day in which nothing happens is evaluated less often. */
export function evaluationMinutes({ kind }: YearWindow): number {
  return kind === 'quiet day' ? 5 : 2;
}

/**
 * Plays these windows side by side, as gateways of one fleet, with promtool as the engine; all of them with the
 * evaluation interval of the first.
 */
export async function playWindows(windows: readonly YearWindow[], played: Played): Promise<Outcome[]> {
  const [first] = windows;
  if (first === undefined) return [];
  const step = evaluationMinutes(first);
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-year-'));
  try {
    const file = join(folder, 'year.yml');
    writeFileSync(file, renderYear(windows, played.rules, step));
    const { ok, output } = await runProgram('promtool', ['test', 'rules', file]);
    const firing = parseFiring(output);
    if (!ok && firing.size === 0)
      throw new Error(`promtool could not play the year: ${output.slice(0, 500)}`);
    return windows.map((window, index) =>
      countMessages(instanceName(index), window, firing, { ...played, step }),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function instanceName(index: number): string {
  return `year-${index}`;
}

function renderYear(windows: readonly YearWindow[], rules: string, step: number): string {
  const longest = Math.max(...windows.map(({ minutes }) => minutes));
  const test = {
    interval: `${STEP}s`,
    input_series: windows.flatMap((window, index) => inputSeries(scenarioFor(window, index, longest))),
    // Nothing is expected, so that promtool prints whatever fires.
    promql_expr_test: Array.from({ length: longest / step + 1 }, (_, index) => ({
      expr: 'ALERTS{alertstate="firing", incident!="watchdog"}',
      eval_time: `${index * step}m`,
      exp_samples: [],
    })),
  };
  const file = promtoolFile(rules, `${step}m`, [test]);
  return stringify(file, { lineWidth: 0, aliasDuplicateObjects: false });
}

function scenarioFor({ world }: YearWindow, index: number, minutes: number): Scenario {
  return {
    ids: ['year'],
    name: String(index),
    minutes,
    step: STEP,
    world,
    without: LEFT_OUT,
    firing: {},
  };
}

/** Alerts by minute, from promtool's report of what it did not expect. */
function parseFiring(output: string): Map<number, Labels[]> {
  const found = new Map<number, Labels[]>();
  for (const [, time = '', got = ''] of output.matchAll(/time: (\S+),\s+exp:.*\s+got:(.*)/g)) {
    found.set(
      parseMinutes(time),
      [...got.matchAll(/\{([^}]*)\}/g)].map(([, inner = '']) => parseLabels(inner)),
    );
  }
  return found;
}

function parseLabels(inner: string): Labels {
  return Object.fromEntries([...inner.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
}

/** Go's notation: `10m0s`, `1h5m0s`. */
function parseMinutes(time: string): number {
  const [, hours = '0', minutes = '0'] = /^(?:(\d+)h)?(?:(\d+)m)?/.exec(time) ?? [];
  return Number(hours) * 60 + Number(minutes);
}

function countMessages(
  instance: string,
  window: YearWindow,
  firing: ReadonlyMap<number, readonly Labels[]>,
  { alertmanager, step }: Played & { readonly step: number },
): Outcome {
  const notifications = new Notifications(alertmanager);
  for (let minute = 0; minute <= window.minutes; minute += step) {
    notifications.advance(
      minute,
      (firing.get(minute) ?? []).filter((labels) => labels.instance === instance),
    );
  }
  const loud = notifications.sent.filter(({ status }) => status === 'firing');
  const opened = loud.filter(({ receiver, isNew }) => receiver === 'page' && isNew);
  return {
    window,
    pages: opened.length,
    chats: loud.filter(({ receiver }) => receiver === 'chat').length,
    tickets: loud.filter(({ receiver }) => receiver === 'ticket').length,
    incidents: opened.map(({ group }) => group.incident ?? ''),
  };
}
