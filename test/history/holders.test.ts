import { describe, expect, test } from 'vitest';
import { answerSchema, holderJsonSchema } from '../../src/domain/json.ts';
import { INITIAL_INUMS } from '../../src/domain/namespace-type.ts';
import {
  boundTo,
  inNet,
  NET,
  others,
  process,
  recordHost,
  text,
  wall,
  type RecordedHost,
} from './recorded-host.ts';

const answer = answerSchema(holderJsonSchema);
const target = { kind: 'inum', inum: NET, type: 'net' } as const;

/** Process 50 in NET from 12 on, process 51 from 14 to 15, a descriptor of 2 from 16 on, a name throughout. */
async function heldInManyWays(): Promise<RecordedHost> {
  const host = await recordHost();
  const mountNamespaces = boundTo('/run/netns/blue');
  const look = (second: number, processes: typeof others) =>
    host.scan({ second, processes, mountNamespaces });
  host.watch(10, 11, others);
  look(12, [...others, inNet(50)]);
  look(13, [...others, inNet(50)]);
  look(14, [...others, inNet(50), inNet(51)]);
  look(15, [...others, inNet(50), inNet(51)]);
  const holding = process(2, {}, { descriptors: [{ fd: 7, type: 'net', inum: NET }] });
  look(16, [holding, process(3), process(4), inNet(50)]);
  look(17, [holding, process(3), process(4), inNet(50)]);
  return host;
}

function summary(rows: readonly { kind: string; pid: number | null; to: object | null }[]) {
  return rows.map(({ kind, pid, to }) => `${kind} ${pid ?? ''}${to ? ' lost' : ''}`.trim());
}

describe('what held a namespace', () => {
  test('all of it, of every kind, oldest first', async () => {
    const host = await heldInManyWays();
    const found = answer.parse(host.history.holders({ target }));
    expect(summary(found.data)).toEqual(['process 50', 'bind-mount', 'process 51 lost', 'fd 2']);
    expect(found.data[1]).toMatchObject({ path: '/run/netns/blue', set: null });
    expect(found.data[3]).toMatchObject({ fd: 7, comm: 'test' });
    const mountNamespace = host.history
      .state({ types: ['mnt'] })
      .data.find(({ inum }) => inum === INITIAL_INUMS.mnt)?.lifespan;
    expect(found.data[1]?.mountNamespace).toBe(mountNamespace);
  });

  test('at an instant what held it then, possibly or certainly', async () => {
    const host = await heldInManyWays();
    const at = (second: number) => summary(host.history.holders({ target, at: wall(second) }).data);
    expect(at(11)).toEqual([]);
    expect(at(13)).toEqual(['process 50', 'bind-mount']);
    expect(at(13.000001)).toEqual(['process 50', 'bind-mount', 'process 51 lost']);
    expect(at(16.05)).toEqual(['process 50', 'bind-mount', 'process 51 lost', 'fd 2']);
    expect(at(16.1)).toEqual(['process 50', 'bind-mount', 'fd 2']);
  });

  test('in a window what held it at some time in it', async () => {
    const host = await heldInManyWays();
    const within = (since: number, until: number) =>
      summary(host.history.holders({ target, since: wall(since), until: wall(until) }).data);
    expect(within(14, 15)).toEqual(['process 50', 'bind-mount', 'process 51 lost']);
    expect(within(16.1, 17)).toEqual(['process 50', 'bind-mount', 'fd 2']);
    expect(within(1, 9)).toEqual([]);
  });

  test('a member of a set is listed once for each life of the set that was asked about', async () => {
    const host = await recordHost();
    host.watch(10, 11, others);
    host.watch(12, 13, [...others, process(50, { net: NET, uts: 77 })]);
    const [net] = host.lives();
    const [uts] = host.lives(77);
    const ofNet = host.history.holders({ target }).data;
    const ofUts = host.history.holders({ target: { kind: 'inum', inum: 77, type: null } }).data;
    expect(ofNet).toHaveLength(1);
    expect(ofUts).toHaveLength(1);
    expect(ofNet[0]).toEqual({ ...ofUts[0], lifespan: net?.lifespan });
    expect(ofUts[0]?.lifespan).toBe(uts?.lifespan);
  });

  test('of an inum that was reused each holder belongs to its own life', async () => {
    const host = await recordHost();
    host.watch(10, 11, others);
    host.watch(12, 13, [...others, inNet(50)]);
    host.watch(14, 16, others);
    host.watch(17, 18, [...others, inNet(51)]);
    const [second, first] = host.lives();
    const { data } = host.history.holders({ target });
    expect(data.map(({ lifespan, pid }) => [lifespan, pid])).toEqual([
      [first?.lifespan, 50],
      [second?.lifespan, 51],
    ]);
  });

  test('processes in an initial namespace are counted and not listed', async () => {
    const host = await heldInManyWays();
    const initial = { kind: 'inum', inum: INITIAL_INUMS.uts, type: 'uts' } as const;
    expect(host.history.holders({ target: initial }).data).toEqual([]);
    expect(host.history.lifespans({ target: initial }).data[0]?.holders.now).toBeGreaterThan(3);
  });

  test('they are listed where the collector lists them, and nobody else with them', async () => {
    const host = await recordHost({ initialHolders: 'full' });
    host.watch(10, 11, others);
    host.watch(12, 13, [...others, inNet(50)]);
    const initial = { kind: 'inum', inum: INITIAL_INUMS.uts, type: 'uts' } as const;
    const pids = host.history.holders({ target: initial }).data.map(({ pid }) => pid);
    expect(pids).toEqual([2, 3, 4]);
    const story = host.history.timeline({ target: initial }).data.map(({ what }) => what);
    expect(story).toEqual(['born', 'holder-gained', 'holder-gained', 'holder-gained']);
  });

  test('pages go on where they ended, across lives, also when holders are added', async () => {
    const host = await recordHost();
    host.watch(10, 11, others);
    host.watch(12, 13, [...others, ...[50, 51, 52].map((pid) => inNet(pid))]);
    host.watch(14, 16, others);
    host.watch(17, 18, [...others, ...[60, 61, 62, 63].map((pid) => inNet(pid))]);
    const whole = host.history.holders({ target }).data.map(({ pid }) => pid);
    expect(whole).toEqual([50, 51, 52, 60, 61, 62, 63]);
    const pids: (number | null)[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < 4; page += 1) {
      const found = host.history.holders({ target, limit: 2, cursor });
      pids.push(...found.data.map(({ pid }) => pid));
      cursor = found.page.next ?? undefined;
      if (page === 1) {
        host.watch(19, 20, [...others, ...[60, 61, 62, 63, 64].map((pid) => inNet(pid))]);
      }
    }
    expect(pids).toEqual([...whole, 64]);
    expect(cursor).toBeUndefined();
  });

  test('the coverage is that of the instant or window asked about', async () => {
    const host = await heldInManyWays();
    expect(host.history.holders({ target, at: wall(13) }).coverage).toMatchObject({
      state: 'watched',
      from: text(13),
      to: text(13),
    });
    expect(host.history.holders({ target, at: wall(5) }).coverage.state).toBe('not-watched');
    expect(host.history.holders({ target, since: wall(5), until: wall(15) }).coverage.state).toBe(
      'partly-watched',
    );
  });
});
