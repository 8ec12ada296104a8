import { describe, expect, test } from 'vitest';
import { at, Auditor, only, process } from '../support/scan-builder.ts';

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

describe('holders', () => {
  test('a process joins and leaves all its namespaces with one event each', () => {
    const auditor = withNet();
    const gained = only(auditor.log, 'holder.gained');
    expect(gained).toHaveLength(1);
    expect(gained[0]?.namespaces).toHaveLength(8);
    const events = auditor.scan({ second: 12, processes: others });
    expect(only(events, 'holder.lost')).toMatchObject([
      { holder: gained[0]?.seq, to: { after: at(11), by: at(12.1) } },
    ]);
  });

  test('processes in the same namespaces share one set, introduced once', () => {
    const auditor = withNet();
    const both = [process(50, { net: NET }), process(51, { net: NET })];
    const events = auditor.scan({ second: 12, processes: [...others, ...both] });
    expect(only(events, 'holder.gained')).toMatchObject([{ pid: 51, namespaces: null }]);
    expect(auditor.known.sets.size).toBe(2);
  });

  test('a pid used again by another process is another holder', () => {
    const auditor = withNet();
    const again = process(50, { net: NET }, { startTimeTicks: 1_190 });
    const stays = process(51, { net: NET });
    auditor.scan({ second: 12, processes: [...others, process(50, { net: NET }), stays] });
    const events = auditor.scan({ second: 13, processes: [...others, again, stays] });
    expect(only(events, 'holder.lost')).toHaveLength(1);
    expect(only(events, 'holder.gained')).toMatchObject([{ pid: 50, startTimeTicks: 1_190 }]);
  });

  test('a process held nothing before it started', () => {
    const auditor = new Auditor();
    auditor.scan({
      second: 10,
      processes: [...others, process(50, { net: NET }, { startTimeTicks: 950 })],
    });
    expect(only(auditor.log, 'holder.gained')[0]?.from).toEqual({
      after: at(9.5) - 1,
      by: at(10.1),
      evidence: 'baseline',
    });
  });

  test('members of the initial namespaces are counted, not listed', () => {
    const auditor = new Auditor();
    auditor.scan({ second: 10, processes: others });
    expect(only(auditor.log, 'holder.gained')).toEqual([]);
    expect(only(auditor.log, 'holders.churned')).toMatchObject([
      { gained: 3, lost: 0, now: 3, byComm: { test: 3 } },
    ]);
    expect([...auditor.known.lifespans.values()].map((lifespan) => lifespan.holdersNow)).toEqual(
      Array(8).fill(3),
    );
  });

  test('they are listed like all others when asked for', () => {
    const auditor = new Auditor({ initialHolders: 'full' });
    auditor.scan({ second: 10, processes: others });
    expect(only(auditor.log, 'holder.gained')).toHaveLength(3);
  });

  test('a thread in other namespaces than its process holds only those', () => {
    const auditor = new Auditor();
    const thread = {
      tid: 51,
      startTimeTicks: 100,
      comm: 'worker',
      links: { net: NET },
      forChildren: {},
      descriptors: [],
    };
    auditor.scan({ second: 10, processes: [...others, process(50, {}, { threads: [thread] })] });
    expect(only(auditor.log, 'holder.gained')).toMatchObject([
      { kind: 'thread', tid: 51, comm: 'worker' },
    ]);
    expect(only(auditor.log, 'holder.gained')[0]?.namespaces).toHaveLength(1);
  });

  test('what children will get is a holder of its own', () => {
    const auditor = new Auditor();
    auditor.scan({
      second: 10,
      processes: [...others, process(50, {}, { forChildren: { pid: 8_000 } })],
    });
    expect(only(auditor.log, 'holder.gained')).toMatchObject([
      { kind: 'for-children', pid: 50, type: 'pid' },
    ]);
  });

  test('a zombie still holds its user and pid namespace and nothing else', () => {
    const auditor = new Auditor();
    const links = { user: 5_000, pid: 5_001, net: NET };
    auditor.scan({ second: 10, processes: [...others, process(50, links)] });
    const zombie = { ...process(50), links: { user: 5_000, pid: 5_001 }, isZombie: true };
    const events = auditor.scan({ second: 11, processes: [...others, zombie] });
    expect(only(events, 'holder.gained')[0]?.namespaces).toHaveLength(2);
    auditor.scan({ second: 12, processes: [...others, zombie] });
    expect(lives(auditor)[0]?.end).not.toBeNull();
    expect(lives(auditor, 5_000)[0]?.end).toBeNull();
  });
});
