import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eachMember } from '../../../../../../src/collectors/cron/source/files/json-members.ts';

async function membersOf(json: string, name = 'jobs'): Promise<string[] | undefined> {
  const found: string[] = [];
  const isRead = await eachMember(json, name, new AbortController().signal, (member) => {
    found.push(member);
    return true;
  });
  return isRead ? found : undefined;
}

describe('members of a list or object inside a JSON object', () => {
  it.each([
    ['nothing', ''],
    ['another list alone', '{"other":[1]}'],
    ['a list that never ends', '{"jobs":[1,2'],
    ['an object that never ends', '{"jobs":[1,2]'],
    ['what ends before it begins', ']{"jobs":[1]}'],
    ['text behind the end', '{"jobs":[1]} and more'],
    ['a text instead', '{"jobs":"[1]"}'],
    ['a list around it', '["jobs",[1]]'],
    ['a name that only ends like it', '{"myjobs":[1]}'],
    ['half a bracket', '{"jobs":[1}}'],
    ['a member of three megabytes', JSON.stringify({ jobs: ['x'.repeat(3 * 2 ** 20)] })],
    ['a member of many thousand lists', JSON.stringify({ jobs: [Array(100_000).fill([])] })],
    ['a megabyte of lists within lists', `{"jobs":[${'['.repeat(2 ** 20)}`],
    ['a megabyte around it', JSON.stringify({ other: 'x'.repeat(2 ** 20), jobs: [1] })],
  ])('are not found in %s', async (_, json) => {
    expect(await membersOf(json)).toBeUndefined();
  });

  it('may hold a long text, as the prompt of a job', async () => {
    const job = JSON.stringify({ id: 'a', payload: { message: 'a, "b", [c]; '.repeat(2 ** 16) } });
    expect(await membersOf(`{"jobs":[${job},2]}`)).toEqual([job, '2']);
  });

  it('end at the first that is not wanted', async () => {
    let asked = 0;
    const isRead = await eachMember('{"jobs":[1,2,3]}', 'jobs', new AbortController().signal, () => {
      asked += 1;
      return asked < 2;
    });
    expect([isRead, asked]).toEqual([false, 2]);
  });

  it('are not looked for any more once nobody waits', async () => {
    const controller = new AbortController();
    let asked = 0;
    const read = eachMember(`{"jobs":[${'1,'.repeat(2 ** 20)}1]}`, 'jobs', controller.signal, () => {
      asked += 1;
      controller.abort();
      return true;
    });
    await expect(read).rejects.toBe(controller.signal.reason);
    expect(asked).toBeLessThan(2 ** 20);
  });

  it('of a list are the same as when all is parsed at once, however it is written', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue()),
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.constantFrom(0, 2),
        async (jobs, around, indent) => {
          const json = JSON.stringify({ ...around, jobs }, null, indent);
          expect((await membersOf(json))?.map((text) => JSON.parse(text))).toEqual(JSON.parse(json).jobs);
        },
      ),
    );
  });

  it('of an object are the same as when all is parsed at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), async (jobs) => {
        const json = JSON.stringify({ version: 1, jobs });
        const members = (await membersOf(json)) ?? [];
        expect(JSON.parse(`{${members.join(',')}}`)).toEqual(JSON.parse(json).jobs);
      }),
    );
  });

  it('leave others their turn while a large text is gone through', async () => {
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 0);
    await membersOf(`{"jobs":[${'[],'.repeat(2 ** 21)}1]}`);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
  });
});
