import type { Evidence } from '../../core/collector.ts';
import { limitValues } from '../../lib/label-limit.ts';
import { PROVIDER_REASONS, type ProviderReason } from '../../lib/vocabulary.ts';
import type { Sample } from '../../metrics/family.ts';
import type { ConfiguredModels } from '../../openclaw/models.ts';
import type { JobState } from './job-state.ts';
import { CRON_METRICS } from './metrics.ts';

/** Jobs that fail for one reason because of one provider of models. */
export interface ProviderFailure {
  /** A label value; `unknown` where no model names it. */
  readonly provider: string;
  readonly reason: ProviderReason;
  readonly jobs: number;
}

const UNKNOWN = 'unknown';
/** As many jobs, and more than half of those that ran, share a cause; as `cron_many_jobs` of the rules. */
const MANY_JOBS = 3;

/** Jobs whose last run failed because of the provider of their model, disabled ones too. */
export function failuresByProvider(
  states: readonly JobState[],
  models: ConfiguredModels | undefined,
): ProviderFailure[] {
  const failing = states.flatMap((state) => {
    const reason = providerReason(state);
    return reason === undefined ? [] : [{ reason, provider: findProvider(state, models) }];
  });
  const limit = limitValues(failing.map(({ provider }) => provider));
  const groups = Map.groupBy(failing, ({ provider, reason }) => `${limit(provider)} ${reason}`);
  return [...groups.values()].flatMap((group) =>
    group.slice(0, 1).map(({ provider, reason }) => {
      return { provider: limit(provider), reason, jobs: group.length };
    }),
  );
}

/** Their samples. */
export function providerSamples(failures: readonly ProviderFailure[]): Sample[] {
  return failures.map(({ provider, reason, jobs }) =>
    CRON_METRICS.providerFailing.sample(jobs, { provider, reason }),
  );
}

function providerReason({ last }: JobState): ProviderReason | undefined {
  return last?.status === 'error' ? PROVIDER_REASONS.find((reason) => reason === last.reason) : undefined;
}

/** The model that a job asks for: its own, else its agent's, else that of all agents; `provider/model` or an alias. */
export function findWantedModel(
  { model, agentId }: JobState['job'],
  models: ConfiguredModels | undefined,
): string | undefined {
  const ofAgent = agentId === undefined ? undefined : models?.byAgent.get(agentId);
  return model ?? ofAgent ?? models?.byDefault;
}

/** The provider that the run used, else the one that the job would; an alias does not tell it. */
function findProvider({ job, last }: JobState, models: ConfiguredModels | undefined): string {
  const used = last?.outcome?.model ?? findWantedModel(job, models);
  const [provider, model] = used?.split('/', 2) ?? [];
  return provider === undefined || model === undefined ? UNKNOWN : provider;
}

const STEPS: Readonly<Record<ProviderReason, string>> = {
  auth: 'renew its credential',
  auth_permanent: 'renew its credential',
  billing: 'pay its bill',
  rate_limit: 'wait, or use another model',
  overloaded: "read the provider's status page, or use another model",
  server_error: "read the provider's status page, or use another model",
  timeout: "read the provider's status page, or use another model",
  tls_certificate: 'repair the certificate of its endpoint',
  model_not_found: 'choose another model',
};

/** That most jobs fail because of the providers of their models, with the provider and the repair. */
export function modelAccessEvidence(
  states: readonly JobState[],
  models: ConfiguredModels | undefined,
): Evidence[] {
  const failures = failuresByProvider(states, models).toSorted((a, b) => b.jobs - a.jobs);
  const [first] = failures;
  const failing = failures.reduce((sum, { jobs }) => sum + jobs, 0);
  const ran = states.filter(({ last }) => last !== undefined).length;
  if (first === undefined || failing < MANY_JOBS || failing <= ran / 2) return [];
  const list = failures.map(({ provider, reason, jobs }) => `${provider} ${reason} (${jobs})`).join(', ');
  const text = `${failing} of ${ran} jobs fail because of the provider of their model: ${list}`;
  const repair = `${first.provider}: ${STEPS[first.reason]}; then openclaw doctor`;
  return [
    { layer: 'cron', subject: 'model access', verdict: 'warning', fault: 'model-access', text, repair },
  ];
}
