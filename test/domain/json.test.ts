import { describe, expect, test } from 'vitest';
import { containerByPath } from '../../src/domain/container-json.ts';
import { toEventJson } from '../../src/domain/event-json.ts';
import type { Holder } from '../../src/domain/holder.ts';
import {
  holderJsonSchema,
  lifespanJsonSchema,
  toHolderJson,
  toLifespanJson,
} from '../../src/domain/json.ts';
import type { Lifespan } from '../../src/domain/lifespan.ts';
import { buildWallClock } from '../../src/domain/wall-clock.ts';

const T0 = 1_795_305_600_000_000;
const clock = buildWallClock([]);

const FACTS = {
  ppid: 1,
  comm: 'unshare',
  exe: '/usr/bin/unshare',
  uid: 0,
  gid: 0,
  loginuid: null,
  session: null,
  cgroup: '/',
  containerId: null,
};

const BASELINE = {
  after: null,
  by: '2026-11-22T00:00:00.000000Z',
  evidence: 'baseline',
};

const lifespan: Lifespan = {
  id: 734112,
  boot: 'b',
  type: 'net',
  nsfsDev: '0:4',
  inum: 0xf00001ac,
  kernelNamespaceId: '1283',
  incarnation: 3,
  initial: false,
  suspected: false,
  born: {
    after: T0,
    by: T0 + 10,
    evidence: 'scan',
  },
  initEnded: null,
  unheld: null,
  unreferenced: null,
  gone: {
    after: T0 + 100,
    by: T0 + 110,
    evidence: 'scan',
  },
  reason: 'vanished',
  creator: {
    pid: 4711,
    startTimeTicks: 123456,
    ...FACTS,
    how: 'unshare',
    evidence: 'kernel-event',
  },
  owner: 12,
  parent: null,
  ownerUid: 0,
  names: ['/run/netns/blue'],
  nsids: [{ observer: 3, nsid: 0, from: { after: null, by: T0, evidence: 'baseline' }, to: null }],
  containers: ['/lxc.payload.web'],
  holdersNow: 1,
  references: null,
  holdersEver: 4,
};

const holder: Holder = {
  id: 734113,
  kind: 'bind-mount',
  set: null,
  lifespan: 734112,
  pid: null,
  tid: null,
  startTimeTicks: null,
  fd: null,
  path: '/run/netns/blue',
  mountNamespace: 5,
  socketInode: null,
  interface: null,
  namespace: null,
  ...FACTS,
  comm: null,
  how: null,
  ancestors: null,
  observer: null,
  from: {
    after: null,
    by: T0,
    evidence: 'baseline',
  },
  to: null,
};

function render(atUs: number, gone = lifespan.gone) {
  const from = { after: null, by: T0, evidence: 'baseline' } as const;
  const named = { name: '/run/netns/blue', from, to: null, mountNamespaces: [5] };
  const rendering = {
    host: 'h',
    clock,
    atUs,
    watchedUntilUs: T0 + 200,
    containerOf: containerByPath,
    nameIntervals: new Map([[734_112, [named]]]),
  };
  return toLifespanJson({ ...lifespan, gone }, rendering, { now: 1, ever: 4 });
}

describe('the shapes that scripts rely on', () => {
  test('a lifespan: ids as text, instants as RFC 3339, nothing but what the schema names', () => {
    expect(lifespanJsonSchema.strict().parse(render(T0 + 50))).toEqual({
      lifespan: '734112',
      host: 'h',
      boot: 'b',
      type: 'net',
      inum: 0xf00001ac,
      kernelNamespaceId: '1283',
      incarnation: 3,
      suspected: false,
      state: 'held',
      certainty: 'certain',
      born: {
        after: '2026-11-22T00:00:00.000000Z',
        by: '2026-11-22T00:00:00.000010Z',
        evidence: 'scan',
      },
      initEnded: null,
      unheld: null,
      unreferenced: null,
      gone: {
        after: '2026-11-22T00:00:00.000100Z',
        by: '2026-11-22T00:00:00.000110Z',
        evidence: 'scan',
      },
      reason: 'vanished',
      references: null,
      creator: {
        pid: 4711,
        startTimeTicks: '123456',
        ...FACTS,
        container: null,
        how: 'unshare',
        evidence: 'kernel-event',
      },
      owner: '12',
      parent: null,
      ownerUid: 0,
      names: ['/run/netns/blue'],
      nameIntervals: [
        { name: '/run/netns/blue', from: BASELINE, to: null, mountNamespaces: ['5'] },
      ],
      nsids: [{ observer: '3', nsid: 0, from: BASELINE, to: null }],
      containers: [{ engine: 'lxc', id: 'web', name: 'web', podUid: null }],
      initial: false,
      holders: {
        now: 1,
        ever: 4,
      },
    });
  });

  test('a holder: of the lifespan asked about, everything absent null', () => {
    expect(
      holderJsonSchema
        .strict()
        .parse(toHolderJson(holder, 734_112, { clock, containerOf: containerByPath })),
    ).toEqual({
      holder: '734113',
      lifespan: '734112',
      kind: 'bind-mount',
      pid: null,
      tid: null,
      startTimeTicks: null,
      fd: null,
      path: '/run/netns/blue',
      mountNamespace: '5',
      socketInode: null,
      interface: null,
      namespace: null,
      ...FACTS,
      comm: null,
      container: null,
      set: null,
      how: null,
      ancestors: null,
      observer: false,
      from: {
        after: null,
        by: '2026-11-22T00:00:00.000000Z',
        evidence: 'baseline',
      },
      to: null,
    });
  });

  test('an event: header first, then its own fields', () => {
    const event = toEventJson(
      {
        seq: 9,
        event: 'observation.gap',
        version: 1,
        at: T0,
        source: 'procfs',
        lost: 17,
        from: T0 - 5,
        to: T0,
        reason: 'lost',
      },
      clock,
    );
    expect(JSON.stringify(event)).toBe(
      '{"seq":9,"event":"observation.gap","version":1,"at":"2026-11-22T00:00:00.000000Z","source":"procfs","lost":17,' +
        '"from":"2026-11-21T23:59:59.999995Z","to":"2026-11-22T00:00:00.000000Z","reason":"lost"}',
    );
  });

  test('keys that are data are never taken for fields', () => {
    const byComm = { at: 1, from: 2, set: 3, by: 4 };
    const event = toEventJson(
      {
        seq: 9,
        event: 'holders.churned',
        version: 1,
        at: T0,
        set: 3,
        namespaces: [1, 2],
        gained: 10,
        lost: 0,
        now: 10,
        byComm,
        from: T0,
        to: T0,
      },
      clock,
    );
    expect(event).toMatchObject({ byComm, set: '3', namespaces: ['1', '2'] });
  });
});

describe('state and certainty at an instant', () => {
  test.each([
    [T0 + 5, 'held', 'possible'],
    [T0 + 10, 'held', 'certain'],
    [T0 + 100, 'held', 'certain'],
    [T0 + 101, 'held', 'possible'],
    [T0 + 110, 'ended', 'certain'],
    [T0 + 900, 'ended', 'certain'],
  ])('of a life with known bounds at %s', (atUs, state, certainty) => {
    expect(render(atUs)).toMatchObject({ state, certainty });
  });

  test('what had not ended is only possibly there once nobody watches any more', () => {
    expect(render(T0 + 200, null)).toMatchObject({ state: 'held', certainty: 'certain' });
    expect(render(T0 + 201, null)).toMatchObject({ state: 'held', certainty: 'possible' });
  });
});
