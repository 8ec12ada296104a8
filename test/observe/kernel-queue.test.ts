/** The order of records over both rings, and when a loss is told. Instants are nanoseconds of boot time. */
import { describe, expect, test } from 'vitest';
import { createKernelDecoder } from '../../src/observe/kernel-decode.ts';
import { createFactTexts } from '../../src/observe/kernel-facts.ts';
import { CLONE_FLAGS, MEMBER } from '../../src/observe/kernel-layout.ts';
import { createKernelQueue, type KernelQueue } from '../../src/observe/kernel-queue.ts';
import { createRepeats, type RepeatBase } from '../../src/observe/kernel-repeats.ts';
import { rawBirth, rawLeft, rawRepeated, rawUnshared, toChunk, toRaw } from './raw-record.ts';

const MS = 1_000_000n;
const nobody = { pid: 5, comm: 'c' };

function startQueue(bases: readonly RepeatBase[] = [], taken: readonly number[] = []): KernelQueue {
  const decoder = createKernelDecoder(0, createFactTexts('/nonexistent'));
  const fresh = { at: 0, seqs: [], lostCount: 0, until: 0 };
  return createKernelQueue(decoder, {
    anchorUs: 0,
    starts: { life: fresh, holders: fresh },
    toldCounts: { life: 0, holders: 0 },
    repeats: { bases, taken },
  });
}

const birth = (bootNs: bigint, seq: number, inum = 1) =>
  rawBirth({ bootNs, seq }, nobody, { type: 'uts', inum, id: 1n }, 1);
const left = (bootNs: bigint, seq: number) => rawLeft({ bootNs, seq }, 5, 'c');

/** Both rings at once; `seqs` are those of CPU 0 when the pump began. */
function pump(
  queue: KernelQueue,
  bootNs: bigint,
  rings: { life?: Buffer[]; holders?: Buffer[] },
  seqs: { life?: number; holders?: number } = {},
): void {
  for (const stream of ['life', 'holders'] as const) {
    const records = rings[stream] ?? [];
    const before = { seqs: [seqs[stream] ?? 0], bootNs: Number(bootNs) };
    queue.add(stream, records.length > 0 ? [toChunk(records)] : [], before, true);
  }
}

const summary = (queue: KernelQueue, max = 100) =>
  queue.take(max).map(({ kind, atUs }) => `${kind} ${atUs}`);

describe('order', () => {
  test('records of both rings come by time, a birth before who is in it', () => {
    const queue = startQueue();
    pump(queue, 100n * MS, {
      life: [birth(20n * MS, 1), birth(30n * MS, 2)],
      holders: [left(30n * MS, 2), left(10n * MS, 1)],
    });
    expect(summary(queue)).toEqual(['left 10000', 'birth 20000', 'birth 30000', 'left 30000']);
    expect(queue.pendingCount).toBe(0);
  });

  test('a record younger than two milliseconds before the pump waits, because an older one may still come', () => {
    const queue = startQueue();
    pump(queue, 100n * MS, { life: [birth(99n * MS, 1)] });
    expect(summary(queue)).toEqual([]);
    expect(queue.pendingCount).toBe(1);
    pump(queue, 102n * MS, { holders: [left(98n * MS, 1)] });
    expect(summary(queue)).toEqual(['left 98000', 'birth 99000']);
  });

  test('taking a few at a time gives the same order', () => {
    const queue = startQueue();
    const births = Array.from({ length: 3_000 }, (_, n) => birth(BigInt(2 * n) * 1_000n, n + 1));
    const ends = Array.from({ length: 3_000 }, (_, n) => left(BigInt(2 * n + 1) * 1_000n, n + 1));
    pump(queue, 100n * MS, { life: births, holders: ends });
    expect(queue.pendingCount).toBe(6_000);
    const taken: number[] = [];
    for (let part = queue.take(7); part.length > 0; part = queue.take(7)) {
      taken.push(...part.map(({ atUs }) => atUs));
    }
    expect(taken).toEqual(Array.from({ length: 6_000 }, (_, n) => n));
  });
});

describe('losses', () => {
  test('a hole is told as one loss, in the order of time, exactly', () => {
    const queue = startQueue();
    pump(queue, 100n * MS, { life: [birth(10n * MS, 1), birth(20n * MS, 5)] }, { life: 5 });
    const records = queue.take(100);
    expect(records.map(({ kind }) => kind)).toEqual(['birth', 'birth', 'lost']);
    expect(records[2]).toEqual({
      kind: 'lost',
      atUs: 20_000,
      stream: 'life',
      count: 3,
      fromUs: 10_000,
      toUs: 20_000,
    });
    expect(queue.lostCounts).toEqual({ life: 3, holders: 0 });
  });

  test('what a CPU lost last shows from its number, once a late writer had its time', () => {
    const queue = startQueue();
    pump(queue, 100n * MS, { holders: [left(10n * MS, 1)] }, { holders: 3 });
    expect(summary(queue)).toEqual(['left 10000']);
    pump(queue, 103n * MS, {}, { holders: 3 });
    expect(queue.take(100)).toMatchObject([
      { kind: 'lost', stream: 'holders', count: 2, fromUs: 10_000, toUs: 100_000 },
    ]);
  });

  test('a writer that was interrupted after it took its number is no loss', () => {
    const queue = startQueue();
    pump(queue, 100n * MS, { life: [birth(10n * MS, 1)] }, { life: 2 });
    expect(summary(queue)).toEqual(['birth 10000']);
    pump(queue, 101n * MS, { life: [birth(99n * MS, 2)] }, { life: 2 });
    pump(queue, 110n * MS, {}, { life: 2 });
    expect(summary(queue)).toEqual(['birth 99000']);
    expect(queue.lostCounts.life).toBe(0);
  });
});

/** The birth of number `seq` by the task of the record `base`: a millisecond for each number. */
function repeat(base: number, seq: number, inum: number, moreId = seq - base) {
  const moreSeq = seq - base;
  return { laterNs: BigInt(moreSeq) * MS, moreId, moreSeq, inum };
}

/** `births`: number and inum of each. */
function repeated(base: number, births: readonly (readonly [number, number])[], cpu = 0): Buffer {
  return rawRepeated(
    { bootNs: BigInt(base) * MS, seq: base, cpu },
    births.map(([seq, inum]) => repeat(base, seq, inum)),
  );
}

const births = (queue: KernelQueue) =>
  queue
    .take(100)
    .flatMap((record) =>
      record.kind === 'birth' ? [`${record.namespace.inum} by ${record.creator?.pid}`] : [],
    );

describe('repeats', () => {
  const INUMS = [10, 11, 12, 13, 14, 15, 16, 17, 14, 15];
  const UTS_SLOT = 7;
  const whole = (seq: number, cpu = 0, pid = 5) =>
    rawUnshared(
      { bootNs: BigInt(seq) * MS, seq, count: 1, cpu },
      { pid, comm: 'c' },
      INUMS,
      CLONE_FLAGS.uts,
    );

  test('each repeat is taken as the whole record it stands for, at its own instant and with the namespace it names', () => {
    const queue = startQueue();
    const base = whole(1);
    base.writeBigUInt64LE(0xffff_ffff_ffffn, MEMBER.ids + 8 * UTS_SLOT);
    const record = rawRepeated({ bootNs: MS, seq: 1 }, [
      repeat(1, 2, 98, 0),
      repeat(1, 3, 99, 0xffff_ffff),
    ]);
    pump(queue, 100n * MS, { life: [base, record] });
    const taken = queue.take(10);
    const say = (bootNs: bigint, seq: number, inum: number, id: bigint) => {
      const inums = INUMS.with(UTS_SLOT, inum);
      const header = { bootNs, seq, count: 1 };
      const said = toRaw(rawUnshared(header, { pid: 5, comm: 'c' }, inums, CLONE_FLAGS.uts));
      said.bytes.writeBigUInt64LE(id, MEMBER.ids + 8 * UTS_SLOT);
      return createKernelDecoder(0, createFactTexts('/nonexistent')).decode(said, 0);
    };
    expect(taken.slice(2)).toEqual([
      ...say(2n * MS, 2, 98, 0xffff_ffff_ffffn),
      ...say(3n * MS, 3, 99, 0x1_0000_ffff_fffen),
    ]);
    expect(queue.lostCounts.life).toBe(0);
  });

  test('each CPU repeats its own', () => {
    const queue = startQueue();
    pump(queue, 100n * MS, {
      life: [whole(1, 0, 5), whole(1, 1, 6), repeated(1, [[2, 98]], 0), repeated(1, [[2, 99]], 1)],
    });
    expect(births(queue).slice(2)).toEqual(['98 by 5', '99 by 6']);
  });

  test('repeats of what is not known are a loss of as many, not a guess', () => {
    const queue = startQueue();
    const unknown = repeated(1, [
      [2, 98],
      [3, 99],
    ]);
    pump(queue, 100n * MS, { life: [unknown, whole(4)] }, { life: 4 });
    expect(summary(queue)).toContain('lost 4000');
    expect(queue.lostCounts.life).toBe(3);
  });

  test('what waited is told once, whether it is met again in the same ring, in a later one, or never', () => {
    const queue = startQueue();
    const waiting = [2, 3, 4].map((seq) => [seq, 90 + seq] as const);
    const sent = [2, 3, 4, 5].map((seq) => [seq, 90 + seq] as const);
    const before = { seqs: [4], bootNs: Number(50n * MS) };
    queue.add('life', [toChunk([whole(1)]), toChunk([repeated(1, waiting)])], before, true);
    queue.add('holders', [], before, true);
    expect(births(queue)).toEqual(['17 by 5', '92 by 5', '93 by 5', '94 by 5']);
    const later = [toChunk([repeated(1, sent)]), toChunk([repeated(1, sent)])];
    queue.add('life', later, { seqs: [5], bootNs: Number(100n * MS) }, true);
    queue.add('holders', [], { seqs: [0], bootNs: Number(100n * MS) }, true);
    expect(births(queue)).toEqual(['95 by 5']);
    pump(queue, 200n * MS, {}, { life: 5 });
    expect(queue.take(10)).toEqual([]);
    expect(queue.lostCounts.life).toBe(0);
  });

  test('what an earlier reader had read is still known, and what it took before it came into the ring is not told again', () => {
    const base = (seq: number, pid: number): RepeatBase[] => {
      const repeats = createRepeats({ bases: [], taken: [] }, false);
      repeats.unfold(toRaw(whole(seq, 0, pid)), 0, () => undefined);
      return repeats.takeLearnt();
    };
    const queue = startQueue([...base(5, 6), ...base(1, 5)], [3]);
    const older = repeated(1, [
      [2, 92],
      [3, 93],
      [4, 94],
    ]);
    pump(queue, 100n * MS, { life: [older, repeated(5, [[6, 99]]), whole(7, 0, 7)] });
    expect(births(queue)).toEqual(['94 by 5', '99 by 6', '17 by 7']);
  });
});
