import { renderSample } from './exposition.ts';
import type { Family, Sample } from './family.ts';

/** Whose samples a snapshot holds: one target of one collector. */
export interface SnapshotKey {
  readonly collector: string;
  readonly target: string;
}

/** Some samples of one family, and their text, encoded. */
export interface Block {
  readonly samples: readonly Sample[];
  readonly text: Buffer;
}

/**
 * A snapshot's samples as they were handed in, and by family in blocks: where one sample
 * changed, one block is made anew.
 */
export interface Snapshot {
  readonly list: readonly Sample[];
  readonly blocks: ReadonlyMap<Family<string>, readonly Block[]>;
}

/**
 * What is to become a target's snapshot, rendered and compared with the one it replaces: only the swap is
 * left, whose cost follows the samples that changed.
 */
export interface PreparedSnapshot extends Snapshot {
  readonly key: SnapshotKey;
  readonly before: readonly Sample[];
  /** Series of samples that were not there before, and of those that are not there any more. */
  readonly fresh: ReadonlySet<string>;
  readonly gone: ReadonlySet<string>;
}

/** Samples rendered without a pause: a millisecond or less. */
const BLOCK = 200;
/** Samples that are only looked at without a pause. */
const SLICE = 2_000;

/** The snapshot of a target that was never looked at. */
export const NOTHING: Snapshot = { list: [], blocks: new Map() };
const NO_SERIES: ReadonlySet<string> = new Set();

/**
 * Renders `samples` and compares them with the snapshot that they are to replace; pauses now
 * and then, so that many do not hold up scrapes. Throws where a sample's family is not
 * declared or a series is there twice.
 */
export function* buildSnapshot(
  key: SnapshotKey,
  samples: readonly Sample[],
  now: Snapshot,
  isDeclared: (family: Family<string>) => boolean,
): Generator<undefined, PreparedSnapshot> {
  const before = now.list;
  if (isSameList(samples, before)) return { ...now, key, before, fresh: NO_SERIES, gone: NO_SERIES };
  const change = new Change();
  const blocks = new Map<Family<string>, readonly Block[]>();
  for (const [family, its] of yield* byFamily(samples, isDeclared)) {
    blocks.set(family, yield* blocksOf(its, now.blocks.get(family) ?? [], change));
  }
  for (const [family, its] of now.blocks)
    if (!blocks.has(family)) for (const block of its) change.leave(block);
  return { key, before, list: samples, blocks, ...(yield* change.series()) };
}

function* byFamily(
  samples: readonly Sample[],
  isDeclared: (family: Family<string>) => boolean,
): Generator<undefined, Map<Family<string>, Sample[]>> {
  const found = new Map<Family<string>, Sample[]>();
  for (const [index, sample] of samples.entries()) {
    const { family } = sample;
    const its = found.get(family);
    if (its !== undefined) its.push(sample);
    else if (isDeclared(family)) found.set(family, [sample]);
    else throw new Error(`metric ${family.name} is not declared`);
    if (index % SLICE === SLICE - 1) yield;
  }
  return found;
}

/** The samples of the blocks that came and went from one snapshot to the next. */
class Change {
  readonly #came = new Set<Sample>();
  readonly #left = new Set<Sample>();
  #rendered = 0;

  /** Whether so much was rendered that others should have their turn. */
  wantsPause(samples: number): boolean {
    this.#rendered += samples;
    if (this.#rendered < BLOCK) return false;
    this.#rendered = 0;
    return true;
  }

  /** Throws where one of them is there twice. */
  come({ samples }: Block): void {
    for (const sample of samples) {
      if (this.#came.has(sample)) throw repeated(sample.family);
      this.#came.add(sample);
    }
  }

  leave({ samples }: Block): void {
    for (const sample of samples) this.#left.add(sample);
  }

  *series(): Generator<undefined, Pick<PreparedSnapshot, 'fresh' | 'gone'>> {
    const fresh = new Set<string>();
    for (const [index, sample] of [...this.#came].entries()) {
      if (!this.#left.has(sample)) noteSeries(sample, fresh);
      if (index % BLOCK === BLOCK - 1) yield;
    }
    const gone = new Set<string>();
    for (const [index, sample] of [...this.#left].entries()) {
      if (!this.#came.has(sample)) gone.add(seriesOf(sample));
      if (index % BLOCK === BLOCK - 1) yield;
    }
    return { fresh, gone };
  }
}

/** The samples of one family in blocks: those of `before` wherever they still are what they were. */
function* blocksOf(
  samples: readonly Sample[],
  before: readonly Block[],
  change: Change,
): Generator<undefined, readonly Block[]> {
  const blocks: Block[] = [];
  for (let from = 0; from < samples.length; from += BLOCK) {
    const its = samples.slice(from, from + BLOCK);
    const old = before[blocks.length];
    if (old !== undefined && isIdentical(old.samples, its)) {
      blocks.push(old);
      continue;
    }
    const block = { samples: its, text: Buffer.from(its.map(renderSample).join('')) };
    if (old !== undefined) change.leave(old);
    change.come(block);
    blocks.push(block);
    if (change.wantsPause(its.length)) yield;
  }
  for (const old of before.slice(blocks.length)) change.leave(old);
  return blocks;
}

function isIdentical(some: readonly Sample[], others: readonly Sample[]): boolean {
  return some.length === others.length && some.every((sample, index) => sample === others[index]);
}

/** Collectors of thousands of samples hand in the same objects where nothing changed. */
function isSameList(some: readonly Sample[], others: readonly Sample[]): boolean {
  return some.length === others.length && some.every((sample, index) => isSame(sample, others[index]));
}

function isSame(one: Sample, other: Sample | undefined): boolean {
  if (one === other || other === undefined) return one === other;
  if (one.family !== other.family || one.value !== other.value) return false;
  return one.family.labels.every((label) => one.labels[label] === other.labels[label]);
}

function repeated({ name }: Family<string>): Error {
  return new Error(`metric ${name} repeats a label set`);
}

function noteSeries(sample: Sample, fresh: Set<string>): void {
  const series = seriesOf(sample);
  if (fresh.has(series)) throw repeated(sample.family);
  fresh.add(series);
}

/** A sample's line without its value. */
export function seriesOf(sample: Sample): string {
  const line = renderSample(sample);
  return line.slice(0, line.lastIndexOf(' '));
}
