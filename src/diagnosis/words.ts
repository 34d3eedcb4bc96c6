import type { Cause } from '../core/collector.ts';
import type { Layer } from '../lib/vocabulary.ts';

/** What people read of a layer: its name, and the question it answers. */
export const LAYER_WORDS: Readonly<Record<Layer, { readonly title: string; readonly question: string }>> = {
  process: { title: 'Process', question: 'is the gateway alive?' },
  answers: { title: 'Answers', question: 'does it answer?' },
  token: { title: 'Token', question: 'is the token still right?' },
  cron: { title: 'Cron', question: 'do jobs run, and succeed?' },
  network: { title: 'Network', question: 'can remote machines be reached?' },
};

/** What people read of a likeliest cause; in plain ASCII, as terminals may show no more. */
export const CAUSE_WORDS: Readonly<Record<Cause, string>> = {
  network: 'the network',
  process: "the gateway's own process",
  authentication: 'authentication',
  'partial-failure': "a part of the gateway's API",
  cron: 'cron',
};
