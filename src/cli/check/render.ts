import { CAUSE_WORDS, LAYER_WORDS } from '../../diagnosis/words.ts';
import { printable } from '../../lib/printable.ts';
import type { Layer } from '../../lib/vocabulary.ts';
import type { Report } from './report.ts';

type ShownVerdict = Report['layers'][number]['verdict'];

/** Evidence shown of one layer; the rest is counted. JSON has all of it. */
const MAX_ROWS = 15;

/** Columns of the longest title and the space after it. */
const TITLE_WIDTH = 9;

/** Never told by colour alone. */
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

const RESULTS = {
  0: 'Healthy, as far as it can be seen.',
  1: 'Something is wrong.',
  2: 'Cannot tell: nobody heard the gateway answer, and nothing says why.',
} as const;

/** A report for people; somebody else's text in it cannot move the cursor or colour anything. */
export function renderReport(report: Report, { colours }: { readonly colours: boolean }): string {
  const paint = (verdict: ShownVerdict, text: string) =>
    colours ? `\u001b[${COLOURS[verdict]}m${text}\u001b[0m` : text;
  const strong = (text: string) => (colours ? `\u001b[1m${text}\u001b[0m` : text);
  const row = (verdict: ShownVerdict, text: string) => `  ${paint(verdict, WORDS[verdict].padEnd(5))}${text}`;
  return [
    strong(heading(report)),
    '',
    ...report.layers.flatMap((layer) => [
      `${paint(layer.verdict, WORDS[layer.verdict].padEnd(5))}${strong(titleOf(layer.layer))}`,
      ...layerRows(layer, row),
    ]),
    ...report.notSeen.map(({ collector, target, reason }) =>
      row('unknown', printable(`could not look: ${collector} ${target}: ${reason}`)),
    ),
    ...(report.maintenance === null ? [] : ['', `Maintenance: ${printable(report.maintenance)}`]),
    '',
    paint(report.exitCode === 0 ? 'ok' : report.verdict, RESULTS[report.exitCode]),
    ...conclusion(report, strong),
    '',
  ].join('\n');
}

function titleOf(layer: Layer): string {
  const { title, question } = LAYER_WORDS[layer];
  return `${title.padEnd(TITLE_WIDTH)}${question}`;
}

function heading({ gateway, checkedAt, tookSeconds }: Report): string {
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
  { evidence }: Report['layers'][number],
  row: (verdict: ShownVerdict, text: string) => string,
): string[] {
  if (evidence.length === 0) return [row('unseen', 'nothing is known here')];
  const lines = evidence
    .slice(0, MAX_ROWS)
    .flatMap(({ subject, verdict, text, repair }) => [
      row(verdict, printable(`${subject}: ${text}`)),
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
  const steps = furtherSteps.map(
    (step) => `  ${printable(step.text)}   (phase ${step.phase}, ${PHASES[step.phase]})`,
  );
  return [
    `Likeliest cause: ${CAUSE_WORDS[cause]} (${printable(`${subject}: ${text}`)})`,
    ...(nextStep === null
      ? []
      : [
          '',
          `Next step (phase ${nextStep.phase}, ${PHASES[nextStep.phase]}):`,
          `  ${strong(printable(nextStep.text))}`,
        ]),
    ...(steps.length === 0 ? [] : ['', 'If that does not help:', ...steps]),
  ];
}
