import type { World } from '../../prometheus/tests/world.ts';

/** Minutes of a story: from, to. */
export type Span = readonly [from: number, to: number];

/** A message at a receiver: what it is about and when it is due. */
export interface ExpectedMessage {
  readonly status: 'firing' | 'resolved';
  readonly incident: string;
  readonly between: Span;
}

/** A piece of an on-call day: what happens, minute by minute, and what the pager must say. */
export interface Story {
  /** Also the gateway's `instance`. */
  readonly id: string;
  readonly title: string;
  readonly minutes: number;
  readonly world: World;
  /** What happens, for the timeline. */
  readonly events: readonly (readonly [minute: number, text: string])[];
  /** A silence on this instance. */
  readonly silence?: Span;
  /** Prometheus is stopped and started again. */
  readonly gap?: Span;
  /** Prometheus runs with its own defaults instead of the shipped flags. */
  readonly hasDefaultFlags?: boolean;
  /** The pager refuses every message. */
  readonly hasFailingPager?: boolean;
  /** Everything that `page` gets about this instance. */
  readonly page: readonly ExpectedMessage[];
  /** What `chat` must get among other things. */
  readonly chat?: readonly ExpectedMessage[];
  /** What the story shows, in one or two sentences. */
  readonly lesson: string;
}

/** A message that came. */
export interface ToldMessage {
  readonly receiver: string;
  readonly status: 'firing' | 'resolved';
  readonly incident: string;
  readonly minute: number;
  /** Names and phases of the alerts that fire. */
  readonly alerts: readonly string[];
  /** As a person reads it; empty where the receiver is a program. */
  readonly title: string;
  readonly text: string;
}

export interface StoryResult {
  readonly story: Story;
  /** Minutes of the story in one real minute. */
  readonly acceleration: number;
  readonly messages: readonly ToldMessage[];
  /** What was expected and did not come, or came and was not expected. */
  readonly misses: readonly string[];
}

/** Compares the messages of a story with what was expected. */
export function findMisses(story: Story, messages: readonly ToldMessage[]): string[] {
  const left = messages.filter(({ receiver }) => receiver === 'page');
  const wrong = story.page.flatMap((expected) => {
    const index = left.findIndex((one) => matches(one, expected));
    if (index >= 0) left.splice(index, 1);
    return index < 0 ? [`page: ${describe(expected)} did not come`] : [];
  });
  const more = left.map((one) => `page: not expected: ${describeTold(one)}`);
  const toChat = messages.filter(({ receiver }) => receiver === 'chat');
  const missing = (story.chat ?? [])
    .filter((expected) => !toChat.some((one) => matches(one, expected)))
    .map((expected) => `chat: ${describe(expected)} did not come`);
  const healthy = messages
    .filter(
      ({ status, title, text }) => status === 'resolved' && /\bhealthy\b|\brecovered\b/i.test(title + text),
    )
    .map((one) => `says healthy: ${describeTold(one)}`);
  return [...wrong, ...more, ...missing, ...healthy];
}

function matches(came: ToldMessage, { status, incident, between: [from, to] }: ExpectedMessage): boolean {
  return came.status === status && came.incident === incident && came.minute >= from && came.minute <= to;
}

function describe({ status, incident, between: [from, to] }: ExpectedMessage): string {
  return `${status} ${incident} between ${from} and ${to} min`;
}

function describeTold({ status, incident, minute, alerts }: ToldMessage): string {
  return `${status} ${incident} at ${minute.toFixed(1)} min (${alerts.join(', ')})`;
}
