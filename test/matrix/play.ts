import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../support/until.ts';
import { changesBetween, countOf, pictureOf } from './picture.ts';
import type { Result, Scenario } from './scenario.ts';
import { ACCELERATION } from './settings.ts';
import type { World } from './world.ts';

/** Before a wait fails on an idle machine, milliseconds; a busy one is given four times as much. */
const METRIC_MS = 8_000;
const ALERT_MS = 12_000;
const CLEAR_MS = 12_000;
/** What Alertmanager takes at most to tell a change of a group: `group_interval`, and some more. */
const TELLING_MS = 120_000 / ACCELERATION + 1_000;

/** What a real gateway says, or not, before it ends. */
const STOPPING = 'info OpenClawGatewayDraining';

/** Plays one scenario from "all clear" to "all clear". Never throws: what fails is a miss. */
export async function play(
  world: World,
  scenario: Scenario,
  number: number,
  say: (miss: string) => void = () => undefined,
): Promise<Result> {
  const run = new Run(world, scenario, say);
  const beganAt = performance.now();
  await run.step('all clear before', () => run.prepare(`${scenario.id}-${number}`));
  await run.step('inject', () => run.inject());
  if (run.holds) await run.step('metrics', () => run.metrics());
  if (run.holds) await run.step('alerts', () => run.alerts());
  if (run.holds) await run.step('pages', () => run.pages());
  if (run.holds) await run.step('hold', () => run.hold());
  await run.step('repair', () => scenario.repair(world));
  await run.step('all clear', () => run.clear());
  await run.step('check', async () => scenario.check?.(world));
  await run.step('clean up', async () => {
    if (scenario.cleanup === undefined) return;
    await scenario.cleanup(world);
    world.healthy = await world.untilWell();
  });
  return run.result((performance.now() - beganAt) / 1000);
}

class Run {
  readonly #world: World;
  readonly #scenario: Scenario;
  readonly #say: (miss: string) => void;
  readonly #misses: string[] = [];
  readonly #fired = new Set<string>();
  #injectedAt = 0;
  #before: readonly number[] = [];
  #metric: number | undefined;
  #alert: number | undefined;
  #page: number | undefined;
  #watching: Promise<void> = Promise.resolve();
  #watched = false;

  constructor(world: World, scenario: Scenario, say: (miss: string) => void) {
    this.#world = world;
    this.#scenario = scenario;
    this.#say = say;
  }

  get holds(): boolean {
    return this.#misses.length === 0;
  }

  /** A step that fails is a miss: nothing more is waited for, but the world is repaired. */
  async step(name: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
      this.#miss(`${name}: ${error instanceof Error ? error.message : String(error)}${cause}`);
    }
  }

  async prepare(instance: string): Promise<void> {
    const { prepare } = this.#scenario;
    this.#world.forgetAttempts();
    await this.#world.rename(instance);
    await this.#untilPicture({});
    if (prepare !== undefined) {
      await prepare(this.#world);
      this.#world.healthy = await this.#world.untilWell();
    }
    this.#before = await this.#counts();
    this.#watching = this.#watch();
  }

  async inject(): Promise<void> {
    this.#injectedAt = performance.now();
    await this.#scenario.inject(this.#world);
  }

  async metrics(): Promise<void> {
    await this.#untilPicture(this.#scenario.metrics);
    await until(
      async () => {
        const now = await this.#counts();
        const still = (this.#scenario.counts ?? []).filter(
          (_, index) => !((now[index] ?? 0) > (this.#before[index] ?? 0)),
        );
        if (still.length > 0) throw new Error(`not counted: ${still.join(', ')}`);
        for (const [series, value] of Object.entries(this.#scenario.shows ?? {})) {
          const shown = await this.#world.shown(series);
          if (shown !== value) throw new Error(`${series} is ${shown} and not ${value}`);
        }
        return true;
      },
      { what: 'the counters', timeoutMs: METRIC_MS, everyMs: 200 },
    );
    this.#metric = this.#elapsed();
  }

  async alerts(): Promise<void> {
    const { alerts } = this.#scenario;
    await this.#untilFired(alerts);
    if (alerts.length > 0) this.#alert = this.#elapsed();
  }

  async pages(): Promise<void> {
    const { pages } = this.#scenario;
    if (pages.length === 0) return;
    await until(
      () => {
        const told = this.#world.pages();
        return pages.every((incident) => told.includes(incident));
      },
      { what: `pages ${pages.join(', ')}`, timeoutMs: ALERT_MS, everyMs: 100 },
    );
    this.#page = this.#elapsed();
  }

  /** What must not come has its chance to: another page, another verdict. */
  async hold(): Promise<void> {
    await pause(this.#scenario.holdMs ?? TELLING_MS);
    if (this.#scenario.holdMs === undefined) await this.#untilPicture(this.#scenario.metrics);
  }

  /** The picture is the healthy one, nothing above information fires, and each page was told to be over. */
  async clear(): Promise<void> {
    const { afterwards = [], leaves = {}, remembered = [] } = this.#scenario;
    await this.#untilPicture(leaves);
    await this.#untilFired(afterwards);
    await until(
      async () => {
        const loud = (await this.#world.firing()).filter(
          (alert) => !alert.startsWith('info ') && !remembered.includes(alert),
        );
        if (loud.length > 0) throw new Error(`still firing: ${loud.join(', ')}`);
        const open = this.#world.alertmanager.openPages(this.#world.instance);
        if (open.length > 0) throw new Error(`pages still open: ${open.join(', ')}`);
        return true;
      },
      { what: 'all clear', timeoutMs: CLEAR_MS, everyMs: 250 },
    );
    this.#watched = true;
    await this.#watching;
    this.#judgeAlerts();
  }

  result(total: number): Result {
    this.#watched = true;
    const { id, also = [], fault, standIn = '', pages } = this.#scenario;
    const told = this.#world.pages();
    const falsePages = told.filter(
      (incident, index) => !pages.includes(incident) || told.indexOf(incident) !== index,
    );
    if (falsePages.length > 0) this.#miss(`pages too many: ${falsePages.join(', ')}`);
    return {
      id,
      also,
      fault,
      standIn,
      metric: this.#metric,
      alert: this.#alert,
      page: this.#page,
      alerts: [...this.#fired].toSorted(),
      pages: told,
      falsePages,
      total,
      misses: this.#misses,
    };
  }

  /** Notes every alert that fires, however short. */
  async #watch(): Promise<void> {
    while (!this.#watched) {
      try {
        for (const alert of await this.#world.firing()) this.#fired.add(alert);
      } catch {
        // Asked again at once; a Prometheus that is gone fails the scenario elsewhere.
      }
      await pause(400);
    }
  }

  #judgeAlerts(): void {
    const { alerts, afterwards = [], tolerated = {} } = this.#scenario;
    const expected = new Set([...alerts, ...afterwards]);
    const more = [...this.#fired].filter(
      (alert) => !expected.has(alert) && tolerated[alert] === undefined && alert !== STOPPING,
    );
    if (more.length > 0) this.#miss(`alerts too many: ${more.join(', ')}`);
  }

  async #untilFired(alerts: readonly string[]): Promise<void> {
    await until(
      () => {
        const missing = alerts.filter((alert) => !this.#fired.has(alert));
        if (missing.length > 0) throw new Error(`not fired: ${missing.join(', ')}`);
        return true;
      },
      { what: 'the alerts', timeoutMs: ALERT_MS, everyMs: 100 },
    );
  }

  async #untilPicture(wanted: Scenario['metrics']): Promise<void> {
    const expected = typeof wanted === 'function' ? wanted(this.#world.healthy) : wanted;
    if (expected === 'gone') {
      const up = () => this.#world.prometheus.value(`up{instance="${this.#world.instance}"}`);
      await until(async () => (await up()) === 0, {
        what: '`up` to be 0',
        timeoutMs: METRIC_MS,
        everyMs: 150,
      });
      return;
    }
    await until(
      async () => {
        const changes = changesBetween(this.#world.healthy, pictureOf(await this.#world.series()));
        const wrong = changesBetween(expected, changes);
        if (Object.keys(wrong).length > 0) {
          throw new Error(
            `verdicts are ${JSON.stringify(changes)}, which differs in ${Object.keys(wrong).join(', ')}`,
          );
        }
        return true;
      },
      { what: 'the verdicts', timeoutMs: METRIC_MS, everyMs: 150 },
    );
  }

  async #counts(): Promise<number[]> {
    if (this.#scenario.counts === undefined) return [];
    const series = await this.#world.series();
    return (this.#scenario.counts ?? []).map((counter) => countOf(series, counter));
  }

  #miss(text: string): void {
    this.#misses.push(text);
    this.#say(text);
  }

  #elapsed(): number {
    return (performance.now() - this.#injectedAt) / 1000;
  }
}
