import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ruleFiles } from '../../prometheus/source/render.ts';
import { ruleGroups } from '../../prometheus/source/rules.ts';
import { accelerated, thresholdsSchema } from '../../prometheus/source/thresholds.ts';
import { Alertmanager, type Message, type Notification } from '../support/alertmanager.ts';
import { PrometheusProcess } from '../support/prometheus-process.ts';
import { until } from '../support/until.ts';
import { DEFAULT_ALERT_FLAGS, divideFlags, shippedAlertFlags } from './flags.ts';
import { AlertRelay } from './relay.ts';
import { StandInExporter } from './stand-in-exporter.ts';
import { findMisses, type Story, type StoryResult, type ToldMessage } from './story.ts';

/** Every time in the rules, in Alertmanager's configuration and in Prometheus' flags is divided by this. */
const ACCELERATION = 15;
/**
 * The same where Prometheus is restarted: it restores what was pending at the second evaluation, and its
 * service discovery takes 5 s to hand out the first targets whatever the flags say, so the evaluation
 * interval must stay above that.
 */
const RESTART_ACCELERATION = 5;
const ALERTMANAGER_CONFIG = join(import.meta.dirname, '..', '..', 'prometheus', 'alertmanager.yml');
const SCRAPE_INTERVAL_MS = 15_000;
const REFUSED = 403;
/** Longer than the programs take to start: until then every gateway is well. */
const NOT_YET_MS = 600_000;
/** Minutes in which the rules of all stories see a healthy gateway before the first event. */
const WARM_UP = 2;
/** A message that a story ends with may come this much later. */
const LAST_MESSAGES_MINUTES = 1;

/**
 * Plays stories side by side, each with an `instance` of its own: stand-in exporters, the real
 * Prometheus with this project's rules, and the real Alertmanager with its shipped configuration. Throws
 * where a program does not start.
 */
export async function playStories(
  stories: readonly Story[],
  say: (text: string) => void = () => undefined,
): Promise<StoryResult[]> {
  const groups = Map.groupBy(stories, ({ gap }) => (gap === undefined ? ACCELERATION : RESTART_ACCELERATION));
  const played = await Promise.all(
    [...groups].map(([acceleration, group]) => playTogether(group, acceleration, say)),
  );
  const results = played.flat();
  return results.toSorted((a, b) => stories.indexOf(a.story) - stories.indexOf(b.story));
}

async function playTogether(
  stories: readonly Story[],
  acceleration: number,
  say: (text: string) => void,
): Promise<StoryResult[]> {
  const stage = await Stage.start(stories, acceleration);
  try {
    await stage.play(say);
    return stories.map((story) => {
      const messages = stage.messages(story);
      return { story, acceleration, messages, misses: findMisses(story, messages) };
    });
  } finally {
    await stage.stop();
  }
}

/** What happens at a minute. */
interface Action {
  readonly minute: number;
  readonly run: () => Promise<void>;
}

/** Stories that share an Alertmanager. */
interface Audience {
  readonly alertmanager: Alertmanager;
  readonly relay: AlertRelay;
}

class Stage {
  readonly #stories: readonly Story[];
  readonly #ending: (() => Promise<void>)[] = [];
  readonly #prometheus = new Map<Story, PrometheusProcess>();
  readonly #audiences = new Map<boolean, Audience>();
  readonly #acceleration: number;
  readonly #minuteMs: number;
  #begin: number;

  private constructor(stories: readonly Story[], acceleration: number) {
    this.#stories = stories;
    this.#acceleration = acceleration;
    this.#minuteMs = 60_000 / acceleration;
    this.#begin = Date.now() + NOT_YET_MS;
  }

  static async start(stories: readonly Story[], acceleration: number): Promise<Stage> {
    const stage = new Stage(stories, acceleration);
    try {
      await stage.#start();
      return stage;
    } catch (error) {
      await stage.stop();
      throw error;
    }
  }

  /** Until the longest story is over. */
  async play(say: (text: string) => void): Promise<void> {
    this.#begin = Date.now() + WARM_UP * this.#minuteMs;
    const end = Math.max(...this.#stories.map(({ minutes }) => minutes)) + LAST_MESSAGES_MINUTES;
    const last: Action = { minute: end, run: async () => undefined };
    const actions = [...this.#stories.flatMap((story) => this.#actions(story)), last];
    const running: Promise<void>[] = [];
    for (const { minute, run } of actions.toSorted((a, b) => a.minute - b.minute)) {
      await pause(Math.max(0, this.#begin + minute * this.#minuteMs - Date.now()));
      running.push(run());
      say(`minute ${minute} of ${end}, 1:${this.#acceleration}`);
    }
    await Promise.all(running);
  }

  messages(story: Story): ToldMessage[] {
    const { alertmanager } = this.#audience(story);
    const own = alertmanager.notifications.filter((one) => isAbout(one, story));
    return own.map((one) => this.#told(one, alertmanager.messages));
  }

  async stop(): Promise<void> {
    for (const end of this.#ending.splice(0).reverse()) await end();
  }

  async #start(): Promise<void> {
    const exporter = await StandInExporter.start(() => ({
      begin: this.#begin,
      acceleration: this.#acceleration,
    }));
    this.#ending.push(() => exporter.stop());
    for (const isFailing of new Set(this.#stories.map(({ hasFailingPager }) => hasFailingPager === true))) {
      this.#audiences.set(isFailing, await this.#startAudience(isFailing));
    }
    // Stories in which nothing happens to Prometheus share one.
    const shared = Map.groupBy(this.#stories, ({ id, gap, hasFailingPager }) =>
      gap !== undefined || hasFailingPager === true ? id : 'shared',
    );
    for (const group of shared.values()) {
      const prometheus = await this.#startPrometheus(group, exporter);
      for (const story of group) this.#prometheus.set(story, prometheus);
    }
  }

  async #startAudience(isFailing: boolean): Promise<Audience> {
    const answer = (receiver: string) => (isFailing && receiver === 'page' ? REFUSED : 200);
    const options = { divideTimersBy: this.#acceleration, keepIntegrations: true, answer };
    const alertmanager = await Alertmanager.start(ALERTMANAGER_CONFIG, options);
    this.#ending.push(() => alertmanager.stop());
    const relay = await AlertRelay.start(alertmanager.url, this.#acceleration);
    this.#ending.push(() => relay.stop());
    return { alertmanager, relay };
  }

  async #startPrometheus(group: readonly Story[], exporter: StandInExporter): Promise<PrometheusProcess> {
    const [first] = group;
    if (first === undefined) throw new Error('a Prometheus without a story');
    const { alertmanager, relay } = this.#audience(first);
    const targets = group.map(({ id, world }) => exporter.target(id, world));
    const watched = first.hasFailingPager === true ? [alertmanagerTarget(first.id, alertmanager)] : [];
    const thresholds = accelerated(thresholdsSchema.parse({}), this.#acceleration);
    const rules = ruleFiles(ruleGroups(thresholds), thresholds);
    const files = Object.fromEntries(rules.map(({ text }, index) => [`rules-${index}.yml`, text]));
    const interval = `${SCRAPE_INTERVAL_MS / this.#acceleration}ms`;
    const config = {
      global: {
        scrape_interval: interval,
        scrape_timeout: interval,
        evaluation_interval: `${thresholds.evaluation_interval}ms`,
      },
      rule_files: Object.keys(files),
      alerting: { alertmanagers: [{ static_configs: [{ targets: [relay.address] }] }] },
      scrape_configs: [{ job_name: 'openclaw', static_configs: targets }, ...watched],
    };
    const alerting = first.hasDefaultFlags === true ? DEFAULT_ALERT_FLAGS : shippedAlertFlags();
    // JSON is YAML.
    const prometheus = await PrometheusProcess.start(JSON.stringify(config), {
      flags: divideFlags(alerting, this.#acceleration),
      files,
    });
    this.#ending.push(() => prometheus.stop());
    await until(async () => (await prometheus.value('sum(up{job="openclaw"})')) === group.length, {
      what: 'every exporter of the stories to be scraped',
      timeoutMs: 60_000,
      everyMs: 250,
    });
    return prometheus;
  }

  #audience({ hasFailingPager }: Story): Audience {
    const audience = this.#audiences.get(hasFailingPager === true);
    if (audience === undefined) throw new Error('no Alertmanager for this story');
    return audience;
  }

  #actions(story: Story): Action[] {
    const { id, silence, gap } = story;
    const prometheus = this.#prometheus.get(story);
    const { alertmanager } = this.#audience(story);
    return [
      ...(silence === undefined
        ? []
        : [
            {
              minute: silence[0],
              run: () => alertmanager.silence({ instance: id }, (silence[1] - silence[0]) * this.#minuteMs),
            },
          ]),
      ...(gap === undefined || prometheus === undefined
        ? []
        : [
            { minute: gap[0], run: () => prometheus.halt() },
            { minute: gap[1], run: () => prometheus.resume() },
          ]),
    ];
  }

  #told(one: Notification, messages: readonly Message[]): ToldMessage {
    const about = one.groupLabels.instance ?? '';
    const words = nearest(
      messages.filter(({ receiver, title }) => receiver === one.receiver && title.includes(about)),
      one.at,
    );
    return {
      receiver: one.receiver,
      status: one.status,
      incident: one.groupLabels.incident ?? '',
      minute: (one.at - this.#begin) / this.#minuteMs,
      alerts: one.alerts
        .filter(({ status }) => status === 'firing')
        .map(({ labels }) => `${labels.alertname}/${labels.repair_phase}`),
      title: words?.title ?? '',
      text: words?.text ?? '',
    };
  }
}

/** What concerns a story's gateway, or the Alertmanager that only this story has. */
function isAbout({ groupLabels: { instance = '', incident = '' } }: Notification, { id }: Story): boolean {
  return instance === id || (instance === `alertmanager-of-${id}` && incident.startsWith('alertmanager'));
}

function alertmanagerTarget(id: string, alertmanager: Alertmanager) {
  const labels = { instance: `alertmanager-of-${id}` };
  return { job_name: 'alertmanager', static_configs: [{ targets: [alertmanager.address], labels }] };
}

/** The message sent closest to a time: one of the same flush. */
function nearest(messages: readonly Message[], at: number): Message | undefined {
  return messages.toSorted((a, b) => Math.abs(a.at - at) - Math.abs(b.at - at))[0];
}
