import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { AlertmanagerProcess } from '../../support/alertmanager-process.ts';
import { HttpRecorder, type RecordedRequest } from '../../support/http-recorder.ts';
import { installed, runProgram } from '../../support/promtool.ts';
import { SmtpRecorder } from '../../support/smtp-recorder.ts';
import { until } from '../../support/until.ts';

const FOLDER = join(import.meta.dirname, '..', '..', '..', 'prometheus', 'receivers');
const EXAMPLES = readdirSync(FOLDER).filter((name) => name.endsWith('.yml'));

const alert = {
  labels: {
    alertname: 'OpenClawGatewayDown',
    instance: 'mac-mini',
    incident: 'gateway-down',
    severity: 'critical',
  },
  annotations: {
    summary: 'The gateway of mac-mini is down',
    description: 'Its process is gone.',
    next_step: 'openclaw gateway restart',
    runbook_url: 'https://runbooks.example.net/OpenClawGatewayDown',
  },
};
/** An alert of the same group that ended before. */
const ended = {
  labels: { ...alert.labels, repair_phase: '1' },
  annotations: { ...alert.annotations, summary: 'An older step' },
};

/** An answer that every one of these services gives, or takes no notice of. */
const ACCEPTED = JSON.stringify({
  status: 'success',
  ok: true,
  result: { message_id: 1, date: 0, chat: { id: 1, type: 'private' } },
});

/** The text of a message, whatever the service's format. */
const TEXTS: Readonly<Record<string, (request: RecordedRequest) => string>> = {
  'slack.yml': slackText,
  'discord.yml': slackText,
  'pagerduty.yml': ({ body }) => {
    const { payload } = z
      .object({ payload: z.object({ summary: z.string(), custom_details: z.object({ state: z.string() }) }) })
      .parse(JSON.parse(body));
    return `${payload.summary}\n${payload.custom_details.state}`;
  },
  'telegram.yml': ({ body }) => z.object({ text: z.string() }).parse(JSON.parse(body)).text,
};

function slackText({ body }: RecordedRequest): string {
  const message = z.object({
    attachments: z.array(z.object({ title: z.string(), text: z.string() })).length(1),
  });
  return message
    .parse(JSON.parse(body))
    .attachments.map(({ title, text }) => `${title}\n${text}`)
    .join();
}

interface Recorders {
  readonly http: HttpRecorder;
  readonly smtp: SmtpRecorder;
}

/** The example with every address and secret file replaced, and timers as short as can be. */
function redirected(example: string, { http, smtp }: Recorders, folder: string): string {
  const url = `http://127.0.0.1:${http.port}`;
  const secret = join(folder, 'secret');
  writeFileSync(secret, url);
  const text = readFileSync(join(FOLDER, example), 'utf8')
    .replaceAll(/_file: \S+/g, `_file: ${secret}`)
    .replace('https://ntfy.example.net', url)
    .replace('smarthost: smtp.example.net:587', `smarthost: 127.0.0.1:${smtp.port}`);
  const config = z
    .object({ route: z.looseObject({}), receivers: z.array(z.looseObject({})) })
    .parse(parse(text));
  const integrations = z.array(z.looseObject({})).optional();
  const receivers = config.receivers.map((receiver) => {
    const more = (key: string, added: object) => {
      const configs = integrations.parse(receiver[key]);
      return configs === undefined ? {} : { [key]: configs.map((one) => ({ ...one, ...added })) };
    };
    return {
      ...receiver,
      ...more('pagerduty_configs', { url }),
      ...more('telegram_configs', { api_url: url }),
      ...more('email_configs', { require_tls: false }),
    };
  });
  const route = {
    receiver: 'page',
    group_by: ['cluster', 'instance', 'incident'],
    group_wait: '100ms',
    group_interval: '300ms',
  };
  return stringify({ route, receivers });
}

/** Texts of the messages sent for an alert that fires beside one that ended, and then for the end of both. */
async function sendThrough(example: string): Promise<{ requests: RecordedRequest[]; texts: string[] }> {
  const requests: RecordedRequest[] = [];
  const http = await HttpRecorder.start((request) => {
    requests.push(request);
    return { status: 200, body: ACCEPTED };
  });
  const smtp = await SmtpRecorder.start();
  const alertmanager = await AlertmanagerProcess.start((folder) =>
    redirected(example, { http, smtp }, folder),
  );
  onTestFinished(async () => {
    await alertmanager.stop();
    await http.stop();
    await smtp.stop();
  });
  const text = TEXTS[example] ?? (({ body }: RecordedRequest) => body);
  const texts = () => (example === 'email.yml' ? smtp.mails : requests.map(text));
  const now = () => new Date().toISOString();
  await alertmanager.post([alert, ended]);
  await until(() => texts().length > 0, { what: 'the first message', timeoutMs: 20_000 });
  await alertmanager.post([{ ...ended, endsAt: now() }]);
  await until(() => texts().length > 1, { what: 'the message with one alert left', timeoutMs: 20_000 });
  await alertmanager.post([{ ...alert, endsAt: now() }]);
  await until(() => texts().length > 2, { what: 'the message of the end', timeoutMs: 20_000 });
  return { requests, texts: texts() };
}

describe.skipIf(!installed('amtool'))('each example of a receiver', () => {
  it.each(EXAMPLES)('%s is accepted by amtool', async (example) => {
    const result = await runProgram('amtool', ['check-config', join(FOLDER, example)]);
    expect(result).toMatchObject({ ok: true });
  });

  it.each(EXAMPLES)(
    '%s holds no secret, and repeats pages early only where the service knows them',
    (example) => {
      const text = readFileSync(join(FOLDER, example), 'utf8');
      expect(text).not.toMatch(/(?:password|token|key|api_url|credentials): (?!REPLACE-ME)\S/);
      expect(text.includes('repeat_interval')).toBe(example === 'pagerduty.yml');
    },
  );
});

describe.skipIf(!installed('prometheus-alertmanager'))('a real Alertmanager with an example', () => {
  it.each(EXAMPLES.filter((name) => name !== 'ntfy.yml'))(
    'sends by %s what fires and what to do, and an end that promises nothing',
    async (example) => {
      const { texts } = await sendThrough(example);
      const [, second = '', last = ''] = texts.map((text) =>
        text.replaceAll('=\n', '').replaceAll('\n', ' '),
      );
      expect(second).toContain('The gateway of mac-mini is down');
      expect(second).toContain('openclaw gateway restart');
      expect(second).not.toContain('An older step');
      expect(last).toContain('No longer paging: gateway-down of mac-mini');
      expect(last).toContain('runbooks.example.net/OpenClawGatewayDown');
      expect(last).not.toMatch(/healthy|recovered/i);
    },
  );

  it('sends by ntfy.yml templates for the same texts, with the token from its file', async () => {
    const { requests } = await sendThrough('ntfy.yml');
    const [first] = requests;
    const query = new URL(first?.url ?? '', 'http://localhost').searchParams;
    expect(query.get('tpl')).toBe('1');
    expect(query.get('t')).toMatch(/^\{\{if eq \.status "firing"\}\}.*No longer paging: /);
    expect(query.get('m')).toContain('.annotations.next_step');
    expect(first?.headers.authorization).toMatch(/^Bearer \S/);
    expect(JSON.parse(first?.body ?? '{}')).toMatchObject({
      status: 'firing',
      groupLabels: { instance: 'mac-mini', incident: 'gateway-down' },
    });
  });
});
