/** Storms told by kernel records: whatever is counted instead of listed adds up. Real: all rules. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { settleStorms } from '../../src/domain/derive-kernel-storms.ts';
import type { KernelRecord } from '../../src/domain/kernel-record.ts';
import {
  at,
  birth,
  FACTS,
  inside,
  joined,
  KernelAuditor,
  left,
  moved,
  ns,
} from '../support/kernel-auditor.ts';
import { only, process } from '../support/scan-builder.ts';

const net = ns('net', 4026532001, '900');
const GROWTH = {
  holders: { burst: 5, perSecond: 1 },
  movers: { burst: 100, perSecond: 1 },
  births: { perMinuteMax: 10, shortLifeUs: 1_000_000 },
};

function watching(): KernelAuditor {
  const auditor = new KernelAuditor({ growth: GROWTH });
  auditor.scanBeside({ second: 1, processes: [process(1)] });
  return auditor;
}

/** Everything about members of one set in a log: listed ones by comm, counted ones by comm. */
function countMembers(auditor: KernelAuditor): Map<string, number> {
  const counts = new Map<string, number>();
  const add = (comm: string, count: number) => counts.set(comm, (counts.get(comm) ?? 0) + count);
  only(auditor.log, 'holder.gained').forEach(({ comm }) => add(comm ?? '', 1));
  only(auditor.log, 'holders.churned')
    .filter(({ now }) => now === 0)
    .forEach(({ byComm }) => Object.entries(byComm).forEach(([comm, count]) => add(comm, count)));
  return counts;
}

/** One process that enters one new uts namespace after another; inums alternate, as the kernel's do. */
function unshareStorm(count: number, everyMs: number): KernelRecord[] {
  return Array.from({ length: count }, (_, index) => {
    const second = 2 + (index * everyMs) / 1_000;
    const uts = ns('uts', 4026532100 + (index % 3), String(5_000 + index));
    return [birth(second, uts), moved(second, 50, inside(uts))];
  }).flat();
}

function settle(auditor: KernelAuditor, second: number, isStop = false) {
  return auditor.judge(second, (input, draft) =>
    settleStorms(input, { atUs: at(second), isStop }, draft),
  );
}

describe('members', () => {
  test('a fork storm in one set is listed up to its budget and counted beyond, by comm, to the last one', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ comm: fc.constantFrom('sh', 'sed', 'awk'), execs: fc.boolean() }), {
          minLength: 1,
          maxLength: 60,
        }),
        (visits) => {
          const auditor = watching();
          auditor.tell(2, birth(2, net), moved(2, 50, inside(net)));
          const truth = new Map([['make', 1]]);
          visits.forEach(({ comm, execs }, index) => {
            const second = 3 + index / 100;
            const pid = 100 + index;
            truth.set(comm, (truth.get(comm) ?? 0) + 1);
            const facts = { ...FACTS, comm };
            const from = execs ? { ...FACTS, comm: 'fork' } : facts;
            auditor.tell(second, joined(second, pid, inside(net), { facts: from }));
            if (execs) {
              const exec = { how: 'exec', facts } as const;
              auditor.tell(second + 0.001, moved(second + 0.001, pid, inside(net), exec));
            }
            auditor.tell(second + 0.005, left(second + 0.005, pid));
          });
          auditor.tell(70, left(65, 50));
          const { id } = auditor.life('net', net.inum);
          auditor.answer(71, { id, probedUs: at(70), verdict: 'stale' });
          const counted = countMembers(auditor);
          // Who was listed at once is listed by what forked it: an exec is no holder change.
          const forked = counted.get('fork') ?? 0;
          expect(forked).toBeLessThanOrEqual(GROWTH.holders.burst + visits.length / 100 + 1);
          const total = [...counted.values()].reduce((sum, count) => sum + count, 0);
          expect(total).toBe(visits.length + 1);
          const life = auditor.life('net', net.inum);
          expect(life.holdersEver).toBe(visits.length + 1);
          expect(life.holdersNow).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('a namespace that only an unlisted member holds is not vacant', () => {
    const auditor = watching();
    auditor.tell(2, birth(2, net), moved(2, 50, inside(net)));
    for (let pid = 100; pid < 110; pid += 1) {
      auditor.tell(3, joined(3, pid, inside(net)));
    }
    auditor.tell(4, left(3.5, 50));
    for (let pid = 100; pid < 109; pid += 1) {
      auditor.tell(5, left(4, pid));
    }
    expect(auditor.memory.vacant.size).toBe(0);
    auditor.tell(6, left(5, 109));
    expect([...auditor.memory.vacant.values()]).toMatchObject([{ leftUs: at(5) }]);
  });
});

describe('births', () => {
  test('what was counted may be forgotten when its count is in the log, and is not counted again before', () => {
    const auditor = watching();
    const storm = unshareStorm(100, 1);
    auditor.tell(4, ...storm);
    const { folded, forgettable } = auditor.memory;
    const counted = new Map(folded);
    expect(counted.size).toBeGreaterThan(80);
    expect(forgettable.filter(({ kernelNamespaceId: id }) => counted.has(id ?? ''))).toEqual([]);
    const found = storm.flatMap((record): KernelRecord[] =>
      record.kind === 'birth' ? [{ ...record, isRecovered: true }] : [],
    );
    auditor.scanBeside({ second: 5, processes: [process(1)] });
    auditor.scanBeside({ second: 6, processes: [process(1)] });
    auditor.tell(
      7,
      ...found.filter(
        (record) =>
          record.kind === 'birth' && counted.has(record.namespace.kernelNamespaceId ?? ''),
      ),
    );
    settle(auditor, 8);
    const counts = only(auditor.log, 'namespaces.stormed').map(({ count }) => count);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(counted.size);
    expect(folded.size).toBe(0);
    expect(forgettable.filter(({ kernelNamespaceId: id }) => counted.has(id ?? ''))).toHaveLength(
      counted.size,
    );
  });

  test('listed, counted and still held back births add up, and the last one is listed when it stays', () => {
    const auditor = watching();
    auditor.tell(4, ...unshareStorm(100, 1));
    settle(auditor, 10);
    const born = only(auditor.log, 'namespace.born').filter(
      ({ type, initial }) => type === 'uts' && !initial,
    );
    const stormed = only(auditor.log, 'namespaces.stormed');
    const counted = stormed.reduce((sum, { count }) => sum + count, 0);
    expect(born.length + counted).toBe(100);
    // Nobody asked after the last one of each inum, so they lived too long to be counted.
    expect(born).toHaveLength(GROWTH.births.perMinuteMax + 3);
    expect(stormed).toMatchObject([
      {
        type: 'uts',
        creators: 'one',
        creator: { pid: 50, uid: 1000, how: 'unshare' },
        firstKernelNamespaceId: '5010',
        lastKernelNamespaceId: '5096',
      },
    ]);
    const last = auditor.known.lifespans.get(born.at(-1)?.lifespan ?? -1);
    expect(last).toMatchObject({ kernelNamespaceId: '5099', holdersNow: 1 });
  });

  test('a namespace of a storm that somebody else enters is listed, with its maker and at its instant', () => {
    const auditor = watching();
    const records = unshareStorm(20, 1);
    const last = ns('uts', 4026532100 + (19 % 3), '5019');
    auditor.tell(4, ...records, joined(2.0195, 70, inside(last)));
    const life = auditor.known.lifespans.get(auditor.known.lifespanByKernelId.get('5019') ?? -1);
    expect(life).toMatchObject({ born: { after: at(2.019), by: at(2.019) }, holdersNow: 2 });
  });

  test('nothing is held back beyond the stop', () => {
    const auditor = watching();
    auditor.tell(4, ...unshareStorm(30, 1));
    settle(auditor, 4, true);
    expect(auditor.memory.births.pending.size).toBe(0);
    const born = only(auditor.log, 'namespace.born').filter(
      ({ type, initial }) => type === 'uts' && !initial,
    );
    const counted = only(auditor.log, 'namespaces.stormed').reduce(
      (sum, { count }) => sum + count,
      0,
    );
    expect(born.length + counted).toBe(30);
  });

  test('a user who makes few namespaces is listed in full beside the storm of another', () => {
    const auditor = watching();
    const facts = { ...FACTS, uid: 2000 };
    auditor.tell(4, ...unshareStorm(50, 1), birth(3, net, { facts }));
    expect(auditor.life('net', net.inum).creator?.uid).toBe(2000);
  });
});
