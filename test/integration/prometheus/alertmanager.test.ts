import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AlertRule } from '../../../prometheus/source/rule.ts';
import { alertsOf, ruleGroups } from '../../../prometheus/source/rules.ts';
import { thresholdsSchema } from '../../../prometheus/source/thresholds.ts';
import { SCENARIOS } from '../../../prometheus/tests/files.ts';
import type { Scenario } from '../../../prometheus/tests/scenario.ts';
import { Alertmanager, type Labels, phasesOf } from '../../support/alertmanager.ts';
import { installed, runProgram } from '../../support/promtool.ts';
import { until } from '../../support/until.ts';

const CONFIG = join(import.meta.dirname, '..', '..', '..', 'prometheus', 'alertmanager.yml');
const alerts = alertsOf(ruleGroups(thresholdsSchema.parse({})));
const RECEIVERS = { critical: 'page', warning: 'chat', info: 'ticket' } as const;

/** Receivers, joined as amtool prints them. */
function receiversFor({ incident, severity }: Pick<AlertRule, 'incident' | 'severity'>): string {
  if (incident === 'watchdog') return 'heartbeat';
  if (incident === 'drill') return 'page,chat,ticket';
  if (incident === 'maintenance' && severity === 'info') return 'nobody';
  const isOfTheWay = incident.startsWith('alertmanager-') && severity === 'critical';
  return isOfTheWay ? 'chat,page' : RECEIVERS[severity];
}

/** The labels under which a step, written `Name/phase@subject`, reaches Alertmanager. */
function labelsOf(step: string, instance: string, more: Labels = {}): Labels {
  const [, name, phase, subject] = /^(\w+)\/([123])(?:@([\w-]+))?/.exec(step) ?? [];
  const rule = alerts.find(({ alert, phase: own }) => alert === name && String(own) === phase);
  if (rule === undefined) throw new Error(`no such alert: ${step}`);
  const about: Labels =
    subject === undefined
      ? {}
      : rule.alert.includes('Cron')
        ? { cron_job: subject, cron_job_id: `id-${subject}` }
        : { host: subject };
  const { alert, incident, severity } = rule;
  return {
    alertname: alert,
    incident,
    severity,
    repair_phase: String(rule.phase),
    instance,
    ...about,
    ...more,
  };
}

describe.skipIf(!installed('amtool'))('amtool (skipped where it is not installed)', () => {
  it('accepts the configuration', async () => {
    expect(await runProgram('amtool', ['check-config', CONFIG])).toMatchObject({ ok: true });
  });

  it.each(alerts.map((rule) => [`${rule.alert}/${rule.phase}`, rule] as const))(
    'routes %s',
    async (step, rule) => {
      const labels = Object.entries(labelsOf(step, 'mac-mini')).map(([name, value]) => `${name}=${value}`);
      const args = [
        'config',
        'routes',
        'test',
        `--config.file=${CONFIG}`,
        `--verify.receivers=${receiversFor(rule)}`,
      ];
      const result = await runProgram('amtool', [...args, ...labels]);
      expect(result).toMatchObject({ ok: true });
    },
  );
});

const available = installed('prometheus-alertmanager');
describe.skipIf(!available)('a real Alertmanager (skipped where it is not installed)', () => {
  let alertmanager: Alertmanager;

  beforeAll(async () => {
    alertmanager = await Alertmanager.start(CONFIG);
  });

  afterAll(async () => {
    await alertmanager?.stop();
  });

  /** Names of alerts that were told to anybody as firing. */
  const told = (instance: string) =>
    new Set(
      alertmanager
        .about(instance)
        .flatMap((one) => one.alerts.filter(({ status }) => status === 'firing'))
        .map(({ labels }) => labels.alertname),
    );

  it('pages once for an incident that climbs, and updates that page', async () => {
    const instance = 'climbing';
    for (const phase of ['1', '2', '3']) {
      await alertmanager.post([labelsOf(`OpenClawGatewayDown/${phase}`, instance)]);
      await until(() => alertmanager.about(instance).some((one) => phasesOf(one).join() === phase), {
        what: `the page of phase ${phase}, and of it alone`,
      });
    }
    expect(alertmanager.pages(instance)).toHaveLength(1);
    expect(new Set(alertmanager.about(instance).map(({ groupKey }) => groupKey)).size).toBe(1);
  });

  it('pages once where the climb begins in chat', async () => {
    const instance = 'from-chat';
    await alertmanager.post([labelsOf('OpenClawGatewayListenerGone/1', instance)]);
    await until(() => alertmanager.about(instance).some(({ receiver }) => receiver === 'chat'));
    expect(alertmanager.pages(instance)).toEqual([]);
    await alertmanager.post([labelsOf('OpenClawGatewayListenerGone/2', instance)]);
    await until(() => alertmanager.pages(instance).length > 0);
    await alertmanager.post([labelsOf('OpenClawGatewayListenerGone/3', instance)]);
    await until(() => alertmanager.about(instance).some((one) => phasesOf(one).join() === '3'));
    expect(alertmanager.pages(instance)).toHaveLength(1);
  });

  it('shows a host that is still in phase 1 beside one in phase 3', async () => {
    const instance = 'two-hosts';
    const steps = ['1@studio', '3@studio', '1@attic'].map((step) => `OpenClawSshHostDown/${step}`);
    await alertmanager.post(steps.map((step) => labelsOf(step, instance)));
    await until(() => alertmanager.about(instance).length > 0);
    expect(alertmanager.about(instance).map(phasesOf)[0]).toEqual(['1', '3']);
    expect(alertmanager.pages(instance)).toHaveLength(1);
  });

  const inhibitions: readonly (readonly [source: string, targets: readonly string[]])[] = [
    ...['Down/1', 'Hung/1', 'ListenerGone/2', 'PortForeign/1'].map(
      (source) =>
        [
          `OpenClawGateway${source}`,
          [
            'OpenClawCronJobOverdue/1@daily',
            'OpenClawCronRunMissed/1@daily',
            'OpenClawGatewaySlow/1',
            'OpenClawGatewayNotReady/1',
            'OpenClawGatewayRestarted/1',
          ],
        ] as const,
    ),
    ['OpenClawGatewayCrashLoop/3', ['OpenClawGatewayListenerGone/1', 'OpenClawGatewayRestarted/1']],
    ['OpenClawTokenMismatch/2', ['OpenClawTokenDrift/2', 'OpenClawAuthLockout/2']],
    ['OpenClawCronStopped/1', ['OpenClawCronJobOverdue/1@daily', 'OpenClawCronRunMissed/1@daily']],
    ['OpenClawSshHostDown/1@macbook', ['OpenClawTokenDrift/2@macbook', 'OpenClawClockSkew/1@macbook']],
    ['OpenClawSshFlapping/1@macbook', ['OpenClawTokenDrift/2@macbook']],
    ['OpenClawSshHostKeyChanged/1@studio', ['OpenClawSshAuthDenied/1@studio']],
    ['OpenClawExporterDown/1', ['OpenClawGatewayRestarted/1', 'OpenClawCronRunMissed/1@daily']],
    ['OpenClawMaintenance/1', ['OpenClawTokenDrift/2', 'OpenClawCronJobOverdue/1@daily']],
  ];

  it.each(inhibitions.map(([source, targets], index) => [source, targets, `inhibited-${index}`] as const))(
    '%s inhibits %j of its instance, cluster or not',
    async (source, targets, instance) => {
      const clusters = [{}, { cluster: 'home' }];
      const causes = clusters.map((cluster) => labelsOf(source, instance, cluster));
      const symptoms = clusters.flatMap((cluster) =>
        targets.map((target) => labelsOf(target, instance, cluster)),
      );
      await alertmanager.post([...causes, ...symptoms]);
      await alertmanager.settled();
      expect([...told(instance)]).toEqual(
        source.startsWith('OpenClawMaintenance') ? [] : [source.replace(/\/.*/, '')],
      );
      await alertmanager.post(causes, 'resolved');
      await until(() => symptoms.some(({ alertname }) => told(instance).has(alertname)), {
        what: 'the symptoms, once their cause is over',
      });
    },
  );

  it('inhibits nothing of the gateway of the same name in another cluster', async () => {
    const instance = 'same-name';
    await alertmanager.post([
      labelsOf('OpenClawTokenMismatch/2', instance, { cluster: 'home' }),
      labelsOf('OpenClawTokenDrift/2', instance, { cluster: 'office' }),
    ]);
    await until(() => told(instance).has('OpenClawTokenDrift'));
    expect(alertmanager.about(instance).map(({ groupLabels }) => groupLabels.cluster)).toContain('office');
  });

  const pairs = ['OpenClawGatewayDown/1', 'OpenClawMaintenance/1', 'OpenClawExporterDown/1'].flatMap(
    (source) =>
      alerts
        .filter(
          ({ severity, incident }) => severity === 'critical' && incident !== labelsOf(source, '').incident,
        )
        .map(({ alert, phase }) => [source, `${alert}/${phase}`] as const),
  );

  it('never inhibits a critical alert by another incident', async () => {
    const cases = pairs.map(([source, target], index) => ({ source, target, instance: `critical-${index}` }));
    await alertmanager.post(
      cases.flatMap(({ source, target, instance }) => [source, target].map((one) => labelsOf(one, instance))),
    );
    await alertmanager.settled();
    const quiet = cases.filter(({ target, instance }) => !told(instance).has(target.replace(/\/.*/, '')));
    expect(quiet).toEqual([]);
  });

  const loud: readonly (readonly [source: string, target: string])[] = [
    ['OpenClawSshHostDown/1@macbook', 'OpenClawTokenMismatch/2'],
    ['OpenClawSshHostDown/1@macbook', 'OpenClawTokenDrift/2@studio'],
    ['OpenClawSshFlapping/1@macbook', 'OpenClawTokenMismatch/2'],
    ['OpenClawMaintenance/1', 'OpenClawSshHostKeyChanged/1@studio'],
    ['OpenClawGatewayListenerGone/1', 'OpenClawTokenMismatch/2'],
    ['OpenClawSshHostDown/1@studio', 'OpenClawGatewayDown/1'],
    ['OpenClawCronStopped/1', 'OpenClawTokenMismatch/2'],
    ['OpenClawGatewayDown/1', 'OpenClawTokenDrift/2'],
  ];

  it.each(loud.map(([source, target], index) => [source, target, `loud-${index}`] as const))(
    '%s leaves %s alone',
    async (source, target, instance) => {
      const wanted = labelsOf(target, instance);
      await alertmanager.post([labelsOf(source, instance), wanted]);
      await until(() => told(instance).has(wanted.alertname ?? ''), { what: target });
    },
  );

  it("silences nothing of another gateway's", async () => {
    await alertmanager.post([
      labelsOf('OpenClawGatewayDown/1', 'first-gateway'),
      labelsOf('OpenClawTokenMismatch/2', 'second-gateway'),
    ]);
    await until(() => told('second-gateway').has('OpenClawTokenMismatch'));
  });

  it('tells the heartbeat, and nobody else, that alerts work', async () => {
    await alertmanager.post([labelsOf('OpenClawWatchdog/1', 'prometheus')]);
    await until(() => alertmanager.notifications.some(({ receiver }) => receiver === 'heartbeat'));
    expect(told('prometheus').size).toBe(0);
  });

  it('opens one page for each critical incident of a scenario, and none for the others', async () => {
    const played = SCENARIOS.filter(({ ids }) => !ids.some((id) => id.startsWith('OpenClaw')));
    const plays = played.map((scenario, index) => new Play(scenario, `scenario-${index}`));
    const steps = Math.max(...plays.map(({ lists }) => lists.length));
    for (let step = 0; step < steps; step += 1) {
      await alertmanager.post(
        plays.flatMap((play) => play.ends(step)),
        'resolved',
      );
      await alertmanager.post(plays.flatMap((play) => play.begins(step)));
      await alertmanager.settled();
    }
    const wrong = plays
      .map(({ title, instance, pagesWanted }) => ({
        title,
        pages: alertmanager.pages(instance).length,
        pagesWanted,
      }))
      .filter(({ pages, pagesWanted }) => pages !== pagesWanted);
    expect(wrong).toEqual([]);
  }, 120_000);
});

/** One scenario's alerts, list by list, as Prometheus would report them under an instance of its own. */
class Play {
  readonly instance: string;
  readonly title: string;
  readonly lists: readonly (readonly string[])[];

  constructor({ ids, name, firing }: Scenario, instance: string) {
    this.instance = instance;
    this.title = `${ids.join(', ')}: ${name}`;
    const inOrder = Object.entries(firing).toSorted(([a], [b]) => Number(a) - Number(b));
    const lists = inOrder.map(([, list]) => list);
    this.lists = lists.filter((list, index) => list.join() !== lists[index - 1]?.join());
  }

  /** Critical incidents; each has a group of its own. */
  get pagesWanted(): number {
    const critical = this.lists
      .flat()
      .map((step) => labelsOf(step, this.instance))
      .filter(({ severity }) => severity === 'critical');
    return new Set(critical.map(({ incident }) => incident)).size;
  }

  begins(step: number): Labels[] {
    return (this.lists[step] ?? []).map((one) => labelsOf(one, this.instance));
  }

  ends(step: number): Labels[] {
    const now = this.lists[step];
    if (now === undefined) return [];
    return (this.lists[step - 1] ?? [])
      .filter((one) => !now.includes(one))
      .map((one) => labelsOf(one, this.instance));
  }
}
