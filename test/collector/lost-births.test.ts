/** Which births that the ring has lost come with which records. Real: the rules. Modelled: the map of live namespaces. */
import { describe, expect, test } from 'vitest';
import { startLostBirths } from '../../src/collector/lost-births.ts';
import type { LossRecord } from '../../src/domain/kernel-record.ts';
import { at, birth, joined, KernelAuditor, ns } from '../support/kernel-auditor.ts';
import { process } from '../support/scan-builder.ts';

const kept = [2, 3, 4, 5].map((second) =>
  birth(second, ns('net', 4026532000 + second, String(900 + second)), { isRecovered: true }),
);
/** Of what lies between seconds 2 and 3, and noticed at second 9. */
const loss: LossRecord = {
  kind: 'lost',
  atUs: at(9),
  stream: 'life',
  count: 3,
  fromUs: at(2),
  toUs: at(9),
};

function start(isOwed: boolean, recorded: readonly string[] = []) {
  const auditor = new KernelAuditor();
  auditor.scanBeside({ second: 1, processes: [process(1)] });
  let looks = 0;
  const events = {
    isOwed,
    recover() {
      looks += 1;
      return [...kept];
    },
  };
  const state = { known: auditor.known, memory: auditor.memory };
  const isRecorded = (id: string) => recorded.includes(id);
  const births = startLostBirths(events, { ...state, isRecorded }, () => at(10));
  return { births, looks: () => looks };
}

const seconds = (records: readonly { atUs: number }[]) =>
  records.map(({ atUs }) => (atUs - at(0)) / 1_000_000);

describe('lost births', () => {
  test('come in order, and none that is later than what was told, however late the loss was noticed', () => {
    const { births } = start(false);
    const told = joined(3.5, 70, []);
    expect(seconds(births.addTo([told, loss]))).toEqual([2, 3, 3.5, 9]);
    expect(seconds(births.addTo([joined(4.5, 71, []), { ...loss, atUs: at(9.5) }]))).toEqual([
      4, 4.5, 9.5,
    ]);
  });

  test('come before the process that made them, which is told at the same instant', () => {
    const { births } = start(true);
    const entered = joined(2, 70, [ns('net', 4026532002, '902')]);
    expect(births.addTo([entered]).map(({ kind }) => kind)).toEqual(['birth', 'joined']);
  });

  test('are not looked for as long as nothing is missing, and once for many batches', () => {
    const { births, looks } = start(false);
    expect(births.addTo([joined(3.5, 70, [])])).toHaveLength(1);
    expect(looks()).toBe(0);
    births.addTo([joined(3.5, 70, []), loss]);
    births.addTo([joined(4.5, 70, []), loss]);
    expect(looks()).toBe(1);
  });

  test('after a takeover come with the records that the rings still have, and the rest when those are read', () => {
    // The one of second 2 had been recorded when the run before was killed.
    const { births } = start(true, ['902']);
    expect(seconds(births.addTo([joined(3.5, 70, [])]))).toEqual([3, 3.5]);
    expect(seconds(births.addTo([]))).toEqual([4, 5]);
    expect(births.addTo([])).toEqual([]);
  });
});
