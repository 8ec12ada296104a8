import { describe, expect, test } from 'vitest';
import { toNamespaceKey } from '../../src/domain/namespace-type.ts';
import {
  KERNEL_SOURCES,
  SCAN_SOURCES,
  type ObservedProcess,
  type ObservedReferences,
} from '../../src/domain/scan.ts';
import { at, Auditor, only, process, unreadableProcess } from '../support/scan-builder.ts';

const NET = 4_026_532_268;
const covered = [...SCAN_SOURCES, ...KERNEL_SOURCES];
const others = [process(2), process(3), process(4)];
const inside = [...others, process(50, { net: NET })];

function scanWith(
  auditor: Auditor,
  second: number,
  counted: Partial<ObservedReferences>,
  processes: readonly ObservedProcess[] = inside,
): void {
  const observed = { total: 1, processSets: 1, hasInode: false, sockets: 0, ...counted };
  const references = new Map([[toNamespaceKey('net', NET), observed]]);
  auditor.scan({ second, processes, covered, references });
}

function unattributed(auditor: Auditor) {
  return [...auditor.holders].filter(({ kind }) => kind === 'unattributed');
}

describe('unattributed references', () => {
  test('are claimed when two scans in a row count more than can be seen, from when all was explained', () => {
    const auditor = new Auditor();
    scanWith(auditor, 10, {});
    scanWith(auditor, 11, { total: 2 });
    expect(unattributed(auditor)).toEqual([]);
    scanWith(auditor, 12, { total: 2 });
    expect(unattributed(auditor)).toMatchObject([
      { from: { after: at(10), by: at(11.1), evidence: 'scan' }, to: null },
    ]);
    scanWith(auditor, 13, {});
    expect(unattributed(auditor)).toMatchObject([{ to: null }]);
    scanWith(auditor, 14, {});
    expect(unattributed(auditor)).toMatchObject([{ to: { after: at(12), by: at(13.1) } }]);
  });

  test('one scan that counts too much or too little says nothing: it was not made at one instant', () => {
    const auditor = new Auditor();
    for (const [index, total] of [1, 2, 1, 2, 1, 1].entries()) {
      scanWith(auditor, 10 + index, { total });
    }
    expect(unattributed(auditor)).toEqual([]);
  });

  test('an inode that no visible descriptor or mount is behind is one of them', () => {
    const auditor = new Auditor();
    const counted = { total: 2, hasInode: true };
    const descriptors = [{ fd: 3, type: 'net', inum: NET } as const];
    const holding = [...others, process(50, { net: NET }), process(51, {}, { descriptors })];
    for (const second of [10, 11, 12]) {
      scanWith(auditor, second, counted, holding);
    }
    expect(unattributed(auditor)).toEqual([]);
    for (const second of [13, 14]) {
      scanWith(auditor, second, counted);
    }
    expect(unattributed(auditor)).toHaveLength(1);
  });

  test('an inode is not claimed while somebody cannot be read who may have it open', () => {
    const auditor = new Auditor();
    const counted = { total: 2, hasInode: true };
    for (const second of [10, 11, 12]) {
      scanWith(auditor, second, counted, [...inside, unreadableProcess(60)]);
    }
    expect(unattributed(auditor)).toEqual([]);
  });

  test('are no visible holders: neither counted, nor do they make what is unheld held', () => {
    const auditor = new Auditor();
    scanWith(auditor, 10, { total: 2 });
    scanWith(auditor, 11, { total: 2 });
    const life = [...auditor.known.lifespans.values()].find(({ inum }) => inum === NET);
    expect(unattributed(auditor)).toHaveLength(1);
    expect(life).toMatchObject({ holdersNow: 1, holdersEver: 1 });
  });

  test('references are recorded when two scans agree on them, and again only with what is unattributed', () => {
    const auditor = new Auditor();
    const totals = [4, 3, 3, 5, 6, 7];
    totals.forEach((sockets, index) =>
      scanWith(auditor, 10 + index, { total: 1 + sockets, sockets }),
    );
    const recorded = () =>
      only(auditor.log, 'namespace.described').map((event) => event.references);
    const first = { total: 4, processSets: 1, nsfsInodes: 0, sockets: 3, unattributed: 0 };
    expect(recorded()).toEqual([first]);
    scanWith(auditor, 20, { total: 3 });
    scanWith(auditor, 21, { total: 4 });
    expect(recorded()).toEqual([
      first,
      { total: 4, processSets: 1, nsfsInodes: 0, sockets: 0, unattributed: 3 },
    ]);
  });

  test('scans that count no references leave it at what the last one said', () => {
    const auditor = new Auditor();
    scanWith(auditor, 10, { total: 2 });
    auditor.scan({ second: 11, processes: inside });
    auditor.scan({ second: 12, processes: inside });
    expect(unattributed(auditor)).toEqual([]);
    scanWith(auditor, 13, { total: 2 });
    expect(unattributed(auditor)).toHaveLength(1);
  });
});
