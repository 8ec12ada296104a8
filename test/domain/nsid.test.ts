import { expect, test } from 'vitest';
import { applyNsidNews, findOpenNsid, type Nsid } from '../../src/domain/nsid.ts';

const bounds = (by: number) => ({ after: by - 1, by, evidence: 'scan' as const });

test('an id that was given is open until its end is told, and counts for its observer only', () => {
  const nsids: Nsid[] = [];
  applyNsidNews(nsids, { observer: 7, nsid: 0, from: bounds(10), to: null }, 11);
  applyNsidNews(nsids, { observer: 8, nsid: 0, from: bounds(12), to: null }, 13);
  applyNsidNews(nsids, { observer: 7, nsid: 0, from: null, to: bounds(20) }, 21);
  expect(findOpenNsid(nsids, { observer: 7, nsid: 0 })).toBeUndefined();
  expect(findOpenNsid(nsids, { observer: 8, nsid: 0 })).toMatchObject({ from: bounds(12) });
  expect(nsids).toHaveLength(2);
});

test('one that is given again has an interval of its own; told twice it has one', () => {
  const nsids: Nsid[] = [];
  applyNsidNews(nsids, { observer: 7, nsid: 3, from: bounds(10), to: null }, 10);
  applyNsidNews(nsids, { observer: 7, nsid: 3, from: bounds(11), to: null }, 11);
  applyNsidNews(nsids, { observer: 7, nsid: 3, from: null, to: bounds(20) }, 20);
  applyNsidNews(nsids, { observer: 7, nsid: 3, from: bounds(30), to: null }, 30);
  expect(nsids.map(({ from, to }) => [from.by, to?.by ?? null])).toEqual([
    [10, 20],
    [30, null],
  ]);
});

test('an end without a beginning says nothing', () => {
  const nsids: Nsid[] = [];
  applyNsidNews(nsids, { observer: 7, nsid: 3, from: null, to: bounds(20) }, 20);
  expect(nsids).toEqual([]);
});
