import { z } from 'zod';
import type { Evidence } from '../../core/collector.ts';
import type { TargetState } from '../../core/collector-loop.ts';
import { byWeight, decides } from '../../core/verdict.ts';
import { diagnose } from '../../diagnosis/cause.ts';
import type { Machine } from '../../diagnosis/machine.ts';
import { exactRepair, repairSteps } from '../../diagnosis/repair.ts';
import { LAYERS } from '../../lib/vocabulary.ts';

const verdict = z.enum(['ok', 'warning', 'bad', 'unknown']);
const evidence = z.strictObject({
  subject: z.string(),
  verdict,
  text: z.string(),
  repair: z.string().optional().describe('next step about this alone'),
});
const step = z.strictObject({
  phase: z
    .union([z.literal(1), z.literal(2), z.literal(3)])
    .describe('1 light, 2 authentication, 3 full restart'),
  text: z.string().describe('a command, or a sentence where no command does it'),
});

/** What `check --json` prints, one object a look; a new `version` when a key changes its meaning or goes. */
export const reportSchema = z.strictObject({
  version: z.literal(1),
  checkedAt: z.iso.datetime(),
  tookSeconds: z.number().min(0),
  exitCode: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  verdict: verdict.describe('worst of the layers'),
  gateway: z.strictObject({
    address: z.string().describe('host:port'),
    version: z.string().nullable(),
    service: z
      .strictObject({
        manager: z.enum(['systemd', 'launchd']),
        name: z.string(),
        scope: z.enum(['user', 'system']),
        active: z.boolean(),
      })
      .nullable(),
  }),
  maintenance: z.string().nullable().describe('planned maintenance, where it is declared'),
  layers: z
    .array(
      z.strictObject({
        layer: z.enum(LAYERS),
        verdict: z.enum([...verdict.options, 'unseen']),
        evidence: z.array(evidence),
      }),
    )
    .describe('top down; unseen: nothing is configured there or it could not be looked at'),
  likeliestCause: z
    .strictObject({
      cause: z.enum(['network', 'process', 'authentication', 'partial-failure', 'cron']),
      layer: z.enum(LAYERS),
      subject: z.string(),
      text: z.string(),
    })
    .nullable(),
  nextStep: step.nullable(),
  furtherSteps: z.array(step).describe('when the next step does not help'),
  notSeen: z
    .array(z.strictObject({ collector: z.string(), target: z.string(), reason: z.string() }))
    .describe('where this program itself could not look'),
});
/** What `check --json` prints; the schema is in docs/check.md. */
export type Report = z.output<typeof reportSchema>;
/** 0 healthy, 1 something is wrong, 2 cannot tell. */
export type ExitCode = Report['exitCode'];

/** What one look at everything gave. */
export interface Looked {
  readonly states: readonly TargetState[];
  readonly address: string;
  readonly machine: Machine;
  /** Wall time of the end, milliseconds since the epoch. */
  readonly atMs: number;
  /** From the beginning to the end, by the monotonic clock. */
  readonly tookMs: number;
}

/** The diagnosis of one look. */
export function reportOf({ states, address, machine, atMs, tookMs }: Looked): Report {
  const { verdict: overall, likeliest, layers } = diagnose(states);
  const said = states.flatMap((one) => one.evidence);
  const all = said.filter(decides);
  const [next = null, ...rest] = likeliest === undefined ? [] : repairSteps(likeliest, machine);
  const { service } = machine;
  return {
    version: 1,
    checkedAt: new Date(atMs).toISOString(),
    tookSeconds: Math.round(tookMs) / 1000,
    exitCode: exitCodeOf(overall, layers.get('answers') === 'ok'),
    verdict: overall,
    gateway: {
      address,
      version: machine.version ?? null,
      service: service === undefined ? null : pick(service),
    },
    maintenance: said.find(({ planned }) => planned)?.text ?? null,
    layers: LAYERS.map((layer) => ({
      layer,
      verdict: layers.get(layer) ?? 'unseen',
      evidence: all
        .filter((one) => one.layer === layer)
        .sort((a, b) => byWeight(a.verdict, b.verdict))
        .map(({ subject, verdict: its, text, repair }) => ({
          subject,
          verdict: its,
          text,
          ...(repair === undefined ? {} : { repair: exactRepair(repair, machine) }),
        })),
    })),
    likeliestCause: likeliest === undefined ? null : { cause: likeliest.cause, ...about(likeliest.evidence) },
    nextStep: next,
    furtherSteps: rest,
    notSeen: states.flatMap(({ collector, target, blind }) =>
      blind === undefined ? [] : [{ collector, target, reason: blind }],
    ),
  };
}

/** Nobody may be told that a gateway is healthy which nobody heard answer. */
function exitCodeOf(overall: Report['verdict'], answers: boolean): ExitCode {
  if (overall === 'bad' || overall === 'warning') return 1;
  return answers ? 0 : 2;
}

function pick({ manager, name, scope, active }: NonNullable<Machine['service']>) {
  return { manager, name, scope, active };
}

function about({ layer, subject, text }: Evidence) {
  return { layer, subject, text };
}
