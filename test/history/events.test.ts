import { describe, expect, test } from 'vitest';
import { answerSchema, eventJsonSchema, type EventJson } from '../../src/domain/json.ts';
import {
  inNet,
  NET,
  others,
  process,
  recordHost,
  text,
  wall,
  type RecordedHost,
} from './recorded-host.ts';

const answer = answerSchema(eventJsonSchema);

async function twoMembers(): Promise<RecordedHost> {
  const host = await recordHost();
  host.watch(10, 11, others);
  host.watch(12, 13, [...others, inNet(50)]);
  host.watch(14, 15, [...others, inNet(50), inNet(51)]);
  host.watch(16, 17, [...others, inNet(51)]);
  return host;
}

function named(rows: readonly EventJson[], event: string): EventJson[] {
  return rows.filter((row) => row.event === event);
}

describe('the log, in order', () => {
  test('every event has its seq, none is left out', async () => {
    const host = await twoMembers();
    const { data, position, page } = answer.parse(host.history.events({}));
    expect(data.map(({ seq }) => seq)).toEqual(data.map((_, index) => index + 1));
    expect(data).toHaveLength(position);
    expect(page.next).toBeNull();
  });

  test('members of a set are printed with the lifespans of the set, also when they leave', async () => {
    const host = await twoMembers();
    const { data } = host.history.events({});
    const gained = named(data, 'holder.gained');
    const lost = named(data, 'holder.lost');
    expect(gained).toHaveLength(2);
    expect(lost).toHaveLength(1);
    for (const event of [...gained, ...lost]) {
      expect(event['namespaces']).toEqual(gained[0]?.['namespaces']);
      expect(event['namespaces']).toHaveLength(8);
    }
    const [net] = host.lives();
    expect(gained[0]?.['namespaces']).toContain(net?.lifespan);
  });

  test('instants and ids of events are printed as everywhere else', async () => {
    const host = await twoMembers();
    const [born] = named(host.history.events({}).data, 'namespace.born').slice(-1);
    expect(born).toMatchObject({
      at: text(12.1),
      type: 'net',
      inum: NET,
      lifespan: String(born?.seq),
      born: {
        after: text(11),
        by: text(12.1),
        evidence: 'scan',
      },
      creator: {
        pid: 50,
        startTimeTicks: '100',
      },
    });
  });

  test('a process that calls itself by the name of a field is counted under its name', async () => {
    const host = await recordHost();
    host.watch(10, 10, others);
    host.scan({ second: 11, processes: [...others, process(60, {}, { comm: 'from' })] });
    host.stop(12);
    const churned = named(host.history.events({}).data, 'holders.churned').at(-1);
    expect(churned?.['byComm']).toEqual({ from: 1 });
    expect(churned?.['from']).toEqual(expect.stringMatching(/^2026-/));
  });

  test('after a seq, and in a window', async () => {
    const host = await twoMembers();
    const whole = host.history.events({}).data;
    expect(host.history.events({ after: 5 }).data).toEqual(whole.slice(5));
    expect(host.history.events({ after: whole.length }).data).toEqual([]);
    const within = host.history.events({ since: wall(12), until: wall(14) }).data;
    expect(within.map(({ event }) => event)).toEqual(['namespace.born', 'holder.gained']);
    expect(host.history.events({ since: wall(900) }).data).toEqual([]);
  });

  test('pages go on where they ended, also when the log grows', async () => {
    const host = await twoMembers();
    const first = host.history.events({ limit: 4 });
    host.watch(18, 19, [...others, inNet(51), inNet(52)]);
    const rows = [...first.data];
    let { next } = first.page;
    while (next !== null) {
      const page = host.history.events({ limit: 4, cursor: next });
      rows.push(...page.data);
      next = page.page.next;
    }
    expect(rows).toEqual(host.history.events({}).data);
  });
});
