import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { vmalertFiles } from '../../prometheus/source/render.ts';
import { ruleGroups } from '../../prometheus/source/rules.ts';
import { accelerated, thresholdsSchema } from '../../prometheus/source/thresholds.ts';
import { healthy, killed } from '../../prometheus/tests/world.ts';
import { StandInExporter } from '../stories/stand-in-exporter.ts';
import { Alertmanager } from '../support/alertmanager.ts';
import { type PlacedQuery, placedQueries, substituted } from '../support/dashboards.ts';
import { installed } from '../support/promtool.ts';
import { until } from '../support/until.ts';
import { VictoriaMetricsStack } from '../support/victoriametrics.ts';

const PROGRAMS = ['victoria-metrics', 'vmagent', 'vmalert', 'prometheus-alertmanager'];
const CONFIG = join(import.meta.dirname, '..', '..', 'prometheus', 'alertmanager.yml');
/** Every time in the rules and in Alertmanager's configuration is divided by this. */
const ACCELERATION = 15;
const MINUTE_MS = 60_000 / ACCELERATION;
const LOOKBACK_MS = 300_000 / ACCELERATION;
const RESEND_MS = 60_000 / ACCELERATION;
/** The gateway is away in these minutes. */
const OUTAGE = [4, 16] as const;
const VALUES = {
  instance: 'failing',
  host: '.*',
  job: '.*',
  cron_job: '.*',
  cluster: '.*',
  __rate_interval: '1m',
};

/** A gateway that has run for a day, and was restarted seven times before it was first scraped. */
const LONG_LIVED = {
  openclaw_gateway_process_start_time_seconds: [[0, -86_400]],
  openclaw_gateway_process_restarts_total: [[0, 7]],
} as const;

describe.skipIf(!PROGRAMS.every(installed))(
  'vmagent, VictoriaMetrics, vmalert and Alertmanager (skipped where one is not installed)',
  () => {
    let alertmanager: Alertmanager;
    let exporter: StandInExporter;
    let stack: VictoriaMetricsStack;
    // In the future until everything is scraped.
    let begin = Date.now() + 3_600_000;

    beforeAll(async () => {
      const thresholds = accelerated(thresholdsSchema.parse({}), ACCELERATION);
      const files = vmalertFiles(ruleGroups(thresholds), thresholds);
      exporter = await StandInExporter.start(() => ({ begin, acceleration: ACCELERATION }));
      alertmanager = await Alertmanager.start(CONFIG, { divideTimersBy: ACCELERATION });
      const worlds = {
        failing: { ...healthy(), ...LONG_LIVED, ...killed(...OUTAGE) },
        well: { ...healthy(), ...LONG_LIVED },
      };
      const targets = Object.entries(worlds).map(([instance, world]) => exporter.target(instance, world));
      stack = await VictoriaMetricsStack.start({
        scrapeConfig: JSON.stringify({
          global: { scrape_interval: '1s' },
          scrape_configs: [{ job_name: 'openclaw', static_configs: targets }],
        }),
        rules: Object.fromEntries(files.map(({ text }, index) => [`rules-${index}.yml`, text])),
        alertmanagerUrl: alertmanager.url,
        lookbackMs: LOOKBACK_MS,
        resendMs: RESEND_MS,
      });
      await until(async () => (await stack.query('sum(up)')).values[0] === 2, {
        what: 'both exporters to be stored',
        timeoutMs: 60_000,
        everyMs: 250,
      });
      begin = Date.now();
    });

    afterAll(async () => {
      await stack?.stop();
      await alertmanager?.stop();
      await exporter?.stop();
    });

    const minute = () => (Date.now() - begin) / MINUTE_MS;
    const pages = (instance: string) =>
      alertmanager.pages(instance).map(({ groupLabels }) => groupLabels.incident);

    it('page an outage once, and end that page when it is over', async () => {
      await until(() => pages('failing').length > 0, { what: 'the page', timeoutMs: 60_000 });
      expect(pages('failing')).toEqual(['gateway-down']);
      await until(() => minute() > OUTAGE[1], { what: 'the end of the outage', timeoutMs: 60_000 });
      await until(() => alertmanager.openPages('failing').length === 0, {
        what: 'the end of the page',
        timeoutMs: 60_000,
      });
      expect(pages('failing')).toEqual(['gateway-down']);
    });

    it('page nothing for a gateway that is well, whatever its totals were when it was first scraped', () => {
      expect(pages('well')).toEqual([]);
      const told = alertmanager
        .about('well')
        .flatMap(({ alerts }) => alerts.map(({ labels }) => labels.alertname));
      expect(told).toEqual([]);
    });

    it('take every query of every dashboard', async () => {
      const refused: { place: string; error: string }[] = [];
      let answered = 0;
      for (const { place, expr } of placedQueries as readonly PlacedQuery[]) {
        const { error, values } = await stack.query(substituted(expr, VALUES));
        if (error !== undefined) refused.push({ place, error });
        if (values.length > 0) answered += 1;
      }
      expect(refused).toEqual([]);
      expect(answered).toBeGreaterThan(placedQueries.length / 2);
    });

    it('log no error', () => {
      expect(stack.complaints).toEqual([]);
    });
  },
);
