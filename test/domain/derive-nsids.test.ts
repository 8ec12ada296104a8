import { beforeEach, describe, expect, test } from 'vitest';
import {
  createNsidMemory,
  deriveAnswer,
  deriveListed,
  deriveNoticesLost,
  deriveRemoved,
  listToAsk,
  noteGiven,
  type NsidInput,
} from '../../src/domain/derive-nsids.ts';
import { startFoldingDraft, type Draft } from '../../src/domain/draft.ts';
import { evolve } from '../../src/domain/evolve.ts';
import { emptyKnown, type Known } from '../../src/domain/known.ts';

const KERNEL = (after: number, by: number) => ({ after, by, evidence: 'kernel-event' as const });

let known: Known;
let draft: Draft;
let input: NsidInput;
let observer: number;
let blue: number;

function bear(inum: number): number {
  const born = { after: 9, by: 10, evidence: 'scan' as const };
  return draft.add({
    event: 'namespace.born',
    lifespan: draft.nextSeq(),
    type: 'net',
    inum,
    boot: 'b',
    nsfsDev: null,
    kernelNamespaceId: null,
    incarnation: 1,
    initial: false,
    suspected: false,
    born,
    creator: null,
    owner: null,
    parent: null,
    ownerUid: null,
  });
}

beforeEach(() => {
  known = emptyKnown();
  draft = startFoldingDraft(known, 100, (event) => void evolve(known, event));
  observer = bear(1);
  blue = bear(2);
  input = { known, memory: createNsidMemory(observer), lastSeenUs: () => 50 };
});

const list = (fromUs: number, ...nsids: number[]): void => {
  const set = new Set(nsids);
  const openGaps = input.memory.openGaps.splice(0);
  deriveListed(input, { nsids: set, fromUs, toUs: fromUs + 1, openGaps }, draft);
  input.memory.listed = { nsids: set, fromUs };
};
const idsOf = (id: number) => known.lifespans.get(id)?.nsids;

describe('network namespace ids', () => {
  test('nobody is asked while every id has its owner; the youngest are asked first', () => {
    expect(listToAsk(input, new Set(), 9)).toEqual([]);
    expect(listToAsk(input, new Set([7]), 9).map(({ id }) => id)).toEqual([blue, observer]);
    deriveAnswer(input, { id: blue, nsid: 7, atUs: 60 }, draft);
    expect(listToAsk(input, new Set([7]), 9)).toEqual([]);
  });

  test('what was there at the first look has no beginning, but no earlier one than its namespace', () => {
    deriveAnswer(input, { id: blue, nsid: 7, atUs: 60 }, draft);
    expect(idsOf(blue)).toMatchObject([
      { observer, nsid: 7, from: { after: 9, by: 60 }, to: null },
    ]);
  });

  test('a gift that was told bounds the beginning; without it, the list before does', () => {
    list(20);
    noteGiven(input, 7, KERNEL(30, 35));
    deriveAnswer(input, { id: blue, nsid: 7, atUs: 60 }, draft);
    deriveAnswer(input, { id: observer, nsid: 8, atUs: 60 }, draft);
    expect(idsOf(blue)?.[0]?.from).toEqual(KERNEL(30, 35));
    expect(idsOf(observer)?.[0]?.from).toEqual({ after: 20, by: 60, evidence: 'scan' });
  });

  test('an id that was taken back ends, and tells that the last reference is gone', () => {
    deriveAnswer(input, { id: blue, nsid: 7, atUs: 60 }, draft);
    deriveRemoved(input, 7, KERNEL(70, 75), draft);
    expect(idsOf(blue)?.[0]?.to).toEqual(KERNEL(70, 75));
    expect(known.lifespans.get(blue)?.unreferenced).toEqual(KERNEL(50, 75));
    expect(known.lifespans.get(observer)?.unreferenced).toBeNull();
  });

  test('the end of an id whose owner nobody knows ends nobody', () => {
    deriveRemoved(input, 7, KERNEL(70, 75), draft);
    expect(known.lifespans.get(blue)?.unreferenced).toBeNull();
  });

  test('one that is not in the list any more ends between two lists, and says nothing about the life', () => {
    list(20, 7);
    deriveAnswer(input, { id: blue, nsid: 7, atUs: 60 }, draft);
    list(65, 7);
    list(80);
    expect(idsOf(blue)?.[0]?.to).toEqual({ after: 65, by: 81, evidence: 'scan' });
    expect(known.lifespans.get(blue)?.unreferenced).toBeNull();
  });

  test('an id from an earlier run counts again only when its namespace says so', () => {
    deriveAnswer(input, { id: blue, nsid: 7, atUs: 60 }, draft);
    const restarted = { ...input, memory: createNsidMemory(observer) };
    expect(listToAsk(restarted, new Set([7]), 9).map(({ id }) => id)).toContain(blue);
    deriveAnswer(restarted, { id: blue, nsid: null, atUs: 90 }, draft);
    expect(idsOf(blue)?.[0]?.to).toEqual({ after: 60, by: 90, evidence: 'inferred-after-gap' });
  });

  test("after lost notices an id may be anybody's: what had it before has lost it when another one gives it", () => {
    list(20, 7);
    deriveAnswer(input, { id: blue, nsid: 7, atUs: 21 }, draft);
    deriveNoticesLost(input.memory, { from: 30, to: 40 }, draft);
    list(41, 7);
    const gaps = draft.events.filter(({ event }) => event.startsWith('observation.gap'));
    expect(gaps).toMatchObject([
      { source: 'nsids', lost: null, from: 30, to: 40, reason: 'lost' },
      { source: 'nsids', gap: gaps[0]?.seq },
    ]);
    expect(listToAsk(input, new Set([7]), 9)).toHaveLength(2);
    deriveAnswer(input, { id: observer, nsid: 7, atUs: 42 }, draft);
    expect(idsOf(observer)).toMatchObject([{ nsid: 7, to: null }]);
    expect(idsOf(blue)).toMatchObject([
      { nsid: 7, to: { by: 42, evidence: 'inferred-after-gap' } },
    ]);
  });
});
