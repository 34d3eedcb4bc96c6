import type { SshHostConfig } from '../../config/schema.ts';
import type { Clock } from '../../lib/clock.ts';
import { type ClockOffset, clockOffset, parseRemoteTime } from '../../lib/clock-offset.ts';
import { withDeadline } from '../../lib/deadline.ts';
import type { RunCommand } from '../../lib/run-command.ts';
import type { Slots } from '../../lib/slots.ts';
import { type NameLookup, type PathPhase, type PathReport, probeBanner } from '../../ssh/banner.ts';
import { type CommandProbe, probeCommand } from '../../ssh/command.ts';
import { resolveRoute, type SshRoute } from '../../ssh/config.ts';
import {
  LOCAL_RESULTS,
  PASSING_RESULTS,
  type SshDestination,
  type SshProblem,
  type SshResult,
} from '../../ssh/ssh.ts';

/** What looks at all hosts share. */
export interface SshTools {
  readonly clock: Clock;
  readonly run: RunCommand;
  /** The whole environment of ssh. */
  readonly env: Readonly<Record<string, string>>;
  readonly lookup: NameLookup;
  readonly slots: SshSlots;
}

/**
 * Places for commands. A login keeps a processor busy; too many at once slow each other down until healthy
 * hosts look dead. Hosts that fail have places of their own, for their commands mostly wait.
 */
export interface SshSlots {
  readonly healthy: Slots;
  readonly failing: Slots;
  /** For `ssh -G`: after a reload every host reads its configuration at once. */
  readonly routes: Slots;
}

/** How long the parts of one look may take, in milliseconds. */
export interface SshLimits {
  /** Each of: reading the configuration, resolving, connecting, the banner. */
  readonly phaseMs: number;
  readonly commandMs: number;
  /** What a command may take at this moment without the hosts behind losing their turn. */
  readonly spareMs: () => number;
}

/** What one look at a host gave, together with what is still known from earlier ones. */
export interface SshLook {
  /** Undefined: no command could be run yet, and nothing else has failed. */
  readonly up: boolean | undefined;
  readonly result: SshResult;
  /** What is wrong, in words. */
  readonly problem: SshProblem | undefined;
  /** Whether anything was asked in this look; a proxied host rests between commands. */
  readonly asked: boolean;
  /** Undefined when the host is reached through a proxy. */
  readonly path: PathReport | undefined;
  readonly command: CommandRecord | undefined;
}

/** How the last command ended. */
export interface CommandRecord {
  readonly probe: CommandProbe;
  readonly atMs: number;
  readonly seconds: number;
  /** How the host's clock stood; undefined where the command ran and told no time, or did not run. */
  readonly clock: ClockOffset | undefined;
}

/** ssh reads its configuration anew after this long. */
const ROUTE_AGE_MS = 300_000;
/** The same while the host fails: it may have moved. */
const FAILING_ROUTE_AGE_MS = 60_000;
/** A command is not worth starting with less. */
const LEAST_COMMAND_MS = 1_000;
/** Ending a cut command takes up to this long. */
const KILL_MS = 700;

interface Resolved {
  /** Undefined: no ssh can be run, and the target cannot be understood without. */
  readonly route: SshRoute | undefined;
  readonly problem: SshProblem | undefined;
}

/**
 * One SSH host over time: the cheap probe in each look, the command when it is due or when
 * the cheap one says "changed".
 */
export class SshHost {
  readonly config: SshHostConfig;
  readonly #destination: SshDestination;
  readonly #tools: SshTools;
  #route: { readonly route: SshRoute; readonly at: number } | undefined;
  #command: CommandRecord | undefined;
  #nextCommandAt = 0;
  /** Whether a failure of the path has been seen that no command has disproved since. */
  #unconfirmed = false;
  /** Whether a command is still owed to the last change. */
  #owed = true;
  #failing = false;
  readonly #spread: number;

  /**
   * `spread` in [0, 1): where in the command interval this host's second command falls,
   * so that many hosts take turns.
   */
  constructor(config: SshHostConfig, configFile: string | undefined, tools: SshTools, spread: number) {
    this.config = config;
    this.#destination = { target: config.target, port: config.port, configFile };
    this.#tools = tools;
    this.#spread = spread;
  }

  /** Looks once. Throws when `signal` fires or when this machine could not look. */
  async look(signal: AbortSignal, limits: SshLimits): Promise<SshLook> {
    const { route, problem } = await this.#resolve(signal, limits);
    if (problem !== undefined) return this.#misconfigured(problem);
    const path =
      route === undefined || route.proxied
        ? undefined
        : await probeBanner(route, { ...this.#tools, signal, phaseMs: limits.phaseMs });
    const failed = path?.problem !== undefined;
    if (failed && !this.#unconfirmed) this.#owed = true;
    if (failed) this.#unconfirmed = true;
    // A host that turns connections away is not pressed with another one.
    const wants = path?.problem?.result !== 'throttled' && this.#wantsCommand(failed);
    const asked = wants && (await this.#ask(route, failed, signal, limits));
    return this.#verdict(path, asked);
  }

  async #resolve(signal: AbortSignal, { phaseMs, spareMs }: SshLimits): Promise<Resolved> {
    const { clock, run, env, slots } = this.#tools;
    const known = this.#route;
    const maxAge = this.#failing ? FAILING_ROUTE_AGE_MS : ROUTE_AGE_MS;
    if (known !== undefined && clock.monotonic() - known.at < maxAge) {
      return { route: known.route, problem: undefined };
    }
    const outcome = await withDeadline({ clock, ms: Math.max(phaseMs, spareMs()), outer: signal }, (giveUp) =>
      slots.routes.use(giveUp, () =>
        withDeadline({ clock, ms: phaseMs, outer: signal }, (late) =>
          resolveRoute(this.#destination, { run, env, signal: late }),
        ),
      ),
    );
    signal.throwIfAborted();
    if (outcome === undefined) throw new Error('too many hosts read their ssh configuration at once');
    if (outcome.state === 'failed') return { route: undefined, problem: outcome.problem };
    if (outcome.state === 'no_ssh' && outcome.route === undefined) {
      return { route: undefined, problem: outcome.problem };
    }
    if (outcome.state === 'resolved') this.#route = { route: outcome.route, at: clock.monotonic() };
    return { route: outcome.route, problem: undefined };
  }

  #misconfigured(problem: SshProblem): SshLook {
    const isLocal = LOCAL_RESULTS.has(problem.result);
    this.#unconfirmed = !isLocal;
    this.#failing = true;
    const path = isLocal ? undefined : { seconds: new Map<PathPhase, number>(), problem };
    const up = isLocal ? undefined : false;
    return { up, result: problem.result, problem, asked: true, path, command: this.#command };
  }

  #wantsCommand(failed: boolean): boolean {
    if (this.#owed || this.#command === undefined) return true;
    if (this.#tools.clock.monotonic() >= this.#nextCommandAt) return true;
    return !failed && (this.#unconfirmed || isWorthRetrying(this.#command.probe));
  }

  /** Runs the command where there is a place and time for it; whether it was run. */
  async #ask(
    route: SshRoute | undefined,
    failed: boolean,
    signal: AbortSignal,
    limits: SshLimits,
  ): Promise<boolean> {
    const { clock, slots } = this.#tools;
    const patienceMs = limits.spareMs() - KILL_MS - leastMs(limits);
    if (patienceMs < 0) return false;
    const places = failed || this.#failing ? slots.failing : slots.healthy;
    const ran = await withDeadline({ clock, ms: failed ? 0 : patienceMs, outer: signal }, (giveUp) =>
      places.use(giveUp, () => this.#runCommand(route, failed, signal, limits)),
    );
    signal.throwIfAborted();
    return ran ?? false;
  }

  async #runCommand(
    route: SshRoute | undefined,
    failed: boolean,
    signal: AbortSignal,
    { phaseMs, commandMs, spareMs }: SshLimits,
  ): Promise<true> {
    const { clock, run, env } = this.#tools;
    // A host that fails already needs no more time than it had.
    const ms = Math.min(failed ? phaseMs + KILL_MS : commandMs, spareMs() - KILL_MS);
    const startedAt = clock.monotonic();
    const startedAtMs = clock.now();
    const probe = await withDeadline({ clock, ms, outer: signal }, (cut) =>
      probeCommand(this.#destination, route, { run, env, signal: cut, deadlineMs: ms }),
    );
    signal.throwIfAborted();
    const now = clock.monotonic();
    const turn = this.#command === undefined ? this.#spread : 0;
    this.#nextCommandAt = now + this.config.command_interval * (1 - turn);
    const exchange = { startedAtMs, endedAtMs: clock.now(), tookMs: now - startedAt };
    this.#command = {
      probe,
      atMs: exchange.endedAtMs,
      seconds: exchange.tookMs / 1000,
      clock: probe.state === 'ran' ? clockOffset(parseRemoteTime(probe.stdout), exchange) : undefined,
    };
    this.#owed = false;
    if (!failed) this.#unconfirmed = false;
    return true;
  }

  #verdict(path: PathReport | undefined, asked: boolean): SshLook {
    const command = this.#command;
    const ofCommand = command?.probe.state === 'failed' ? command.probe.problem : undefined;
    const problem = path?.problem ?? ofCommand;
    this.#failing = problem !== undefined;
    return {
      up: this.#isUp(problem),
      result: problem?.result ?? 'ok',
      problem,
      asked: asked || path !== undefined,
      path,
      command,
    };
  }

  #isUp(problem: SshProblem | undefined): boolean | undefined {
    if (problem !== undefined && LOCAL_RESULTS.has(problem.result)) return undefined;
    return problem !== undefined || this.#unconfirmed ? false : ranOnce(this.#command);
  }
}

function ranOnce(command: CommandRecord | undefined): true | undefined {
  return command?.probe.state === 'ran' ? true : undefined;
}

function leastMs({ commandMs }: SshLimits): number {
  return Math.min(LEAST_COMMAND_MS, commandMs);
}

/**
 * Whether a next command may overcome it at no risk. Other failures stay until the command interval is over:
 * repeated logins that are denied get an address banned.
 */
function isWorthRetrying(probe: CommandProbe): boolean {
  return probe.state === 'failed' && PASSING_RESULTS.has(probe.problem.result);
}
