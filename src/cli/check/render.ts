import { CAUSE_WORDS, LAYER_WORDS } from '../../diagnosis/words.ts';
import { printable } from '../../lib/printable.ts';
import type { Layer } from '../../lib/vocabulary.ts';
import type { Report } from './report.ts';

type ShownVerdict = Report['layers'][number]['verdict'];

/** Evidence shown of one layer; the rest is counted, and JSON has all of it. */
const MAX_ROWS = 15;

/** Columns of the longest title and the space after it. */
const TITLE_WIDTH = 9;

/** Never shown by colour alone. */
const WORDS: Readonly<Record<ShownVerdict, string>> = {
  ok: 'ok',
  warning: 'WARN',
  bad: 'BAD',
  unknown: '?',
  unseen: '-',
};

const COLOURS: Readonly<Record<ShownVerdict, number>> = {
  ok: 32,
  warning: 33,
  bad: 31,
  unknown: 90,
  unseen: 90,
};

const PHASES = { 1: 'light repair', 2: 'authentication', 3: 'full restart' } as const;

function formatResult({ exitCode, verdict }: Report): string {
  if (exitCode === 1) return 'Something is wrong.';
  if (exitCode === 2) return 'No verdict: the gateway was not observed to answer, and nothing explains why.';
  return verdict === 'warning' ? 'Works, with warnings.' : 'Healthy, as far as observed.';
}

/** A report for people; text of other programs in it can neither move the cursor nor set colours. */
export function renderReport(report: Report, { colours }: { readonly colours: boolean }): string {
  const paint = (verdict: ShownVerdict, text: string) =>
    colours ? `\u001b[${COLOURS[verdict]}m${text}\u001b[0m` : text;
  const strong = (text: string) => (colours ? `\u001b[1m${text}\u001b[0m` : text);
  const row = (verdict: ShownVerdict, text: string) => `  ${paint(verdict, WORDS[verdict].padEnd(5))}${text}`;
  return [
    strong(formatHeading(report)),
    '',
    ...report.layers.flatMap((layer) => [
      `${paint(layer.verdict, WORDS[layer.verdict].padEnd(5))}${strong(formatTitle(layer.layer))}`,
      ...layerRows(layer, row),
    ]),
    ...report.notSeen.map(({ collector, target, reason }) =>
      row('unknown', printable(`not collected: ${collector} ${target}: ${reason}`)),
    ),
    ...(report.maintenance === null ? [] : ['', `Maintenance: ${printable(report.maintenance)}`]),
    '',
    paint(report.exitCode === 0 ? 'ok' : report.verdict, formatResult(report)),
    ...conclusion(report, strong),
    '',
  ].join('\n');
}

function formatTitle(layer: Layer): string {
  const { title, question } = LAYER_WORDS[layer];
  return `${title.padEnd(TITLE_WIDTH)}${question}`;
}

function formatHeading({ gateway, checkedAt, tookSeconds }: Report): string {
  const { address, version, service } = gateway;
  const parts = [
    `Gateway ${address}`,
    ...(version === null ? [] : [`OpenClaw ${version}`]),
    ...(service === null ? [] : [`${service.manager} ${service.name} (${service.scope})`]),
    `${checkedAt}, took ${tookSeconds.toFixed(1)} s`,
  ];
  return printable(parts.join(' · '));
}

function layerRows(
  { evidence, verdict }: Report['layers'][number],
  row: (verdict: ShownVerdict, text: string) => string,
): string[] {
  if (evidence.length === 0) return verdict === 'unseen' ? [row('unseen', 'not configured')] : [];
  const lines = evidence
    .slice(0, MAX_ROWS)
    .flatMap(({ subject, verdict: its, text, note, detail, repair }) => [
      row(its, printable(`${note === true ? 'note: ' : ''}${subject}: ${text}`)),
      ...(detail === undefined ? [] : [`         ${printable(`it reported: ${detail}`)}`]),
      ...(repair === undefined ? [] : [`         ${printable(`-> ${repair}`)}`]),
    ]);
  const more = evidence.length - MAX_ROWS;
  return more > 0 ? [...lines, `       ${more} more, see --json`] : lines;
}

function conclusion(
  { likeliestCause, nextStep, furtherSteps }: Report,
  strong: (text: string) => string,
): string[] {
  if (likeliestCause === null) return [];
  const { cause, subject, text } = likeliestCause;
  return [
    `Likeliest cause: ${CAUSE_WORDS[cause]} (${printable(`${subject}: ${text}`)})`,
    ...(nextStep === null
      ? []
      : [
          '',
          `Next step (phase ${nextStep.phase}, ${PHASES[nextStep.phase]}):`,
          ...stepLines(nextStep, strong),
        ]),
    ...(furtherSteps.length === 0 ? [] : ['', 'Then, if that does not help:']),
    ...furtherSteps.flatMap((step) =>
      stepLines(step, (line) => line, `   (phase ${step.phase}, ${PHASES[step.phase]})`),
    ),
  ];
}

/** A command stands alone on its line, ready to be copied. */
function stepLines(
  { text, isCommand, note }: NonNullable<Report['nextStep']>,
  strong: (text: string) => string,
  phase = '',
): string[] {
  const line = isCommand ? `  ${strong(printable(text))}` : `  ${printable(text)}${phase}`;
  const remark = [
    ...(note === undefined ? [] : [note]),
    ...(isCommand && phase !== '' ? [phase.trim()] : []),
  ];
  return [line, ...(remark.length === 0 ? [] : [`      ${printable(remark.join(' '))}`])];
}
