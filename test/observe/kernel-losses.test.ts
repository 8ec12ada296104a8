import { expect, test } from 'vitest';
import { createLossWatch } from '../../src/observe/kernel-losses.ts';

const fresh = { at: 0, seqs: [], lostCount: 0, until: 0 };
const NEVER = Number.MAX_SAFE_INTEGER;
const one = (cpu: number, seq: number) => ({ cpu, seq, count: 1 });

test('numbers without a hole are no loss, whatever CPU they come from', () => {
  const watch = createLossWatch(fresh);
  for (const seq of [1, 2, 3]) {
    watch.note(one(0, seq), seq * 10);
    watch.note(one(1, seq), seq * 10 + 5);
  }
  expect(watch.take(NEVER)).toBeNull();
});

test('a hole is counted exactly, lies between its neighbours, and is told once', () => {
  const watch = createLossWatch(fresh);
  watch.note(one(0, 1), 10);
  watch.note(one(0, 5), 50);
  expect(watch.take(NEVER)).toEqual({ count: 3, from: 10, to: 50 });
  expect(watch.take(NEVER)).toBeNull();
});

test('what was lost before anything came lies after the start of watching', () => {
  const watch = createLossWatch({ ...fresh, at: 7 });
  watch.note(one(2, 4), 50);
  expect(watch.take(NEVER)).toEqual({ count: 3, from: 7, to: 50 });
});

test('what was lost after the last record shows when the numbers of the CPU are looked at', () => {
  const watch = createLossWatch(fresh);
  watch.note(one(0, 1), 10);
  watch.noteEnd(0, 3, 90);
  watch.noteEnd(0, 3, 95);
  expect(watch.take(NEVER)).toEqual({ count: 2, from: 10, to: 90 });
});

test('a number that comes late fills its hole, if the hole was not told yet', () => {
  const watch = createLossWatch(fresh);
  watch.note(one(0, 1), 10);
  watch.note(one(0, 4), 40);
  watch.note(one(0, 2), 20);
  expect(watch.take(39)).toBeNull();
  expect(watch.take(40)).toEqual({ count: 1, from: 10, to: 40 });
  watch.note(one(0, 3), 30);
  expect(watch.take(NEVER)).toBeNull();
});

test('holes of several CPUs are one loss that encloses them', () => {
  const watch = createLossWatch(fresh);
  watch.note(one(0, 1), 10);
  watch.note(one(1, 1), 20);
  watch.note(one(0, 3), 30);
  watch.note(one(1, 4), 45);
  expect(watch.take(NEVER)).toEqual({ count: 3, from: 10, to: 45 });
});

test('a reader that goes on for another one tells what was lost between them, and then only what is new', () => {
  const watch = createLossWatch({ at: 5, seqs: [101, 55], lostCount: 9, until: 20 });
  watch.note(one(0, 100), 10);
  watch.noteEnd(1, 55, 21);
  expect(watch.take(NEVER)).toEqual({ count: 9, from: 5, to: 20 });
  watch.note(one(0, 102), 22);
  watch.note(one(0, 104), 24);
  watch.note(one(1, 56), 23);
  expect(watch.take(NEVER)).toEqual({ count: 1, from: 22, to: 24 });
});

test('a record that tells several things has as many numbers, and one without number is no loss', () => {
  const watch = createLossWatch(fresh);
  watch.note({ cpu: 0, seq: 3, count: 3 }, 10);
  watch.note({ cpu: 0, seq: 0, count: 0 }, 15);
  watch.note({ cpu: 0, seq: 7, count: 2 }, 20);
  expect(watch.take(19)).toBeNull();
  watch.note({ cpu: 0, seq: 5, count: 2 }, 18);
  expect(watch.take(NEVER)).toBeNull();
  watch.note({ cpu: 0, seq: 12, count: 2 }, 30);
  expect(watch.take(NEVER)).toEqual({ count: 3, from: 20, to: 30 });
});
