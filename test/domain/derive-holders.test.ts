import { describe, expect, test } from 'vitest';
import { DEFAULT_GROWTH_POLICY } from '../../src/domain/growth-policy.ts';
import { SCAN_SOURCES, type ObservedProcess } from '../../src/domain/scan.ts';
import { at, Auditor, only, process, unreadableProcess } from '../support/scan-builder.ts';

const NET = 4_026_532_268;
const others = [process(2), process(3), process(4)];

/** Watches for a second, then sees process 50 in the net namespace NET. */
function withNet(): Auditor {
  const auditor = new Auditor();
  auditor.scan({ second: 10, processes: [...others, process(50)] });
  auditor.scan({ second: 11, processes: [...others, process(50, { net: NET })] });
  return auditor;
}

function lives(auditor: Auditor, inum = NET) {
  const ends = new Map(
    only(auditor.log, 'namespace.disappeared').map((event) => [event.lifespan, event]),
  );
  return only(auditor.log, 'namespace.born')
    .filter((event) => event.inum === inum)
    .map((event) => ({ ...event, end: ends.get(event.lifespan) ?? null }));
}

describe('holders', () => {
  test('a process joins and leaves all its namespaces with one event each', () => {
    const auditor = withNet();
    const gained = only(auditor.log, 'holder.gained');
    expect(gained).toHaveLength(1);
    expect(gained[0]?.namespaces).toHaveLength(8);
    const events = auditor.scan({ second: 12, processes: others });
    expect(only(events, 'holder.lost')).toMatchObject([
      { holder: gained[0]?.seq, to: { after: at(11), by: at(12.1) } },
    ]);
  });

  test('processes in the same namespaces share one set, introduced once', () => {
    const auditor = withNet();
    const both = [process(50, { net: NET }), process(51, { net: NET })];
    const events = auditor.scan({ second: 12, processes: [...others, ...both] });
    expect(only(events, 'holder.gained')).toMatchObject([{ pid: 51, namespaces: null }]);
    expect(auditor.known.sets.size).toBe(2);
  });

  test('a pid used again by another process is another holder', () => {
    const auditor = withNet();
    const again = process(50, { net: NET }, { startTimeTicks: 1_190 });
    const stays = process(51, { net: NET });
    auditor.scan({ second: 12, processes: [...others, process(50, { net: NET }), stays] });
    const events = auditor.scan({ second: 13, processes: [...others, again, stays] });
    expect(only(events, 'holder.lost')).toHaveLength(1);
    expect(only(events, 'holder.gained')).toMatchObject([{ pid: 50, startTimeTicks: 1_190 }]);
  });

  test('another user, name or parent of a process is no change of what it holds', () => {
    const auditor = withNet();
    const [before] = only(auditor.log, 'holder.gained');
    const other = process(50, { net: NET }, { ppid: 2, comm: 'other' });
    const facts = other.facts && { ...other.facts, uid: 4_711, comm: 'other', exe: '/bin/other' };
    const events = auditor.scan({ second: 12, processes: [...others, { ...other, facts }] });
    expect(events.filter(({ event }) => event.startsWith('holder'))).toEqual([]);
    expect(auditor.known.holders.has(before?.seq ?? 0)).toBe(true);
  });

  test('a process held nothing before it started', () => {
    const auditor = new Auditor();
    auditor.scan({
      second: 10,
      processes: [...others, process(50, { net: NET }, { startTimeTicks: 950 })],
    });
    expect(only(auditor.log, 'holder.gained')[0]?.from).toEqual({
      after: at(9.5) - 1,
      by: at(10.1),
      evidence: 'baseline',
    });
  });

  test('members of the initial namespaces are counted, not listed', () => {
    const auditor = new Auditor();
    auditor.scan({ second: 10, processes: others });
    expect(only(auditor.log, 'holder.gained')).toEqual([]);
    expect(only(auditor.log, 'holders.churned')).toMatchObject([
      { gained: 3, lost: 0, now: 3, byComm: { test: 3 } },
    ]);
    expect([...auditor.known.lifespans.values()].map((lifespan) => lifespan.holdersNow)).toEqual(
      Array(8).fill(3),
    );
  });

  test('they are listed like all others when asked for', () => {
    const auditor = new Auditor({ initialHolders: 'full' });
    auditor.scan({ second: 10, processes: others });
    expect(only(auditor.log, 'holder.gained')).toHaveLength(3);
  });

  test('a thread in other namespaces than its process holds only those', () => {
    const auditor = new Auditor();
    const thread = {
      tid: 51,
      startTimeTicks: 100,
      comm: 'worker',
      links: { net: NET },
      forChildren: {},
      descriptors: [],
      sockets: [],
    };
    auditor.scan({ second: 10, processes: [...others, process(50, {}, { threads: [thread] })] });
    expect(only(auditor.log, 'holder.gained')).toMatchObject([
      { kind: 'thread', tid: 51, comm: 'worker' },
    ]);
    expect(only(auditor.log, 'holder.gained')[0]?.namespaces).toHaveLength(1);
  });

  const socket = {
    kind: 'socket',
    fd: 7,
    socketInode: 77,
    inum: NET,
    interface: null,
    deviceInum: null,
  } as const;
  const withSockets = [...SCAN_SOURCES, 'sockets'] as const;

  test('a socket holds the network namespace it was opened in, and each descriptor of it is a holder', () => {
    const auditor = new Auditor();
    const sockets = [socket, { ...socket, fd: 8 }];
    for (const second of [10, 11, 12]) {
      const processes = [...others, process(50, {}, { sockets })];
      auditor.scan({ second, processes, covered: withSockets });
    }
    expect(only(auditor.log, 'holder.gained')).toMatchObject([
      { kind: 'socket', pid: 50, fd: 7, socketInode: 77, type: 'net' },
      { kind: 'socket', pid: 50, fd: 8, socketInode: 77, type: 'net' },
    ]);
    expect(only(auditor.log, 'namespace.unheld')).toEqual([]);
    for (const second of [13, 14]) {
      auditor.scan({ second, processes: [...others, process(50)], covered: withSockets });
    }
    expect(only(auditor.log, 'holder.lost')).toHaveLength(2);
    expect(lives(auditor)[0]?.end).toMatchObject({ reason: 'vanished' });
  });

  test('a scan that lists no sockets denies none, but who has ended has none any more', () => {
    const auditor = new Auditor();
    const processes = [...others, process(50, {}, { sockets: [socket] })];
    auditor.scan({ second: 10, processes, covered: withSockets });
    for (const second of [11, 12, 13]) {
      auditor.scan({ second, processes: [...others, process(50)] });
    }
    expect(only(auditor.log, 'holder.lost')).toEqual([]);
    expect(only(auditor.log, 'namespace.unheld')).toEqual([]);
    auditor.scan({ second: 14, processes: others });
    expect(only(auditor.log, 'holder.lost')).toMatchObject([
      { kind: 'socket', to: { after: at(10), by: at(14.1) } },
    ]);
  });

  test('a tun device that is moved is another holder of the same namespace, and names where it is', () => {
    const auditor = new Auditor();
    const tun = { ...socket, kind: 'tun', socketInode: null, interface: 'tap0' } as const;
    const other = process(51, { net: 8_000 });
    for (const [second, deviceInum] of [
      [10, NET],
      [11, 8_000],
    ] as const) {
      const sockets = [{ ...tun, deviceInum }];
      const processes = [...others, other, process(50, {}, { sockets })];
      auditor.scan({ second, processes, covered: withSockets });
    }
    const moved = only(auditor.log, 'namespace.born').find(({ inum }) => inum === 8_000);
    const tuns = only(auditor.log, 'holder.gained').filter(({ kind }) => kind === 'tun');
    expect(tuns).toMatchObject([
      { interface: 'tap0', namespace: null },
      { interface: 'tap0', namespace: moved?.lifespan },
    ]);
    expect(only(auditor.log, 'holder.lost')).toMatchObject([{ kind: 'tun' }]);
  });

  test('what children will get is a holder of its own', () => {
    const auditor = new Auditor();
    auditor.scan({
      second: 10,
      processes: [...others, process(50, {}, { forChildren: { pid: 8_000 } })],
    });
    expect(only(auditor.log, 'holder.gained')).toMatchObject([
      { kind: 'for-children', pid: 50, type: 'pid' },
    ]);
  });

  test('a zombie still holds its user and pid namespace and nothing else', () => {
    const auditor = new Auditor();
    const links = { user: 5_000, pid: 5_001, net: NET };
    auditor.scan({ second: 10, processes: [...others, process(50, links)] });
    const zombie = { ...process(50), links: { user: 5_000, pid: 5_001 }, isZombie: true };
    const events = auditor.scan({ second: 11, processes: [...others, zombie] });
    expect(only(events, 'holder.gained')[0]?.namespaces).toHaveLength(2);
    auditor.scan({ second: 12, processes: [...others, zombie] });
    expect(lives(auditor)[0]?.end).not.toBeNull();
    expect(lives(auditor, 5_000)[0]?.end).toBeNull();
  });
});

describe('members beyond the budget of their set', () => {
  const growth = {
    ...DEFAULT_GROWTH_POLICY,
    holders: { burst: 1, perSecond: 0 },
    movers: { burst: 2, perSecond: 0 },
  };
  const main = process(50, { net: NET });
  const fork = (pid: number, more: Partial<ObservedProcess> = {}) =>
    process(pid, { net: NET }, { startTimeTicks: 1_000 + pid, ...more });

  /** Process 50 is listed and has spent the budget of its set. */
  function storming(): Auditor {
    const auditor = new Auditor({ growth });
    auditor.scan({ second: 10, processes: [...others, process(50)] });
    auditor.scan({ second: 11, processes: [...others, main, fork(60)] });
    return auditor;
  }

  test('are listed when the next scan still sees them, with when they came', () => {
    const auditor = storming();
    const first = auditor.scan({ second: 12, processes: [...others, main, fork(70)] });
    expect(only(first, 'holder.gained')).toEqual([]);
    const second = auditor.scan({ second: 13, processes: [...others, main, fork(70)] });
    expect(only(second, 'holder.gained')).toMatchObject([
      { pid: 70, from: { after: at(11), by: at(12.1), evidence: 'scan' } },
    ]);
  });

  test('are counted when the next scan does not see them', () => {
    const auditor = storming();
    auditor.scan({ second: 12, processes: [...others, main, fork(70), fork(71)] });
    auditor.scan({ second: 13, processes: [...others, main] });
    const events = auditor.stop({ second: 14 });
    expect(only(events, 'holders.churned').filter(({ gained }) => gained === 2)).toMatchObject([
      { gained: 2, lost: 2, now: 0, byComm: { test: 2 }, from: at(11), to: at(13.1) },
    ]);
    expect(only(auditor.log, 'holder.gained').map(({ pid }) => pid)).toEqual([50, 60]);
  });

  test('are listed at the stop when they are still there', () => {
    const auditor = storming();
    auditor.scan({ second: 12, processes: [...others, main, fork(70)] });
    expect(only(auditor.stop({ second: 13 }), 'holder.gained')).toMatchObject([{ pid: 70 }]);
  });

  test('hold their namespaces while they cannot be read', () => {
    const auditor = storming();
    auditor.scan({ second: 12, processes: [...others, main, fork(70)] });
    for (const second of [13, 14, 15, 16]) {
      const hidden = unreadableProcess(70, { startTimeTicks: 1_070 });
      auditor.scan({ second, processes: [...others, hidden] });
    }
    expect(lives(auditor)[0]?.end).toBeNull();
    auditor.scan({ second: 17, processes: [...others, fork(70)] });
    expect(lives(auditor)).toHaveLength(1);
  });

  test('do not make their namespace look reused when only they are left', () => {
    const auditor = storming();
    const late = fork(70, { startTimeTicks: 1_205 });
    auditor.scan({ second: 12, processes: [...others, main, late] });
    auditor.scan({ second: 13, processes: [...others, late] });
    expect(lives(auditor)).toHaveLength(1);
  });

  test('are counted when they end as zombies, which is no change of namespaces', () => {
    const auditor = storming();
    auditor.scan({ second: 12, processes: [...others, main, fork(70)] });
    const zombie = { ...process(70, {}, { startTimeTicks: 1_070 }), isZombie: true };
    auditor.scan({
      second: 13,
      processes: [...others, main, { ...zombie, links: { user: 5_000 } }],
    });
    expect(only(auditor.log, 'holder.gained').map(({ pid }) => pid)).toEqual([50, 60, 70]);
    const [counted] = only(auditor.stop({ second: 14 }), 'holders.churned').slice(0, 1);
    expect(counted).toMatchObject({ gained: 1, lost: 1 });
  });

  test('who changes namespaces in a loop is counted in the end', () => {
    const auditor = storming();
    for (let second = 12; second < 40; second += 1) {
      const net = second % 2 === 0 ? NET : NET + 1;
      const keeper = process(80, { net: NET + 1 });
      const mover = process(70, { net });
      auditor.scan({ second, processes: [...others, main, keeper, mover] });
    }
    auditor.stop({ second: 41 });
    const listed = only(auditor.log, 'holder.gained').filter(({ pid }) => pid === 70);
    const counted = only(auditor.log, 'holders.churned').filter(({ set }) =>
      auditor.log.some(({ seq, event }) => seq === set && event === 'holder.gained'),
    );
    expect(listed.length).toBeLessThanOrEqual(8);
    expect(listed.length + counted.reduce((sum, { gained }) => sum + gained, 0)).toBe(28);
  });
});
