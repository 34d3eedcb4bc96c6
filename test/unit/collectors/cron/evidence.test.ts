import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cronEvidence } from '../../../../src/collectors/cron/evidence.ts';
import type { CronJob } from '../../../../src/collectors/cron/source/records.ts';

function failing(id: string, name = id): CronJob {
  return { id, name, enabled: true, consecutiveErrors: 3 } as CronJob;
}

const repairOf = (job: CronJob) =>
  cronEvidence({ readings: [], lost: () => false, jobs: [job], notSaved: undefined })[0]?.repair ?? '';

describe('the command for a job that fails', () => {
  it('names the job where its id is harmless', () => {
    expect(repairOf(failing('daily-1'))).toBe('openclaw cron runs --id daily-1');
  });

  it('holds a long id as the gateway knows it, and none that is too long for a command', () => {
    const long = 'a'.repeat(200);
    expect(repairOf(failing(long))).toBe(`openclaw cron runs --id ${long}`);
    expect(repairOf(failing('a'.repeat(10_000)))).toBe('openclaw cron list');
  });

  it('is about the log where only a log knows the job', () => {
    expect(repairOf(failing('log:main/backup'))).toBe('read the end of its log, and crontab -l');
  });

  it('can never hold what a shell would obey, whatever the job is called', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('$(reboot)', 'a;b', '`id`', "a' b", 'a\nb'),
    );
    fc.assert(
      fc.property(text, text, (id, name) => {
        expect(repairOf(failing(id, name))).toMatch(/^openclaw cron (?:list|runs --id [\w.-]+)$/);
      }),
    );
  });
});
