/** Where an alert goes: info to the ticket queue, warning to chat, critical to whoever is on call. */
export type Severity = 'info' | 'warning' | 'critical';

/** The repair ladder: 1 light (restart), 2 authentication, 3 full restart. */
export type Phase = 1 | 2 | 3;

/**
 * What silences an alert, in its own expression: declared maintenance of its instance, the loss of the
 * watcher that probes it, the loss of the whole machine, an update within its budget. Inhibition in
 * Alertmanager is no substitute: it drops the notification of an alert that ends, or begins anew, while it
 * is inhibited.
 */
export type Suppression = 'maintenance' | 'watcher' | 'host' | 'update';

export interface RecordRule {
  readonly kind: 'record';
  readonly record: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface AlertRule {
  readonly kind: 'alert';
  readonly alert: string;
  /** The group of notifications it belongs to, with `instance`. */
  readonly incident: string;
  readonly severity: Severity;
  readonly phase: Phase;
  readonly expr: string;
  /** Labels of the expression besides those of the target. */
  readonly about: readonly string[];
  readonly suppressedBy: readonly Suppression[];
  /** Milliseconds. */
  readonly forMs: number;
  /** Milliseconds; 0 for none. */
  readonly keepMs: number;
  readonly summary: string;
  readonly description: string;
  /** What to do next, in one line: a command where there is one. */
  readonly next: string;
  /** Rows of the fault catalogue it answers to. */
  readonly catalogue: readonly string[];
}

export type Rule = RecordRule | AlertRule;

export interface RuleGroup {
  readonly name: string;
  /** File name without extension under `rules/`. */
  readonly file: string;
  /** Milliseconds between two evaluations; default: the threshold `evaluation_interval`. */
  readonly intervalMs?: number;
  readonly rules: readonly Rule[];
}

type Optional = 'keepMs' | 'about' | 'suppressedBy';
type Shared = Omit<AlertRule, 'kind' | 'severity' | 'phase' | 'forMs' | 'next' | Optional> &
  Partial<Pick<AlertRule, Optional>>;

export interface Step {
  readonly phase: Phase;
  readonly severity: Severity;
  readonly forMs: number;
  readonly next: string;
  /** Replaces the ladder's expression where a step needs another. */
  readonly expr?: string;
  readonly keepMs?: number;
  /** Replaces the ladder's words where a step's value means something else. */
  readonly summary?: string;
  readonly description?: string;
}

/**
 * One alert that climbs: the same name and incident in each step, so that all steps share one notification
 * group and a climb updates what is already open. Alertmanager shows the highest step that fires.
 */
export function ladder(shared: Shared, steps: readonly Step[]): AlertRule[] {
  const { keepMs = 0, about = [], suppressedBy = ['maintenance'] } = shared;
  return steps.map((step) => ({ kind: 'alert', ...shared, keepMs, about, suppressedBy, ...step }));
}

/** A recording rule named `level:metric:operation`. */
export function record(name: string, expr: string, labels?: Readonly<Record<string, string>>): RecordRule {
  return { kind: 'record', record: name, expr, ...(labels === undefined ? {} : { labels }) };
}
