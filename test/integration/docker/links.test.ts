import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import express from 'express';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { parseFlags } from '../../../src/cli/flags.ts';
import { createRunbookRouter } from '../../../src/web/runbooks/router.ts';
import { MACHINE } from '../../support/machine.ts';

const ROOT = join(import.meta.dirname, '../../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const readYaml = (path: string): unknown => parse(read(path), { merge: true });

const service = z.object({
  command: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.unknown()).default([]),
});
const { services } = z
  .object({ services: z.record(z.string(), service) })
  .parse(readYaml('docker-compose.yml'));

/** As Compose fills it in where no variable is set. */
const fill = (text: string) => text.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1');
const publishedBy = (name: string) => services[name]?.ports.map((port) => fill(port).replace(/:\d+$/, ''));
const externalUrlOf = (name: string) =>
  services[name]?.command
    .map(fill)
    .find((flag) => flag.startsWith('--web.external-url='))
    ?.split('=')[1];

const alertSchema = z.object({
  alert: z.string(),
  annotations: z.object({
    runbook_url: z.string(),
    dashboard_url: z.string(),
    runbook_local: z.string().optional(),
  }),
});
const file = z.object({ groups: z.array(z.object({ rules: z.array(z.unknown()) })) });
const alerts = readdirSync(join(ROOT, 'prometheus/rules'))
  .flatMap((name) => file.parse(readYaml(`prometheus/rules/${name}`)).groups)
  .flatMap(({ rules }) => rules.flatMap((rule) => alertSchema.safeParse(rule).data ?? []));

describe('the links of an alert of docker compose', () => {
  it('lead to a dashboard that its Grafana has, for the alert’s gateway and time', () => {
    expect(alerts.length).toBeGreaterThan(40);
    const dashboard = z.object({
      uid: z.string(),
      templating: z.object({ list: z.array(z.object({ name: z.string() })) }),
    });
    const known = readdirSync(join(ROOT, 'grafana/dashboards')).map((name) =>
      dashboard.parse(JSON.parse(read(`grafana/dashboards/${name}`))),
    );
    for (const { alert, annotations } of alerts) {
      const url = new URL(annotations.dashboard_url.replaceAll(/\{\{.*?\}\}/g, '1'));
      expect(publishedBy('grafana'), alert).toContain(url.host);
      const found = known.find(({ uid }) => url.pathname === `/d/${uid}`);
      expect(
        found?.templating.list.map(({ name }) => name),
        alert,
      ).toContain('instance');
      for (const name of ['var-instance', 'from', 'to']) expect(url.searchParams.has(name), alert).toBe(true);
    }
  });

  it('lead to a runbook of the repository', () => {
    for (const { alert, annotations } of alerts) {
      expect(annotations.runbook_url).toMatch(new RegExp(`/docs/runbooks/${alert}\\.md$`));
      expect(existsSync(join(ROOT, 'docs/runbooks', `${alert}.md`)), alert).toBe(true);
    }
  });

  it('lead to a runbook on the exporter, which says under which URL it is reached', async () => {
    const flags = services.exporter?.command.map(fill) ?? [];
    const outcome = parseFlags(flags, { HOME: '/home/user' });
    if (outcome.state !== 'run') throw new Error(JSON.stringify(outcome));
    expect(outcome.flags.externalUrl).toBe(`http://${flags[0]?.split('=')[1]}`);
    expect(outcome.flags.routePrefix).toBe('');
    const app = express().use(
      '/runbooks',
      createRunbookRouter({
        version: '1.2.3',
        machine: async () => MACHINE,
        exporterUrl: () => 'http://127.0.0.1:10789',
        telemetryPath: '/metrics',
      }),
    );
    for (const { alert, annotations } of alerts) {
      if (annotations.runbook_local === undefined) continue;
      const [, path = ''] = /\.Labels\.url \}\}(\/\S+?)\{\{/.exec(annotations.runbook_local) ?? [];
      expect((await request(app).get(path)).status, alert).toBe(200);
    }
  });

  it.each(['prometheus', 'alertmanager'])(
    'lead to %s where its port is published, not to a container',
    (name) => {
      const url = externalUrlOf(name);
      expect(url).toBeDefined();
      expect(publishedBy(name)).toContain(new URL(url ?? '').host);
    },
  );
});
