import type { Page } from '../diagnosis/paging.ts';
import type { Clock } from '../lib/clock.ts';
import { codeOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { explainFileError, readRegular } from '../lib/regular-file.ts';
import { createHeartbeatRequest, type HeartbeatRequest, parseHeartbeatUrl, type Signal } from './service.ts';

/** A URL with a long path and query takes a tenth of it. */
const MAX_BYTES = 8 * 1024;
const REQUEST_MS = 10_000;
/** As collectors: many exporters do not report in lockstep. */
const JITTER = 0.1;
/** A service that answers with errors is asked again after at most this long, or the interval if it is longer. */
const MAX_BACK_OFF_MS = 5 * 60_000;

/** What a heartbeat needs. */
export interface HeartbeatOptions {
  /** Absolute path of the file that holds the URL, which is a secret. */
  readonly urlFile: string;
  readonly intervalMs: number;
  readonly clock: Clock;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
  readonly logger: Logger;
  /** Whether every collector has run: before that nothing is known to be well. */
  readonly isReady: () => boolean;
  /** What the rules would page for; undefined where nothing. */
  readonly page: () => Page | undefined;
  /** Sends one request; resolves with the HTTP status. */
  readonly send: (request: HeartbeatRequest, signal: AbortSignal) => Promise<number>;
}

type Outcome = { readonly state: 'reported' } | { readonly state: 'failed'; readonly reason: string };

/**
 * Reports to a heartbeat service (a dead man's switch) on each interval: `ok`, warnings included, or `fail`
 * for what the rules would page for. The service alerts on `fail`, and when it hears nothing. One request is
 * under way at a time, none is repeated before the next interval, and its URL never stands in a log.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #stopping = new AbortController();
  #cancelTimer: () => void = () => undefined;
  #hasStarted = false;
  #failures = 0;
  #lastReason: string | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** Reports the start at once, and then on each interval until {@link stop}. */
  start(): void {
    void this.#reportThenWait();
  }

  /** Ends a request that is under way; nothing is sent afterwards. */
  stop(): void {
    this.#stopping.abort(new Error('the exporter stops'));
    this.#cancelTimer();
  }

  async #reportThenWait(): Promise<void> {
    const { clock } = this.#options;
    const [signal, text] = this.#decide();
    if (signal !== undefined) this.#record(await this.#report(signal, text));
    if (this.#stopping.signal.aborted) return;
    this.#cancelTimer = clock.after(this.#delayMs(), () => void this.#reportThenWait());
  }

  #decide(): readonly [Signal | undefined, string] {
    if (!this.#hasStarted) {
      this.#hasStarted = true;
      return ['start', 'the exporter has started'];
    }
    if (!this.#options.isReady()) return [undefined, ''];
    const page = this.#options.page();
    if (page === undefined) return ['ok', 'nothing that pages'];
    return ['fail', `${page.cause} (layer ${page.layer}): ${page.fact}`];
  }

  async #report(signal: Signal, text: string): Promise<Outcome> {
    let url: URL | undefined;
    try {
      url = parseHeartbeatUrl(await readRegular(this.#options.urlFile, MAX_BYTES));
    } catch (error) {
      return { state: 'failed', reason: `heartbeat_url_file cannot be read (${explainFileError(error)})` };
    }
    if (url === undefined)
      return { state: 'failed', reason: 'heartbeat_url_file holds no http or https URL' };
    const request = createHeartbeatRequest(url, signal, text);
    if (request === undefined) return { state: 'reported' };
    try {
      const limit = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(REQUEST_MS)]);
      const status = await this.#options.send(request, limit);
      if (status >= 200 && status < 300) return { state: 'reported' };
      return { state: 'failed', reason: `the service answered HTTP ${status}` };
    } catch (error) {
      return { state: 'failed', reason: explainFailure(error) };
    }
  }

  /** One line at a change, not one an interval. */
  #record(outcome: Outcome): void {
    if (this.#stopping.signal.aborted) return;
    const { logger } = this.#options;
    if (outcome.state === 'failed') {
      this.#failures += 1;
      if (outcome.reason !== this.#lastReason)
        logger.warn('heartbeat not delivered', { reason: outcome.reason });
      this.#lastReason = outcome.reason;
      return;
    }
    if (this.#lastReason !== undefined) logger.info('heartbeat delivered again');
    this.#failures = 0;
    this.#lastReason = undefined;
  }

  #delayMs(): number {
    const { intervalMs, random } = this.#options;
    const backOffMs = intervalMs * 2 ** Math.min(Math.max(this.#failures - 1, 0), 10);
    const ms = Math.max(intervalMs, Math.min(backOffMs, MAX_BACK_OFF_MS));
    return ms * (1 + (random() - 0.5) * 2 * JITTER);
  }
}

/** Words for a failed request; the URL stands in the message of some errors and is left out. */
function explainFailure(error: unknown): string {
  if (!(error instanceof Error)) return 'the request failed';
  if (error.name === 'TimeoutError') return `no answer within ${REQUEST_MS / 1000} s`;
  return `the request failed (${codeOf(error.cause) ?? codeOf(error) ?? error.name})`;
}

/** Sends with the system's own trust and no redirect: a URL that is a secret goes to nobody else. */
export async function sendHeartbeat(
  { url, method, body }: HeartbeatRequest,
  signal: AbortSignal,
): Promise<number> {
  const response = await fetch(url, {
    method,
    signal,
    redirect: 'manual',
    ...(body === undefined ? {} : { body, headers: { 'content-type': 'text/plain; charset=utf-8' } }),
  });
  await response.body?.cancel();
  return response.status;
}
