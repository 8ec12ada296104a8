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

function startQueue(bases: readonly RepeatBase[] = []): KernelQueue {
  const decoder = createKernelDecoder(0, createFactTexts('/nonexistent'));
  const fresh = { at: 0, seqs: [], lostCount: 0, until: 0 };
  return createKernelQueue(decoder, {
    anchorUs: 0,
    starts: { life: fresh, holders: fresh },
    toldCounts: { life: 0, holders: 0 },
    bases,
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
    queue.add(stream, records.length > 0 ? toChunk(records) : null, before, true);
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

  test('what was lost last is told also when nobody asks for numbers any more before it is decoded', () => {
    const queue = startQueue();
    pump(queue, 100n * MS, { holders: [left(10n * MS, 1)] }, { holders: 3 });
    const unasked = { seqs: [], bootNs: Number(110n * MS) };
    queue.add('life', null, unasked, true);
    queue.add('holders', null, unasked, true);
    expect(summary(queue)).toEqual(['left 10000', 'lost 100000']);
    expect(queue.lostCounts.holders).toBe(2);
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

function repeated(seq: number, inum: number, cpu = 0): Buffer {
  const namespace = { inum, id: BigInt(1_000 + seq) };
  return rawRepeated({ bootNs: BigInt(seq) * MS, seq, cpu }, namespace);
}

describe('repetitions', () => {
  const INUMS = [10, 11, 12, 13, 14, 15, 16, 17, 14, 15];
  const UTS_SLOT = 7;
  const whole = (seq: number, cpu = 0, pid = 5) =>
    rawUnshared(
      { bootNs: BigInt(seq) * MS, seq, count: 1, cpu },
      { pid, comm: 'c' },
      INUMS,
      CLONE_FLAGS.uts,
    );

  test('a repetition is taken as the whole record it stands for, at its own instant and with the namespace it names', () => {
    const queue = startQueue();
    pump(queue, 100n * MS, { life: [whole(1), repeated(2, 99)] });
    const [, , birth2, moved2] = queue.take(10);
    const inums = INUMS.with(UTS_SLOT, 99);
    const said = toRaw(
      rawUnshared(
        { bootNs: 2n * MS, seq: 2, count: 1 },
        { pid: 5, comm: 'c' },
        inums,
        CLONE_FLAGS.uts,
      ),
    );
    said.bytes.writeBigUInt64LE(1_002n, MEMBER.ids + 8 * UTS_SLOT);
    const decoder = createKernelDecoder(0, createFactTexts('/nonexistent'));
    expect([birth2, moved2]).toEqual(decoder.decode(said, 0));
    expect(birth2).toMatchObject({ kind: 'birth', namespace: { inum: 99 } });
  });

  test('each CPU repeats its own', () => {
    const queue = startQueue();
    pump(queue, 100n * MS, {
      life: [whole(1, 0, 5), whole(1, 1, 6), repeated(2, 98, 0), repeated(2, 99, 1)],
    });
    const makers = queue
      .take(20)
      .flatMap((record) =>
        record.kind === 'birth' ? [[record.namespace.inum, record.creator?.pid]] : [],
      );
    expect(makers.slice(2)).toEqual([
      [98, 5],
      [99, 6],
    ]);
  });

  test('a repetition of what is not known is a loss of one, not a guess', () => {
    const queue = startQueue();
    pump(queue, 100n * MS, { life: [repeated(1, 99), whole(2)] }, { life: 2 });
    expect(summary(queue)).toContain('lost 2000');
    expect(queue.lostCounts.life).toBe(1);
  });

  test('what an earlier reader had read is still known', () => {
    const base = (seq: number, pid: number): RepeatBase[] => {
      const repeats = createRepeats([], false);
      const raw = toRaw(whole(seq, 0, pid));
      repeats.unfold(raw, 0);
      return repeats.takeLearnt();
    };
    const queue = startQueue([...base(3, 6), ...base(1, 5)]);
    pump(queue, 100n * MS, { life: [repeated(2, 98), repeated(4, 99), whole(5, 0, 7)] });
    const makers = queue
      .take(20)
      .flatMap((record) => (record.kind === 'birth' ? [record.creator?.pid] : []));
    expect(makers).toEqual([5, 6, 7]);
  });
});
