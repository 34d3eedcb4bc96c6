import { CAUSES, type CauseRow, findExplanations } from '../../src/diagnosis/causes.ts';

/** Incidents of the recorded faults that only Prometheus can see, in their place in the order. */
const FIRST = [{ cause: 'exporter', incidents: ['exporter-down'] }] as const;
/** A path that comes and goes explains nothing that is proved otherwise. */
const LAST = [{ cause: 'network', incidents: ['flapping'] }] as const;

/** One part of the expression: the cause of these incidents, or of one that explains another. */
interface Part {
  readonly cause: string;
  readonly incidents: readonly string[];
  readonly explained?: string;
}

/** How the expression selects recorded faults and combines them. */
export interface CauseQuery {
  /** Faults that are recorded. */
  readonly recorded: ReadonlySet<string>;
  /** The recorded series of these incidents (a regular expression), without the label `incident`. */
  readonly select: (incidents: string) => string;
  /** Between two parts: the later one counts where the earlier one is absent. */
  readonly or: string;
}

/** The one likeliest cause by the table of causes: the first part that is present. */
export function causeExpression({ recorded, select, or }: CauseQuery): string {
  return [...FIRST, ...tableParts(recorded), ...LAST]
    .map(({ cause, incidents, ...rest }, index) => {
      const explained = 'explained' in rest ? rest.explained : undefined;
      const found = select(incidents.join('|'));
      const both = explained === undefined ? found : `(${found} and ${select(explained)})`;
      return `${index === 0 ? '' : `${or} `}label_replace(${both}, "cause", "${cause}", "", "")`;
    })
    .join('\n');
}

/**
 * Facts without a condition of their own among the rules: what only explains, and what no alert pages for.
 */
export function plainFacts(
  conditions: ReadonlySet<string>,
): readonly (CauseRow & { readonly promql: string })[] {
  return CAUSES.flatMap((row) =>
    row.promql === undefined || conditions.has(row.fault) ? [] : [{ ...row, promql: row.promql }],
  );
}

/**
 * Neighbours of one cause are one part. What explains a fault and is only a warning stands before that fault; what is
 * broken itself stands further up by its rank.
 */
function tableParts(recorded: ReadonlySet<string>): Part[] {
  const parts: Part[] = [];
  for (const { fault, cause, warnsOnly } of CAUSES) {
    if (!recorded.has(fault)) continue;
    for (const reason of findExplanations(fault)) {
      if (reason.warnsOnly === true && recorded.has(reason.fault))
        parts.push({ cause: reason.cause, incidents: [reason.fault], explained: fault });
    }
    if (warnsOnly === true) continue;
    const last = parts.at(-1);
    if (last !== undefined && last.cause === cause && last.explained === undefined) {
      parts[parts.length - 1] = { cause, incidents: [...last.incidents, fault] };
    } else parts.push({ cause, incidents: [fault] });
  }
  return parts;
}
