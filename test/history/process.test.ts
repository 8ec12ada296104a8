import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { answerSchema, boundsJsonSchema, lifespanJsonSchema } from '../../src/domain/json.ts';
import { inNet, NET, others, process, recordHost, wall } from './recorded-host.ts';

const answer = answerSchema(
  z.strictObject({
    pid: z.number(),
    tid: z.number().nullable(),
    startTimeTicks: z.string(),
    comm: z.string().nullable(),
    from: boundsJsonSchema,
    to: boundsJsonSchema.nullable(),
    namespaces: z.array(lifespanJsonSchema),
  }),
);

async function movingProcess() {
  const host = await recordHost();
  host.watch(10, 11, [...others, process(50)]);
  host.watch(12, 13, [...others, inNet(50)]);
  host.watch(14, 15, [...others, process(50, { net: NET, uts: 77 })]);
  host.watch(16, 18, others);
  host.watch(19, 20, [...others, process(50, { ipc: 78 }, { startTimeTicks: 1_850 })]);
  return host;
}

function outside(namespaces: readonly { initial: boolean; type: string; inum: number }[]) {
  return namespaces.filter(({ initial }) => !initial).map(({ type, inum }) => `${type}:${inum}`);
}

describe('the namespaces of a process', () => {
  test('every membership there is a record of, newest first, told apart by start time', async () => {
    const host = await movingProcess();
    const { data } = answer.parse(host.history.process({ pid: 50 }));
    expect(
      data.map(({ startTimeTicks, namespaces }) => [startTimeTicks, ...outside(namespaces)]),
    ).toEqual([
      ['1850', 'ipc:78'],
      ['100', `net:${NET}`, 'uts:77'],
      ['100', `net:${NET}`],
    ]);
    expect(data[0]?.to).toBeNull();
    expect(data[1]?.namespaces).toHaveLength(8);
  });

  test('at an instant the set it was in then', async () => {
    const host = await movingProcess();
    const at = (second: number) =>
      host.history
        .process({ pid: 50, at: wall(second) })
        .data.map((row) => outside(row.namespaces));
    expect(at(10.5)).toEqual([]);
    expect(at(13)).toEqual([[`net:${NET}`]]);
    expect(at(15)).toEqual([[`net:${NET}`, 'uts:77']]);
    expect(at(17)).toEqual([]);
  });

  test('a thread with namespaces of its own has a row of its own, with those that differ', async () => {
    const host = await recordHost();
    const thread = {
      tid: 51,
      startTimeTicks: 120,
      comm: 'worker',
      links: { net: NET },
      forChildren: {},
      descriptors: [],
      sockets: [],
    };
    host.watch(10, 12, [...others, process(50, {}, { threads: [thread] })]);
    const { data } = host.history.process({ pid: 50 });
    expect(data).toMatchObject([{ tid: 51, comm: 'worker' }]);
    expect(data[0]?.namespaces).toHaveLength(1);
  });

  test('pages go on where they ended', async () => {
    const host = await movingProcess();
    const first = host.history.process({ pid: 50, limit: 2 });
    const second = host.history.process({ pid: 50, limit: 2, cursor: first.page.next ?? '' });
    expect(first.data).toHaveLength(2);
    expect(second.data.map((row) => outside(row.namespaces))).toEqual([[`net:${NET}`]]);
    expect(second.page.next).toBeNull();
  });
});
