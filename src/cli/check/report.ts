import { z } from 'zod';
import type { Evidence } from '../../core/collector.ts';
import type { TargetState } from '../../core/collector-loop.ts';
import { compareEvidence, decides } from '../../core/verdict.ts';
import { diagnose } from '../../diagnosis/cause.ts';
import type { Machine } from '../../diagnosis/machine.ts';
import { nextStep, repairSteps } from '../../diagnosis/repair.ts';
import { LAYERS, type Layer } from '../../lib/vocabulary.ts';

const verdict = z.enum(['ok', 'warning', 'bad', 'unknown']);
const evidence = z.strictObject({
  subject: z.string(),
  verdict: z.enum([...verdict.options, 'unseen']),
  text: z.string(),
  note: z.literal(true).optional().describe('worth knowing, and no fault yet'),
  detail: z.string().optional().describe('what the other side reported, redacted'),
  repair: z.string().optional().describe('next step about this alone'),
});
const step = z.strictObject({
  phase: z
    .union([z.literal(1), z.literal(2), z.literal(3)])
    .describe('1 light, 2 authentication, 3 full restart'),
  text: z.string().describe('a command, or a sentence where no command does it'),
  isCommand: z.boolean().describe('whether `text` is a command'),
  note: z.string().optional().describe('what the command does, and what has to be done before'),
});

/** What `check --json` prints, one object a check; a new `version` when a key changes its meaning or goes. */
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
    .describe('top down; unseen: not configured'),
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
    .describe('what this program could not collect'),
});
/** What `check --json` prints; the schema is in docs/check.md. */
export type Report = z.output<typeof reportSchema>;
/** 0 healthy, 1 something is wrong, 2 no verdict. */
export type ExitCode = Report['exitCode'];

/** Values of `--fail-on`: the least verdict that makes the exit code 1. */
export const FAIL_ON = ['warning', 'critical'] as const;
/** One of {@link FAIL_ON}. */
export type FailOn = (typeof FAIL_ON)[number];

/** The result of one run of every collector. */
export interface CheckResult {
  readonly states: readonly TargetState[];
  readonly address: string;
  readonly machine: Machine;
  /** Wall time of the end, milliseconds since the epoch. */
  readonly atMs: number;
  /** From the beginning to the end, by the monotonic clock. */
  readonly tookMs: number;
}

/** The diagnosis of one check. */
export function createReport(result: CheckResult, failOn: FailOn = 'warning'): Report {
  const { states, address, machine, atMs, tookMs } = result;
  const { verdict: overall, likeliest, layers } = diagnose(states);
  const all = states.flatMap((one) => one.evidence);
  const [next = null, ...rest] = likeliest === undefined ? [] : repairSteps(likeliest, machine);
  const { service } = machine;
  return {
    version: 1,
    checkedAt: new Date(atMs).toISOString(),
    tookSeconds: Math.round(tookMs) / 1000,
    exitCode: decideExitCode(overall, layers.get('answers') === 'ok', failOn),
    verdict: overall,
    gateway: {
      address,
      version: machine.version ?? null,
      service: service === undefined ? null : pickService(service),
    },
    maintenance: all.find(({ planned }) => planned)?.text ?? null,
    layers: LAYERS.map((layer) => ({
      layer,
      verdict: layers.get(layer) ?? 'unseen',
      evidence: selectEvidence(all, layer).map((one) => reportEvidence(one, machine)),
    })),
    likeliestCause:
      likeliest === undefined ? null : { cause: likeliest.cause, ...pickAbout(likeliest.evidence) },
    nextStep: next,
    furtherSteps: rest,
    notSeen: states.flatMap(({ collector, target, blind }) =>
      blind === undefined ? [] : [{ collector, target, reason: blind }],
    ),
  };
}

function selectEvidence(all: readonly Evidence[], layer: Layer): Evidence[] {
  return all.filter((one) => one.layer === layer && one.planned !== true).sort(compareEvidence);
}

function reportEvidence(one: Evidence, machine: Machine): Report['layers'][number]['evidence'][number] {
  const { subject, text, note, detail } = one;
  const step = nextStep(one, machine);
  return {
    subject,
    verdict: decides(one) ? one.verdict : 'unseen',
    text,
    ...(note === undefined ? {} : { note }),
    ...(detail === undefined ? {} : { detail }),
    ...(step === undefined ? {} : { repair: step.text }),
  };
}

/** A gateway whose answer was not observed is never healthy. */
function decideExitCode(overall: Report['verdict'], answers: boolean, failOn: FailOn): ExitCode {
  if (overall === 'bad' || (overall === 'warning' && failOn === 'warning')) return 1;
  return answers ? 0 : 2;
}

function pickService({ manager, name, scope, active }: NonNullable<Machine['service']>) {
  return { manager, name, scope, active };
}

function pickAbout({ layer, subject, text }: Evidence) {
  return { layer, subject, text };
}
