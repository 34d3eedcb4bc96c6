import type { Evidence } from '../../src/core/collector.ts';
import type { TargetState } from '../../src/core/collector-loop.ts';
import type { JobTotals, KnownProcess } from '../../src/core/facts.ts';
import { type History, readHistory } from '../../src/diagnosis/journal/history.ts';
import { JournalRecorder, RECORD_MS } from '../../src/diagnosis/journal/recorder.ts';
import type { Sample } from '../../src/metrics/family.ts';
import { gauge } from '../../src/metrics/family.ts';
import { DatabaseThread } from '../../src/state/database-thread.ts';
import { Journal, journalPath } from '../../src/state/journal.ts';
import { FakeClock } from './fake-clock.ts';
import { recordingLogger } from './logger.ts';

const info = gauge('openclaw_gateway_info', 'Version.', {
  labels: ['version'],
  meaning: { absent: 'unseen' },
});

/** A recorder with a real journal around verdicts that a test decides; may be killed and started again. */
export class JournalWorld {
  readonly clock = new FakeClock();
  readonly folder: string;
  readonly logger = recordingLogger();
  /** Evidence of the gateway's collectors, by collector. */
  readonly evidence = new Map<string, readonly Evidence[]>();
  readonly blind = new Map<string, string>();
  totals: readonly JobTotals[] | undefined;
  process: Partial<KnownProcess> | undefined;
  version: string | undefined;
  isOwner = true;
  #running:
    | { readonly thread: DatabaseThread; readonly journal: Journal; readonly recorder: JournalRecorder }
    | undefined;
  readonly #since = new Map<Evidence, number>();

  constructor(folder: string) {
    this.folder = folder;
  }

  get path(): string {
    return journalPath(this.folder);
  }

  /** Lets time pass in steps of the recorder, recording after each. */
  async pass(ms: number, stepMs = RECORD_MS): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      await this.clock.advance(stepMs);
      await this.record();
    }
  }

  /** Records once. */
  async record(): Promise<void> {
    this.#running ??= this.#start();
    await this.#running.recorder.record();
  }

  /** What the journal tells of the last `sinceMs`. */
  async history(sinceMs = 30 * 86_400_000, showsDetails = true): Promise<History> {
    this.#running ??= this.#start();
    const toMs = this.clock.now();
    const selection = { fromMs: toMs - sinceMs, toMs, showsDetails };
    const found = await readHistory(this.#running.journal, selection);
    if (found === undefined) throw new Error('the journal cannot be read');
    return found;
  }

  /** Ends without a last word. */
  async kill(): Promise<void> {
    await this.#running?.thread.end();
    this.#running = undefined;
  }

  /** Ends as a service is stopped. */
  async stop(): Promise<void> {
    await this.#running?.recorder.stop();
    await this.kill();
  }

  #start() {
    const thread = new DatabaseThread();
    const journal = new Journal(this.folder, thread, this.logger);
    const recorder = new JournalRecorder({
      journal,
      clock: this.clock,
      version: '1.2.3',
      isOwner: () => this.isOwner,
      states: () => this.#states(),
      layerSince: () => undefined,
      isReady: () => true,
      facts: ((name: string) =>
        name === 'jobTotals' ? this.totals : name === 'process' ? this.process : undefined) as never,
      metrics: { samplesOf: () => [this.#samples()] },
    });
    return { thread, journal, recorder };
  }

  #samples(): Sample[] {
    return this.version === undefined ? [] : [info.sample(1, { version: this.version })];
  }

  #states(): TargetState[] {
    const atMs = this.clock.now();
    for (const one of [...this.evidence.values()].flat())
      if (!this.#since.has(one)) this.#since.set(one, atMs);
    return [...this.evidence].map(([collector, evidence]) => {
      const blind = this.blind.get(collector);
      return {
        collector,
        target: collector,
        atMs,
        evidence,
        sinceMs: evidence.map((one) => this.#since.get(one) ?? atMs),
        ...(blind === undefined ? {} : { blind }),
      };
    });
  }
}
