import type { History } from '../../diagnosis/journal/history.ts';
import { CAUSE_WORDS, LAYER_WORDS } from '../../diagnosis/words.ts';
import { printable } from '../../lib/printable.ts';

const DAY_MS = 86_400_000;
/** ResultRows of each table; the rest is in --json. */
const MAX_ROWS = 100;

/** A history for people, in this machine's time zone; text of other programs in it cannot move the cursor. */
export function renderHistory(history: History): string {
  const { from, to, gaps, incidents, events, changes, jobs } = history;
  const since = Date.parse(from);
  const recent = changes.filter(({ to: end }) => Date.parse(end) >= since);
  // A layer changes with the subject that decides for it: it is printed once.
  const reasons = new Set(recent.filter(({ subject }) => subject === '').map(nameReason));
  const shown = recent.filter((one) => one.subject === '' || !reasons.has(nameReason(one)));
  return [
    `History from ${formatTime(from)} to ${formatTime(to)}`,
    '',
    ...section('Incidents', incidents.toReversed(), incidentLines, 'none'),
    ...section('Restarts and versions', events.toReversed(), ({ at, text }) => [
      `${formatTime(at)}  ${text}`,
    ]),
    ...section('Failed and missed runs', jobs, jobLines),
    ...section('Changes of verdict', shown.toReversed(), changeLines),
    ...section('Unknown: the exporter did not run', gaps.toReversed(), (gap) => [
      `${formatTime(gap.from)} to ${formatEnd(gap.from, gap.to)} (${formatSpan(gap.from, gap.to)})`,
    ]),
  ].join('\n');
}

function section<T>(title: string, rows: readonly T[], lines: (row: T) => string[], none?: string): string[] {
  if (rows.length === 0 && none === undefined) return [];
  const shown = rows.slice(0, MAX_ROWS).flatMap(lines);
  const more = rows.length > MAX_ROWS ? [`${rows.length - MAX_ROWS} more, see --json`] : [];
  const all = rows.length === 0 ? [none ?? ''] : [...shown, ...more];
  return [title, ...all.map((line) => `  ${printable(line)}`), ''];
}

function incidentLines(incident: History['incidents'][number]): string[] {
  const { from, to, cause, severity, subject, text, detail, times } = incident;
  const when = to === null ? 'until now' : `to ${formatEnd(from, to)} (${formatSpan(from, to)})`;
  const facts = [
    ...(incident.endNotSeen ? ['it ended while the exporter did not run'] : []),
    ...(times > 1 ? [`it began ${times} times`] : []),
    ...(incident.runsMeanwhile === null ? [] : [`${incident.runsMeanwhile} runs of jobs meanwhile`]),
  ];
  return [
    `${formatTime(from)} ${when}  ${severity}: ${CAUSE_WORDS[cause]}`,
    `    ${subject}: ${text}`,
    ...(detail === undefined ? [] : [`    it reported: ${detail}`]),
    ...(facts.length === 0 ? [] : [`    ${facts.join('; ')}`]),
  ];
}

function jobLines({ name, failed, missed, firstHour, lastHour, error }: History['jobs'][number]): string[] {
  const counts = [...(failed > 0 ? [`${failed} failed`] : []), ...(missed > 0 ? [`${missed} missed`] : [])];
  const hours =
    firstHour === lastHour ? formatTime(firstHour) : `${formatTime(firstHour)} to ${formatTime(lastHour)}`;
  return [
    `${name}: ${counts.join(', ')} (hour of ${hours})`,
    ...(error === undefined ? [] : [`    it reported: ${error}`]),
  ];
}

function changeLines({
  from,
  to,
  layer,
  subject,
  before,
  after,
  count,
  text,
}: History['changes'][number]): string[] {
  const about = subject === '' ? LAYER_WORDS[layer].title : `${LAYER_WORDS[layer].title}, ${subject}`;
  const what =
    count > 1
      ? `flapping, ${count} changes until ${formatEnd(from, to)}, then ${after}`
      : `${before ?? 'unknown'} to ${after}`;
  return [`${formatTime(from)}  ${about}: ${what}${text === '' ? '' : ` (${text})`}`];
}

function nameReason({ from, layer, subject, text, after }: History['changes'][number]): string {
  return [from, layer, after, subject === '' ? text : `${subject}: ${text}`].join(' ');
}

/** 2026-11-27 08:39 +01:00. */
function formatTime(iso: string): string {
  const date = new Date(iso);
  const minutes = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + minutes * 60_000).toISOString();
  const offset = `${pad(Math.floor(Math.abs(minutes) / 60))}:${pad(Math.abs(minutes) % 60)}`;
  return `${local.slice(0, 10)} ${local.slice(11, 16)} ${minutes < 0 ? '-' : '+'}${offset}`;
}

/** The end of a span; of the same day its time alone. */
function formatEnd(from: string, to: string): string {
  const [begin, end] = [formatTime(from), formatTime(to)];
  return begin.slice(0, 10) === end.slice(0, 10) ? end.slice(11, 16) : end;
}

function formatSpan(from: string, to: string): string {
  const ms = Math.max(0, Date.parse(to) - Date.parse(from));
  if (ms < 90_000) return `${Math.round(ms / 1_000)} s`;
  if (ms < 2 * 3_600_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 2 * DAY_MS) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / DAY_MS)} d`;
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}
