/** What kernel records mean, rule by rule. Real: all rules. Modelled: the records. */
import { describe, expect, test } from 'vitest';
import { listDueProbes } from '../../src/domain/kernel-memory.ts';
import {
  at,
  birth,
  inside,
  joined,
  KernelAuditor,
  left,
  moved,
  ns,
  task,
} from '../support/kernel-auditor.ts';
import { only, process } from '../support/scan-builder.ts';

const exactly = (second: number) => ({
  after: at(second),
  by: at(second),
  evidence: 'kernel-event',
});
const net = ns('net', 4026532001, '900');
const uts = ns('uts', 4026532002, '901');

/** Watching since second 1, with one process in the initial namespaces. */
function watching(): KernelAuditor {
  const auditor = new KernelAuditor();
  auditor.scanBeside({ second: 1, processes: [process(1)] });
  return auditor;
}

describe('births', () => {
  test('a birth is exact and names who made it, and how', () => {
    const auditor = watching();
    auditor.tell(3, birth(2, net), moved(2, 50, inside(net)));
    expect(auditor.life('net', net.inum)).toMatchObject({
      born: exactly(2),
      kernelNamespaceId: '900',
      creator: { pid: 50, comm: 'make', uid: 1000, how: 'unshare', evidence: 'kernel-event' },
      holdersNow: 1,
      initial: false,
    });
  });

  test('a birth that is told twice is one life', () => {
    const auditor = watching();
    auditor.tell(3, birth(2, net), birth(2, net, { isRecovered: true }));
    expect(auditor.life('net', net.inum).born).toEqual(exactly(2));
  });

  test('a life that ended is not born again by the map of live namespaces', () => {
    const auditor = watching();
    auditor.tell(3, birth(2, net));
    auditor.answer(4, {
      id: auditor.life('net', net.inum).id,
      probedUs: at(3.5),
      verdict: 'stale',
    });
    auditor.tell(5, birth(2, net, { isRecovered: true }));
    expect(auditor.life('net', net.inum).reason).toBe('vanished');
  });

  test('an inum that is born again ends the life that had it, whatever its type, by that instant', () => {
    const auditor = watching();
    auditor.tell(4, birth(2, net), moved(2, 50, inside(net)), moved(3, 50, inside()));
    auditor.tell(5, birth(4, ns('uts', net.inum, '950')));
    expect(auditor.life('net', net.inum)).toMatchObject({
      reason: 'inode-reuse',
      gone: { after: at(3), by: at(4), evidence: 'kernel-event' },
    });
    expect(auditor.life('uts', net.inum).incarnation).toBe(2);
  });

  test('a namespace that a record names and nobody knew was born since the last scan', () => {
    const auditor = watching();
    auditor.tell(3, joined(2, 60, inside(net)));
    expect(auditor.life('net', net.inum)).toMatchObject({
      born: { after: at(1), by: at(2), evidence: 'kernel-event' },
      creator: null,
    });
  });
});

describe('holders', () => {
  test('a process joins and leaves at exact instants', () => {
    const auditor = watching();
    auditor.tell(5, birth(2, net), moved(2, 50, inside(net)), joined(3, 51, inside(net)));
    const lost = auditor.tell(6, left(4, 51));
    expect(lost).toMatchObject([{ event: 'holder.lost', pid: 51, to: exactly(4) }]);
    expect(auditor.life('net', net.inum)).toMatchObject({ holdersNow: 1, holdersEver: 2 });
  });

  test('a move is one loss and one gain; a move to where it is already is nothing', () => {
    const auditor = watching();
    auditor.tell(3, birth(2, net), moved(2, 50, inside(net)));
    const events = auditor.tell(4, birth(3, uts), moved(3, 50, inside(net, uts)));
    expect(events.map(({ event }) => event)).toEqual([
      'namespace.born',
      'holder.lost',
      'holder.gained',
    ]);
    expect(auditor.tell(5, moved(4, 50, inside(net, uts), { how: 'exec' }))).toEqual([]);
  });

  test('a process in the initial namespaces is not listed, and one that returns there is lost', () => {
    const auditor = watching();
    expect(auditor.tell(3, joined(2, 51, inside()))).toEqual([]);
    auditor.tell(4, birth(3, net), moved(3, 50, inside(net)));
    expect(auditor.tell(5, moved(4, 50, inside(), { how: 'setns' }))).toMatchObject([
      { event: 'holder.lost', pid: 50, to: exactly(4) },
    ]);
  });

  test('a process is known by what it ran right after its fork', () => {
    const auditor = watching();
    const facts = { ...joined(0, 1, []).facts, comm: 'sleep', exe: '/bin/sleep' };
    const events = auditor.tell(
      4,
      birth(2, net),
      joined(3, 51, inside(net)),
      moved(3, 51, inside(net), { how: 'exec', facts }),
    );
    expect(only(events, 'holder.gained')).toMatchObject([{ pid: 51, comm: 'sleep' }]);
  });

  test('what the children of a process will get is a holder of its own', () => {
    const auditor = watching();
    const pid = ns('pid', 4026532005, '905');
    auditor.tell(3, birth(2, pid), moved(2, 50, inside(), { forChildren: [pid] }));
    expect(auditor.life('pid', pid.inum)).toMatchObject({ holdersNow: 1 });
    auditor.tell(4, left(3, 50));
    expect(auditor.life('pid', pid.inum)).toMatchObject({ holdersNow: 0 });
  });

  test('a thread lists what is its alone, and leaves without its process', () => {
    const auditor = watching();
    const thread = task(50, { tid: 55, threadStartTimeTicks: 120 });
    auditor.tell(3, birth(2, net), moved(2, 50, [net], { task: thread }));
    expect(only(auditor.log, 'holder.gained')).toMatchObject([
      { kind: 'thread', pid: 50, tid: 55, startTimeTicks: 120 },
    ]);
    auditor.tell(4, left(3, 50, { task: thread, isLast: false }));
    expect(auditor.life('net', net.inum).holdersNow).toBe(0);
  });

  test('a pid that begins again ends what its last process held, though nobody told', () => {
    const auditor = watching();
    auditor.tell(3, birth(2, net), moved(2, 50, inside(net)));
    const again = { task: task(50, { startTimeTicks: 900, threadStartTimeTicks: 900 }) };
    const events = auditor.tell(10, joined(9, 50, inside(net), again));
    expect(events).toMatchObject([
      { event: 'holder.lost', to: { after: at(2), by: at(9), evidence: 'kernel-event' } },
      { event: 'holder.gained', startTimeTicks: 900, from: exactly(9) },
    ]);
  });
});

describe('ends', () => {
  test('a stale handle ends a namespace between the last leaving and the question', () => {
    const auditor = watching();
    auditor.tell(4, birth(2, net), moved(2, 50, inside(net)), left(3, 50));
    const { id } = auditor.life('net', net.inum);
    auditor.answer(5, { id, probedUs: at(4), verdict: 'stale' });
    const bounds = { after: at(3), by: at(4), evidence: 'handle' };
    expect(auditor.life('net', net.inum)).toMatchObject({
      unheld: exactly(3),
      unreferenced: bounds,
      gone: bounds,
      reason: 'vanished',
    });
  });

  test('a type that its last reference destroys is destroyed by a stale handle', () => {
    const auditor = watching();
    auditor.tell(4, birth(2, uts), moved(2, 50, inside(uts)), left(3, 50));
    const { id } = auditor.life('uts', uts.inum);
    auditor.answer(5, { id, probedUs: at(4), verdict: 'stale' });
    expect(auditor.life('uts', uts.inum)).toMatchObject({
      reason: 'destroyed',
      unreferenced: null,
    });
  });

  test('an answer is void when somebody came after the question', () => {
    const auditor = watching();
    auditor.tell(4, birth(2, net), moved(2, 50, inside(net)), left(3, 50));
    const { id } = auditor.life('net', net.inum);
    auditor.tell(6, joined(5, 51, inside(net)), left(5.5, 51));
    expect(auditor.answer(7, { id, probedUs: at(4), verdict: 'stale' })).toEqual([]);
    expect(auditor.life('net', net.inum).gone).toBeNull();
  });

  test('a namespace that is still there is asked after less and less often', () => {
    const auditor = watching();
    auditor.tell(4, birth(2, net), moved(2, 50, inside(net)), left(3, 50));
    const { id } = auditor.life('net', net.inum);
    const pauses: number[] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      const askedUs = auditor.memory.vacant.get(id)?.nextProbeUs ?? 0;
      const due = listDueProbes(auditor.known, auditor.memory, { atUs: askedUs, limit: 10 });
      expect(due.map((each) => each.id)).toEqual([id]);
      auditor.answer(4 + turn, { id, probedUs: askedUs, verdict: 'alive' });
      pauses.push((auditor.memory.vacant.get(id)?.nextProbeUs ?? 0) - askedUs);
    }
    expect(pauses).toEqual([4_000, 8_000, 16_000, 32_000]);
    expect(auditor.memory.isScanWanted).toBe(true);
  });

  test('last reference and destruction are told apart where hooks tell both', () => {
    const auditor = watching();
    auditor.tell(3, birth(2, net), moved(2, 50, inside(net)));
    auditor.tell(
      6,
      left(3, 50),
      { kind: 'unreferenced', atUs: at(4), namespace: net },
      { kind: 'destroyed', atUs: at(5), namespace: net },
    );
    expect(auditor.life('net', net.inum)).toMatchObject({
      unheld: exactly(3),
      unreferenced: exactly(4),
      gone: exactly(5),
      reason: 'destroyed',
    });
  });

  test('what a child alone held is asked after when the child has ended, and unheld no more exactly than that was told', () => {
    const auditor = watching();
    const outer = ns('user', 4026532010, '910');
    const inner = ns('user', 4026532011, '911');
    const below = birth(2.5, inner, { owner: outer, parent: outer });
    const outside = [birth(2, outer), moved(2, 50, inside(outer))];
    auditor.tell(3, ...outside, below, moved(2.5, 50, inside(inner)));
    auditor.tell(4, left(3, 50));
    const { id } = auditor.life('user', outer.inum);
    expect(auditor.memory.vacant.has(id)).toBe(false);
    expect(auditor.life('user', outer.inum)).toMatchObject({ unheld: null, holdersNow: 1 });
    const child = auditor.life('user', inner.inum).id;
    auditor.answer(5, { id: child, probedUs: at(4), verdict: 'stale' });
    expect(auditor.memory.vacant.get(id)).toMatchObject({ leftUs: null, lastAliveUs: at(3) });
    auditor.answer(6, { id, probedUs: at(5), verdict: 'stale' });
    expect(auditor.life('user', outer.inum)).toMatchObject({
      unheld: { after: at(3), by: at(5) },
      gone: { after: at(3), by: at(5), evidence: 'handle' },
    });
  });

  test('no scan ends a life whose end will be told', () => {
    const auditor = watching();
    auditor.tell(3, birth(2, net), moved(2, 50, inside(net)), left(2.5, 50));
    for (const second of [4, 5, 6, 7]) {
      auditor.scanBeside({ second, processes: [process(1)] });
    }
    expect(auditor.life('net', net.inum)).toMatchObject({ unheld: exactly(2.5), gone: null });
  });
});

describe('a scan beside records', () => {
  const kernelIds = new Map([[`net:${net.inum}`, '900']] as const);

  test('says nothing about a process that moved meanwhile', () => {
    const auditor = watching();
    auditor.tell(3, birth(2, net), moved(2, 50, inside(net)));
    // The scan read process 50 before it ended.
    const events = auditor.scanBeside(
      { second: 4, processes: [process(1), process(50, { net: net.inum })], kernelIds },
      left(4.05, 50),
    );
    expect(only(events, 'holder.gained')).toEqual([]);
    // The kernel tells the end of a process first, and then takes its namespaces away.
    const late = auditor.scanBeside({
      second: 4.5,
      processes: [process(1), process(50, { net: net.inum })],
      kernelIds,
    });
    expect(only(late, 'holder.gained')).toEqual([]);
    // This one missed a process that came behind its back.
    const after = auditor.scanBeside(
      { second: 5, processes: [process(1)], kernelIds },
      joined(5.05, 52, inside(net)),
    );
    expect(only(after, 'holder.lost')).toEqual([]);
  });

  test('does not end a bind mount before the mount namespace that it was seen in', () => {
    const auditor = watching();
    const mnt = ns('mnt', 4026532003, '902');
    auditor.tell(3, birth(2, uts), birth(2, mnt), moved(2, 50, inside(uts, mnt)));
    const looked = {
      processes: [process(1)],
      mountNamespaces: [
        {
          inum: mnt.inum,
          bindMounts: [{ mountIds: [77], path: '/n', type: 'uts', inum: uts.inum } as const],
          unreadable: null,
        },
      ],
      kernelIds: new Map([
        ['mnt:4026532003', '902'],
        ['uts:4026532002', '901'],
      ] as const),
    };
    const first = auditor.scanBeside({ ...looked, second: 4 }, left(4.01, 50));
    expect(only(first, 'holder.gained')).toMatchObject([{ kind: 'bind-mount', path: '/n' }]);
    const second = auditor.scanBeside(
      { ...looked, second: 5 },
      { kind: 'destroyed', atUs: at(5.2), namespace: mnt },
    );
    expect(only(second, 'holder.lost')).toEqual([]);
    const third = auditor.scanBeside({ second: 6, processes: [process(1)] });
    expect(only(third, 'holder.lost')).toMatchObject([{ kind: 'bind-mount', to: { by: at(6.1) } }]);
  });

  test('does not bring back a namespace that ended meanwhile', () => {
    const auditor = watching();
    auditor.tell(3, birth(2, net), moved(2, 50, inside(net)));
    const descriptors = [{ fd: 3, type: 'net', inum: net.inum } as const];
    auditor.scanBeside(
      { second: 4, processes: [process(1, {}, { descriptors })], kernelIds },
      left(4.01, 50),
      { kind: 'destroyed', atUs: at(4.02), namespace: net },
    );
    expect(auditor.life('net', net.inum).reason).toBe('destroyed');
  });

  test('another kernel id under a known inum is another life, for certain', () => {
    const auditor = watching();
    auditor.tell(3, birth(2, net), moved(2, 50, inside(net)));
    const other = new Map([[`net:${net.inum}`, '999']] as const);
    auditor.scanBeside({
      second: 4,
      processes: [process(1), process(50, { net: net.inum })],
      kernelIds: other,
    });
    expect([...auditor.lives].filter((life) => life.inum === net.inum)).toMatchObject([
      { kernelNamespaceId: '900', reason: 'inode-reuse' },
      { kernelNamespaceId: '999', suspected: false, gone: null },
    ]);
  });

  test('teaches the kernel id of a life that was met without', () => {
    const auditor = watching();
    auditor.scan({ second: 2, processes: [process(1), process(50, { net: net.inum })] });
    auditor.scanBeside({
      second: 3,
      processes: [process(1), process(50, { net: net.inum })],
      kernelIds,
    });
    expect(auditor.life('net', net.inum).kernelNamespaceId).toBe('900');
    expect(auditor.known.lifespanByKernelId.get('900')).toBe(auditor.life('net', net.inum).id);
  });
});

describe('losses', () => {
  test('a loss is a gap with its count, closed by what was recovered', () => {
    const auditor = watching();
    auditor.tell(
      4,
      { kind: 'lost', atUs: at(3), stream: 'life', count: 7, fromUs: at(2), toUs: at(3) },
      birth(2.5, net, { isRecovered: true }),
    );
    expect(only(auditor.log, 'observation.gap')).toMatchObject([
      { source: 'kernel', lost: 7, from: at(2), to: at(3), reason: 'lost' },
    ]);
    expect(auditor.memory.isScanWanted).toBe(true);
    expect(auditor.life('net', net.inum).born).toEqual(exactly(2.5));
    expect(auditor.closeLosses(5)).toMatchObject([
      { event: 'observation.gap_closed', recovered: 1 },
    ]);
    expect(auditor.known.openGaps.size).toBe(0);
  });
});
