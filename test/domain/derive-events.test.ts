import { describe, expect, test } from 'vitest';
import { deriveStop } from '../../src/domain/derive-session.ts';
import { INITIAL_INUMS } from '../../src/domain/namespace-type.ts';
import { SCAN_SOURCES } from '../../src/domain/scan.ts';
import {
  at,
  Auditor,
  BOOT,
  only,
  OTHER_BOOT,
  process,
  unreadableProcess,
} from '../support/scan-builder.ts';

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

describe('births', () => {
  test('what is there at the first scan has no lower bound of birth and no creator', () => {
    const auditor = new Auditor();
    auditor.scan({ second: 10, processes: [...others, process(50, { net: NET })] });
    const [life] = lives(auditor);
    expect(life?.born).toEqual({ after: null, by: at(10.1), evidence: 'baseline' });
    expect(life?.creator).toBeNull();
  });

  test('a birth lies after the start of the last full scan and by the end of the scan that saw it', () => {
    const [life] = lives(withNet());
    expect(life?.born).toEqual({ after: at(10), by: at(11.1), evidence: 'scan' });
  });

  test('the likely creator is the oldest process seen inside, and says that a scan inferred it', () => {
    const auditor = new Auditor();
    auditor.scan({ second: 10, processes: others });
    const young = process(60, { net: NET }, { startTimeTicks: 1_050 });
    const old = process(70, { net: NET }, { startTimeTicks: 1_020 });
    auditor.scan({ second: 11, processes: [...others, young, old] });
    expect(lives(auditor)[0]?.creator).toMatchObject({ pid: 70, how: null, evidence: 'scan' });
  });

  test('a namespace that only a formerly unreadable process holds has no lower bound of birth', () => {
    const auditor = new Auditor();
    auditor.scan({ second: 10, processes: [...others, unreadableProcess(50)] });
    auditor.scan({ second: 11, processes: [...others, process(50, { net: NET })] });
    expect(lives(auditor)[0]?.born.after).toBeNull();
  });

  test('a birth after a scan that left out a source is bounded by the last full scan', () => {
    const auditor = new Auditor();
    auditor.scan({ second: 10, processes: others });
    auditor.scan({ second: 11, processes: others, covered: ['links'] });
    auditor.scan({ second: 12, processes: [...others, process(50, { net: NET })] });
    expect(lives(auditor)[0]?.born.after).toBe(at(10));
  });

  test('initial namespaces are marked, by fixed inum and without one', () => {
    const auditor = new Auditor();
    const own = { net: 0xf000_0000, mnt: 0xf000_0001 };
    auditor.scan({
      second: 10,
      processes: Array.from({ length: 9 }, (_, index) => process(index + 2, own)),
    });
    expect(only(auditor.log, 'namespace.born').every((event) => event.initial)).toBe(true);
  });
});

describe('ends', () => {
  test('a disappearance needs two full scans that do not see the namespace', () => {
    const auditor = withNet();
    const first = auditor.scan({ second: 12, processes: [...others, process(50)] });
    expect(only(first, 'namespace.disappeared')).toEqual([]);
    const second = auditor.scan({ second: 13, processes: [...others, process(50)] });
    expect(only(second, 'namespace.disappeared')).toMatchObject([
      { reason: 'vanished', gone: { after: at(11), by: at(12.1), evidence: 'scan' } },
    ]);
  });

  test('no end is derived while the last holder is unreadable', () => {
    const auditor = withNet();
    for (const second of [12, 13, 14, 15]) {
      auditor.scan({ second, processes: [...others, unreadableProcess(50)] });
    }
    expect(lives(auditor)[0]?.end).toBeNull();
    expect(only(auditor.log, 'holder.lost')).toEqual([]);
  });

  test('when the unreadable holder is gone, the end is bounded by the last time it was readable', () => {
    const auditor = withNet();
    auditor.scan({ second: 12, processes: [...others, unreadableProcess(50)] });
    auditor.scan({ second: 13, processes: others });
    auditor.scan({ second: 14, processes: others });
    expect(lives(auditor)[0]?.end?.gone).toEqual({ after: at(11), by: at(13.1), evidence: 'scan' });
    expect(only(auditor.log, 'holder.lost')[0]?.to.after).toBe(at(11));
  });

  test('no end is derived from scans that left out a source', () => {
    const auditor = withNet();
    for (const second of [12, 13, 14]) {
      auditor.scan({
        second,
        processes: others,
        covered: ['links', 'threads', 'descriptors', 'facts'],
      });
    }
    expect(lives(auditor)[0]?.end).toBeNull();
  });

  test('a descriptor keeps a namespace alive after its last process', () => {
    const auditor = withNet();
    const holder = process(3, {}, { descriptors: [{ fd: 7, type: 'net', inum: NET }] });
    for (const second of [12, 13, 14]) {
      auditor.scan({ second, processes: [process(2), holder, process(4)] });
    }
    expect(lives(auditor)[0]?.end).toBeNull();
    expect(auditor.known.lifespans.get(lives(auditor)[0]?.lifespan ?? 0)?.holdersNow).toBe(1);
  });

  test('a bind mount in a mount namespace that cannot be read any more keeps its namespace', () => {
    const auditor = withNet();
    const bindMounts = [{ path: '/run/netns/blue', type: 'net' as const, inum: NET, mountIds: [] }];
    const mnt = INITIAL_INUMS.mnt;
    auditor.scan({
      second: 12,
      processes: others,
      mountNamespaces: [{ inum: mnt, bindMounts, unreadable: null }],
    });
    for (const second of [13, 14, 15]) {
      const mountNamespaces = [{ inum: mnt, bindMounts: [], unreadable: 'EACCES' }];
      auditor.scan({ second, processes: others, mountNamespaces });
    }
    expect(lives(auditor)[0]?.end).toBeNull();
    expect(auditor.known.lifespans.get(lives(auditor)[0]?.lifespan ?? 0)?.names).toEqual([
      '/run/netns/blue',
    ]);
  });

  test('a user namespace without holders is unheld, not ended, while a younger namespace may be its child', () => {
    const auditor = new Auditor();
    auditor.scan({ second: 10, processes: others });
    auditor.scan({ second: 11, processes: [...others, process(50, { user: 5_000 })] });
    const child = [...others, process(50, { user: 6_000 })];
    for (const second of [12, 13, 14]) {
      auditor.scan({ second, processes: child });
    }
    const [parent] = lives(auditor, 5_000);
    expect(parent?.end).toBeNull();
    expect(auditor.known.lifespans.get(parent?.lifespan ?? 0)?.unheld).toMatchObject({
      after: at(11),
      by: at(12.1),
    });
    for (const second of [15, 16, 17]) {
      auditor.scan({ second, processes: others });
    }
    expect(lives(auditor, 5_000)[0]?.end).toMatchObject({ reason: 'vanished' });
  });

  test('initial namespaces never end while the boot lasts', () => {
    const auditor = new Auditor();
    auditor.scan({ second: 10, processes: others });
    for (const second of [11, 12, 13]) {
      auditor.scan({ second, processes: [process(2, { net: NET })] });
    }
    expect(only(auditor.log, 'namespace.disappeared')).toEqual([]);
  });
});

describe('inode reuse', () => {
  test('an inum seen on another type ends the old life at once and opens the next incarnation', () => {
    const auditor = withNet();
    auditor.scan({ second: 12, processes: [...others, process(50, { user: NET })] });
    const [net, user] = lives(auditor);
    expect(net?.end).toMatchObject({
      reason: 'inode-reuse',
      gone: { after: at(11), by: at(12.1) },
    });
    expect(user).toMatchObject({ type: 'user', incarnation: 2, suspected: false, end: null });
  });

  test('the same type and inum after a confirmed end is a new life', () => {
    const auditor = withNet();
    auditor.scan({ second: 12, processes: others });
    auditor.scan({ second: 13, processes: others });
    auditor.scan({ second: 14, processes: [...others, process(50, { net: NET })] });
    expect(lives(auditor)).toMatchObject([
      { incarnation: 1, end: { reason: 'vanished' } },
      { incarnation: 2, suspected: false, end: null, born: { after: at(13), by: at(14.1) } },
    ]);
  });

  test('the same type and inum after one scan that missed it is a new life, marked suspected', () => {
    const auditor = withNet();
    auditor.scan({ second: 12, processes: [...others, process(50, { net: 9_999 })] });
    auditor.scan({ second: 13, processes: [...others, process(50, { net: NET })] });
    expect(lives(auditor)).toMatchObject([
      { end: { reason: 'inode-reuse' } },
      { suspected: true, incarnation: 2, end: null },
    ]);
  });

  test('when every holder started after the last sighting, a new life is opened and marked suspected', () => {
    const auditor = withNet();
    auditor.scan({
      second: 12,
      processes: [...others, process(80, { net: NET }, { startTimeTicks: 1_150 })],
    });
    expect(lives(auditor)).toMatchObject([{ end: { reason: 'inode-reuse' } }, { suspected: true }]);
  });

  test('one holder that stays is proof of the same life', () => {
    const auditor = withNet();
    const young = process(80, { net: NET }, { startTimeTicks: 1_150 });
    auditor.scan({ second: 12, processes: [...others, process(50, { net: NET }), young] });
    expect(lives(auditor)).toHaveLength(1);
  });

  test('a hand-over from a process to a bind mount is the same life', () => {
    const auditor = withNet();
    const bindMounts = [{ path: '/run/netns/blue', type: 'net' as const, inum: NET, mountIds: [] }];
    const mountNamespaces = [{ inum: INITIAL_INUMS.mnt, bindMounts, unreadable: null }];
    auditor.scan({ second: 12, processes: others, mountNamespaces });
    expect(lives(auditor)).toMatchObject([{ end: null, suspected: false }]);
  });

  test('four lives over two inums stay four lives', () => {
    const auditor = new Auditor();
    auditor.scan({ second: 10, processes: [...others, process(50)] });
    let second = 11;
    for (const inum of [7_001, 7_002, 7_001, 7_002]) {
      for (let scans = 0; scans < 3; scans += 1, second += 1) {
        auditor.scan({ second, processes: [...others, process(50, { net: inum })] });
      }
    }
    expect(lives(auditor, 7_001)).toMatchObject([
      { incarnation: 1, end: { reason: 'vanished' } },
      { incarnation: 2 },
    ]);
    expect(lives(auditor, 7_002)).toMatchObject([
      { incarnation: 1, end: { reason: 'vanished' } },
      { incarnation: 2 },
    ]);
  });
});

describe('gaps, restarts and reboots', () => {
  test('what died while nobody watched has bounds that span the gap, and the gap is recorded and closed', () => {
    const auditor = withNet();
    auditor.start({ second: 500 });
    auditor.scan({ second: 501, processes: [...others, process(90, { net: 7_777 })] });
    auditor.scan({ second: 502, processes: [...others, process(90, { net: 7_777 })] });
    expect(only(auditor.log, 'observation.gap')).toMatchObject([
      { reason: 'killed', from: at(11.1), to: at(501) },
    ]);
    expect(lives(auditor)[0]?.end?.gone).toMatchObject({
      by: at(501.1),
      evidence: 'inferred-after-gap',
    });
    expect(lives(auditor)[0]?.end?.gone.after).toBeLessThanOrEqual(at(11.1));
    expect(lives(auditor, 7_777)[0]?.born).toMatchObject({
      evidence: 'inferred-after-gap',
      by: at(501.1),
    });
    expect(only(auditor.log, 'observation.gap_closed')).toMatchObject([
      { inferred: 2, unknown: 0, recovered: 9 },
    ]);
  });

  test('a namespace that a holder kept through the gap goes on as the same life', () => {
    const auditor = withNet();
    auditor.start({ second: 500 });
    auditor.scan({ second: 501, processes: [...others, process(50, { net: NET })] });
    expect(lives(auditor)).toMatchObject([{ end: null }]);
  });

  test('a stop on purpose is told apart from a kill', () => {
    const auditor = withNet();
    auditor.append(deriveStop(auditor.known, auditor.watch, { atUs: at(12), reason: 'SIGTERM' }));
    auditor.start({ second: 20 });
    auditor.scan({ second: 21, processes: others });
    expect(only(auditor.log, 'observation.gap')).toMatchObject([
      { reason: 'stopped', from: at(12) },
    ]);
  });

  test('a pause far longer than the interval is a gap', () => {
    const auditor = withNet();
    const events = auditor.scan({ second: 100, processes: others });
    expect(only(events, 'observation.gap')).toMatchObject([
      { reason: 'stalled', from: at(11.1), to: at(100) },
    ]);
  });

  test('a reboot ends every lifespan of the old boot, and inums start anew', () => {
    const auditor = withNet();
    auditor.start({ second: 5, boot: OTHER_BOOT, wallUs: at(1_000) });
    const ends = only(auditor.log, 'namespace.disappeared');
    expect(ends).toHaveLength(9);
    expect(
      ends.every(({ reason, gone }) => reason === 'reboot' && gone.evidence === 'reboot'),
    ).toBe(true);
    expect(auditor.known.holders.size).toBe(0);
    expect(auditor.known.sets.size).toBe(0);
    const anchor = only(auditor.log, 'boot.started').at(-1)?.anchor ?? 0;
    expect(anchor).toBe(at(995));
    expect(ends.every(({ gone }) => (gone.after ?? 0) < gone.by && gone.by === anchor)).toBe(true);
  });

  test('after a reboot the same inum is the first incarnation of a baseline life', () => {
    const auditor = withNet();
    auditor.start({ second: 5, boot: OTHER_BOOT, wallUs: at(1_000) });
    auditor.scan({
      second: 1_001,
      bootId: OTHER_BOOT,
      processes: [...others, process(50, { net: NET })],
    });
    expect(lives(auditor)[1]).toMatchObject({
      boot: OTHER_BOOT,
      incarnation: 1,
      born: { evidence: 'baseline' },
    });
    expect(lives(auditor)[0]?.boot).toBe(BOOT);
  });
});

describe('coverage', () => {
  test('the first scan, every heartbeat and every change in what can be read are written', () => {
    const auditor = new Auditor();
    for (let second = 10; second <= 75; second += 1) {
      auditor.scan({ second, processes: second < 74 ? others : [...others, process(9)] });
    }
    const stretches = only(auditor.log, 'coverage.changed');
    expect(stretches).toHaveLength(2);
    expect(stretches[0]).toMatchObject({ from: at(10), to: at(10.1), scans: 1 });
    expect(stretches[1]).toMatchObject({
      from: at(10.1),
      to: at(70.1),
      scans: 60,
      scanIntervalUsMedian: 1_000_000,
    });
    expect(stretches[1]?.minimumLifetimeUs).toBe(1_100_000);
  });

  test('a scan in which a source did not run is not complete', () => {
    const auditor = new Auditor();
    auditor.scan({ second: 10, processes: others, covered: ['links'] });
    expect(only(auditor.log, 'coverage.changed')[0]?.complete).toBe(false);
    auditor.scan({ second: 11, processes: others, covered: SCAN_SOURCES });
    expect(only(auditor.log, 'coverage.changed').at(-1)?.complete).toBe(true);
  });
});
