import { describe, expect, test } from 'vitest';
import type { AuditEvent } from '../../src/domain/event.ts';
import { answerSchema, lifespanJsonSchema } from '../../src/domain/json.ts';
import { FACTS, OTHER_BOOT } from '../support/scan-builder.ts';
import {
  at,
  BOOT,
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

const answer = answerSchema(lifespanJsonSchema);

/** NET is a net namespace, then a uts namespace, then a net namespace again. */
async function reuseInum(): Promise<RecordedHost> {
  const host = await recordHost();
  host.watch(10, 11, others);
  host.watch(12, 13, [...others, inNet(50)]);
  host.watch(14, 16, others);
  host.watch(17, 18, [...others, process(51, { uts: NET })]);
  host.watch(19, 21, others);
  host.watch(22, 24, [...others, inNet(52)]);
  return host;
}

function born(id: number, kernelNamespaceId: string, boot: string): AuditEvent {
  return {
    event: 'namespace.born',
    version: 1,
    seq: id,
    at: at(60 + id),
    lifespan: id,
    type: 'net',
    inum: 900 + id,
    boot,
    nsfsDev: null,
    kernelNamespaceId,
    incarnation: 1,
    born: {
      after: at(59 + id),
      by: at(60 + id),
      evidence: 'kernel-event',
    },
    initial: false,
    suspected: false,
    creator: null,
    owner: null,
    parent: null,
    ownerUid: null,
  };
}

describe('lives of an inum', () => {
  test('two lives of one inum are never merged, and are told newest first', async () => {
    const host = await reuseInum();
    const { data, coverage } = answer.parse(
      host.history.lifespans({ target: { kind: 'inum', inum: NET, type: null } }),
    );
    expect(data.map(({ type, incarnation, state }) => [type, incarnation, state])).toEqual([
      ['net', 3, 'held'],
      ['uts', 2, 'ended'],
      ['net', 1, 'ended'],
    ]);
    expect(new Set(data.map(({ lifespan }) => lifespan)).size).toBe(3);
    expect(coverage).toMatchObject({ state: 'watched', from: text(10), to: text(24.1) });
  });

  test('a type in the target leaves out the lives of other types', async () => {
    const host = await reuseInum();
    const { data } = host.history.lifespans({ target: { kind: 'inum', inum: NET, type: 'uts' } });
    expect(data.map(({ incarnation }) => incarnation)).toEqual([2]);
  });

  test.each([
    [10.5, []],
    [11.5, [1]],
    [13, [1]],
    // The second was not there certainly, the first not gone certainly.
    [14.05, [1]],
    [15, []],
    [16.5, [2]],
    [18, [2]],
    [23, [3]],
  ])('at %s s the inum had the lives %j', async (second, incarnations) => {
    const host = await reuseInum();
    const { data } = host.history.lifespans({
      target: { kind: 'inum', inum: NET, type: null },
      since: wall(second),
      until: wall(second),
    });
    expect(data.map(({ incarnation }) => incarnation)).toEqual(incarnations);
  });

  test('a window has every life that may have been lived in it, described as of its end', async () => {
    const host = await reuseInum();
    const { data, at: asked } = host.history.lifespans({
      target: { kind: 'inum', inum: NET, type: null },
      since: wall(13),
      until: wall(17.5),
    });
    expect(asked).toBe(text(17.5));
    expect(data.map(({ incarnation, state }) => [incarnation, state])).toEqual([
      [2, 'held'],
      [1, 'ended'],
    ]);
  });

  test('a window that ends before it begins is refused', async () => {
    const host = await reuseInum();
    const target = { kind: 'inum', inum: NET, type: null } as const;
    expect(() => host.history.lifespans({ target, since: wall(20), until: wall(10) })).toThrow(
      /ends before it begins/,
    );
  });

  test('an inum nobody has seen has no lives, and the answer says what was watched', async () => {
    const host = await reuseInum();
    const found = host.history.lifespans({ target: { kind: 'inum', inum: 5, type: null } });
    expect(found.data).toEqual([]);
    expect(found.coverage.state).toBe('watched');
  });

  test('pages go on where they ended', async () => {
    const host = await reuseInum();
    const target = { kind: 'inum', inum: NET, type: null } as const;
    const first = host.history.lifespans({ target, limit: 2 });
    host.watch(25, 27, others);
    host.watch(28, 29, [...others, inNet(60)]);
    const second = host.history.lifespans({ target, limit: 2, cursor: first.page.next ?? '' });
    expect([...first.data, ...second.data].map(({ incarnation }) => incarnation)).toEqual([
      3, 2, 1,
    ]);
    expect(second.page.next).toBeNull();
  });
});

describe('without observers', () => {
  const own = { pid: 50, startTimeTicks: 100 };
  const target = { kind: 'inum', inum: NET, type: null } as const;

  /** The collector and a child of it, beside somebody else; later the collector alone. */
  async function observed(): Promise<RecordedHost> {
    const host = await recordHost({ own });
    host.watch(10, 11, others);
    host.watch(12, 13, [
      ...others,
      inNet(50),
      inNet(51, { facts: { ...FACTS, ppid: own.pid } }),
      inNet(52),
    ]);
    host.watch(14, 16, [...others, inNet(50)]);
    return host;
  }

  test('the counts of holders leave out the collector and its children, then and ever', async () => {
    const { history } = await observed();
    const countsOf = (observers: boolean, until?: number) =>
      history
        .lifespans({ target, observers, ...(until === undefined ? {} : { until: wall(until) }) })
        .data.map(({ holders }) => holders);
    expect(countsOf(true)).toEqual([{ now: 1, ever: 3 }]);
    expect(countsOf(false)).toEqual([{ now: 0, ever: 1 }]);
    expect(countsOf(true, 12.9)).toEqual([{ now: 3, ever: 3 }]);
    expect(countsOf(false, 12.9)).toEqual([{ now: 1, ever: 1 }]);
  });

  test('a life that only they hold is shown all the same, as ever but for its counts', async () => {
    const { history } = await observed();
    const [whole] = history.lifespans({ target }).data;
    const without = history.lifespans({ target, observers: false }).data;
    expect(without).toEqual([{ ...whole, holders: { now: 0, ever: 1 } }]);
    expect(whole?.state).toBe('held');
    const id = Number(whole?.lifespan);
    expect(history.lifespan(id, { observers: false }).data).toEqual(without);
    expect(history.state({ types: ['net'], observers: false }).data).not.toContainEqual(
      expect.objectContaining({ inum: NET }),
    );
  });

  test('of a state, those that others hold too have only the others in their counts', async () => {
    const { history } = await observed();
    const request = { types: ['net'] as const, at: wall(12.9) };
    const countsOf = (observers: boolean) =>
      history.state({ ...request, observers }).data.find(({ inum }) => inum === NET)?.holders;
    expect(countsOf(true)).toEqual({ now: 3, ever: 3 });
    expect(countsOf(false)).toEqual({ now: 1, ever: 1 });
  });
});

describe('other targets', () => {
  test('a lifespan by id is one life, and its coverage is that of its time', async () => {
    const host = await reuseInum();
    const [, , oldest] = host.lives();
    const id = Number(oldest?.lifespan);
    const one = answer.parse(host.history.lifespan(id));
    expect(one.data).toEqual([oldest]);
    expect(one.coverage).toMatchObject({ state: 'watched', from: text(11), to: text(14.1) });
    const asTarget = host.history.lifespans({ target: { kind: 'lifespan', lifespan: id } });
    expect(asTarget.data).toEqual([oldest]);
    expect(asTarget.page.next).toBeNull();
  });

  test('a lifespan that is not in the record is an error that names it', async () => {
    const host = await reuseInum();
    expect(() => host.history.lifespan(999_999)).toThrow(
      expect.objectContaining({ code: 'not-found', message: expect.stringContaining('#999999') }),
    );
    expect(() =>
      host.history.lifespans({ target: { kind: 'lifespan', lifespan: 999_999 } }),
    ).toThrow(expect.objectContaining({ code: 'not-found' }));
  });

  test('a name has every namespace that bore it, and in a window those that bore it then', async () => {
    const host = await recordHost();
    const blue = '/run/netns/blue';
    host.watch(10, 11, others);
    host.scan({ second: 12, processes: others, mountNamespaces: boundTo(blue, 700) });
    host.scan({ second: 13, processes: others, mountNamespaces: boundTo(blue, 700) });
    host.watch(14, 16, others);
    host.scan({ second: 17, processes: others, mountNamespaces: boundTo(blue, 701) });
    host.scan({ second: 18, processes: others, mountNamespaces: boundTo('/run/netns/red', 701) });
    host.scan({ second: 19, processes: others, mountNamespaces: boundTo('/run/netns/red', 701) });
    const target = { kind: 'name', name: blue } as const;
    const inums = (window: object) =>
      host.history.lifespans({ target, ...window }).data.map(({ inum }) => inum);
    expect(inums({})).toEqual([701, 700]);
    expect(inums({ since: wall(13), until: wall(13) })).toEqual([700]);
    // It still lives, but under another name.
    expect(inums({ since: wall(18.5), until: wall(19) })).toEqual([]);
    expect(host.lives(701)[0]?.names).toEqual([blue, '/run/netns/red']);
  });

  test('a kernel id is one life per boot', async () => {
    const host = await recordHost();
    host.watch(10, 11, others);
    const seq = host.auditor.known.position + 1;
    host.append([born(seq, '18446744073709551615', BOOT), born(seq + 1, '18', OTHER_BOOT)]);
    const { data } = host.history.lifespans({
      target: { kind: 'kernel-id', kernelNamespaceId: '18446744073709551615' },
    });
    expect(data).toMatchObject([
      { lifespan: String(seq), kernelNamespaceId: '18446744073709551615' },
    ]);
  });
});

test('a reboot ends every life, and the same inum afterwards is another one', async () => {
  const host = await recordHost();
  host.watch(10, 13, [...others, inNet(50)]);
  host.start({ second: 5, boot: OTHER_BOOT, wallUs: at(100) });
  host.scan({ second: 101, processes: [...others, inNet(50)], bootId: OTHER_BOOT });
  const lives = host.lives();
  expect(lives.map(({ boot, reason, incarnation }) => [boot, reason, incarnation])).toEqual([
    [OTHER_BOOT, null, 1],
    [BOOT, 'reboot', 1],
  ]);
  // Nothing but the first stretch of watching was in the log when the host went down.
  expect(lives[1]?.gone).toEqual({ after: text(10.1), by: text(95), evidence: 'reboot' });
  const between = host.history.state({ at: wall(99) });
  expect(between.data).toEqual([]);
  expect(between.coverage.state).toBe('not-watched');
});
