import { join } from 'node:path';
import { z } from 'zod';
import { ResultFile } from '../support/result-file.ts';

/** What each speaker says of one fault, as the page shows it. */
const resultSchema = z.strictObject({
  id: z.string(),
  metrics: z.string(),
  /** Headline of the status page, and its next step; empty where there is none. */
  page: z.strictObject({ headline: z.string(), step: z.string() }),
  check: z.strictObject({ exitCode: z.number(), step: z.string() }),
  /** `severity Alert`, each once. */
  alerts: z.array(z.string()),
  /** Values of `cause` on the recorded series. */
  causes: z.array(z.string()),
});
/** See {@link resultSchema}. */
export type VoiceResult = z.output<typeof resultSchema>;

const file = new ResultFile<VoiceResult>(
  process.env.ONE_VOICE_FILE ?? join(import.meta.dirname, '..', '..', 'docs', 'one-voice.json'),
  resultSchema,
  ({ id }) => id,
);

/** All results so far. */
export function readVoices(): VoiceResult[] {
  return file.read();
}

/** Puts a result in the place of an older one of the same fault. */
export function keepVoices(result: VoiceResult): void {
  file.keep(result);
}
