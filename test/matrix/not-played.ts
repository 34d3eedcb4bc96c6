/** Rows of the fault catalogue without a scenario, each with its reason and the proof there is. */
export const NOT_PLAYED: readonly { readonly ids: string; readonly why: string; readonly where: string }[] = [
  {
    ids: 'G9, C5+G9',
    why: 'a blocked event loop is slow against a baseline of a day; looks a second apart are cut after a second',
    where: 'prometheus/tests/gateway.ts, pairs.ts',
  },
  {
    ids: 'G11, G12',
    why: 'trends over six hours take twelve minutes even here',
    where: 'prometheus/tests/gateway.ts',
  },
  {
    ids: 'G14',
    why: 'differs from G1 in one metric; a real zombie is made where it is proved',
    where: 'test/integration/collectors/process/collector.test.ts, prometheus/tests/gateway.ts',
  },
  {
    ids: 'G22',
    why: 'needs a service manager that restarts the gateway',
    where: 'test/unit/collectors/process/evidence.test.ts, prometheus/tests/faults.ts',
  },
  {
    ids: 'G23, T12, C16',
    why: 'it is the length of the fault that fires, and twenty minutes and more are proved as they are',
    where: 'prometheus/tests/faults.ts',
  },
  {
    ids: 'G24',
    why: 'every third scrape fails by the clock of Prometheus, which no scenario holds',
    where: 'prometheus/tests/faults.ts',
  },
  {
    ids: 'G25',
    why: 'needs two versions of the gateway in one place',
    where: 'test/e2e/gateway-life.test.ts, prometheus/tests/faults.ts',
  },
  {
    ids: 'G26',
    why: 'needs a control group of its own',
    where: 'test/integration/os/oom.test.ts, prometheus/tests/faults.ts',
  },
  {
    ids: 'T11, C18',
    why: 'nothing fires, which here would only be the absence of alerts over a minute',
    where: 'prometheus/tests/faults.ts',
  },
  {
    ids: 'C17',
    why: 'needs a model provider that refuses',
    where: 'test/e2e/model-access.test.ts, prometheus/tests/faults.ts',
  },
  {
    ids: 'X5',
    why: 'needs service discovery and a second Prometheus',
    where: 'prometheus/tests/faults.ts, watcher.ts',
  },
  {
    ids: 'X6, X7',
    why: 'needs Alertmanager with silences and receivers that fail',
    where: 'test/stories/stories.ts, test/integration/prometheus/drill.test.ts',
  },
  {
    ids: 'G2+C3, G5+T2, N2+X2',
    why: 'each half has a scenario; together they differ in inhibition only',
    where: 'prometheus/tests/pairs.ts, test/integration/prometheus/alertmanager.test.ts',
  },
  {
    ids: 'N8, N8+T1',
    why: 'needs another clock at the other end',
    where: 'test/e2e/ssh-namespaces.test.ts, prometheus/tests/network.ts, pairs.ts',
  },
  {
    ids: 'N9',
    why: 'no tailnet to be had',
    where: 'test/integration/collectors/tailscale/collector.test.ts, prometheus/tests/network.ts',
  },
  { ids: 'N10', why: 'a night takes sixteen minutes even here', where: 'prometheus/tests/network.ts (days)' },
  {
    ids: 'T10',
    why: 'needs an OpenClaw client on another machine',
    where: 'test/integration/collectors/remote/client.test.ts, prometheus/tests/token.ts',
  },
  {
    ids: 'T3, T4, T5',
    why: 'told by the same metrics and alert as T2, in more places',
    where: 'test/e2e/token-drift.test.ts, prometheus/tests/token.ts',
  },
  {
    ids: 'upgrade+X1',
    why: 'needs two versions of the gateway in turn',
    where: 'test/integration/collectors/cron/source/storage.test.ts, prometheus/tests/pairs.ts',
  },
];
