/** What records about mounts mean, alone and beside scans. Real: all rules. Modelled: the records and scans. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deriveLossesClosed } from '../../src/domain/derive-kernel-events.ts';
import { deriveUnlistedMounts, MOUNT_LIMITS } from '../../src/domain/derive-kernel-mounts.ts';
import type { Holder } from '../../src/domain/holder.ts';
import type { KernelRecord } from '../../src/domain/kernel-record.ts';
import { INITIAL_INUMS } from '../../src/domain/namespace-type.ts';
import type { ObservedBindMount, ObservedMountNamespace } from '../../src/domain/scan.ts';
import { at, birth, inside, KernelAuditor, moved, ns } from '../support/kernel-auditor.ts';
import { process } from '../support/scan-builder.ts';

const net = ns('net', 4026532001, '900');
const host = ns('mnt', INITIAL_INUMS.mnt, '3');
const BLUE = '/run/netns/blue';

const exactly = (second: number) => ({
  after: at(second),
  by: at(second),
  evidence: 'kernel-event',
});

function mounted(second: number, mountId: number, path: string | null = BLUE): KernelRecord {
  return { kind: 'mounted', atUs: at(second), namespace: net, mountNamespace: host, mountId, path };
}

function unmounted(second: number, mountId: number): KernelRecord {
  return { kind: 'unmounted', atUs: at(second), namespace: net, mountId };
}

function seen(...bindMounts: readonly ObservedBindMount[]): ObservedMountNamespace[] {
  return [{ inum: host.inum, bindMounts, unreadable: null }];
}

function mountSeen(...mountIds: readonly number[]): ObservedBindMount {
  return { path: BLUE, type: 'net', inum: net.inum, mountIds };
}

const inNet = process(50, { net: net.inum });
const kernelIds = new Map([[`net:${net.inum}` as const, '900']]);

/** Watching since second 1; since second 2 process 50 is in a network namespace of its own. */
function watching(): KernelAuditor {
  const auditor = new KernelAuditor();
  auditor.scanBeside({ second: 1, processes: [process(1)] });
  auditor.tell(2, birth(2, net), moved(2, 50, inside(net)));
  return auditor;
}

function mountsOf({ known }: KernelAuditor): Holder[] {
  return [...known.holders.values()].filter(({ kind }) => kind === 'bind-mount');
}

describe('mounts', () => {
  test('a mount that is made and undone is a holder and a name, at exact instants', () => {
    const auditor = watching();
    const gained = auditor.tell(4, mounted(3, 70));
    expect(gained).toMatchObject([
      { event: 'holder.gained', kind: 'bind-mount', path: BLUE, type: 'net', from: exactly(3) },
    ]);
    expect(auditor.life('net', net.inum)).toMatchObject({ names: [BLUE], holdersNow: 2 });
    const lost = auditor.tell(5, unmounted(4.5, 70));
    expect(lost).toMatchObject([{ event: 'holder.lost', kind: 'bind-mount', to: exactly(4.5) }]);
  });

  test('mounts on top of one another at one place are one holder, until the last of them goes', () => {
    const auditor = watching();
    expect(auditor.tell(4, mounted(3, 70), mounted(3.5, 71))).toHaveLength(1);
    expect(auditor.tell(5, unmounted(4.5, 70))).toEqual([]);
    expect(auditor.tell(6, unmounted(5.5, 71))).toMatchObject([{ to: exactly(5.5) }]);
  });

  test('a mount that only a scan has shown ends at an exact instant', () => {
    const auditor = watching();
    const processes = [process(1), inNet];
    auditor.scanBeside({ second: 3, processes, mountNamespaces: seen(mountSeen(70)), kernelIds });
    expect(auditor.tell(4, unmounted(3.5, 70))).toMatchObject([{ to: exactly(3.5) }]);
  });

  test('a scan brings back no mount that went while it ran, and ends none that came', () => {
    const auditor = watching();
    const processes = [process(1), inNet];
    auditor.tell(3, mounted(2.5, 70));
    auditor.scanBeside(
      { second: 4, processes, mountNamespaces: seen(mountSeen(70)), kernelIds },
      unmounted(4.05, 70),
    );
    expect(mountsOf(auditor)).toEqual([]);
    auditor.scanBeside(
      { second: 5, processes, mountNamespaces: seen(), kernelIds },
      mounted(5.05, 71),
    );
    expect(mountsOf(auditor)).toMatchObject([{ path: BLUE, from: exactly(5.05) }]);
  });

  test('a mount is in its mount namespace also when records overtook the scan about all that are in there', () => {
    const auditor = watching();
    const place = ns('mnt', 4026532003, '902');
    auditor.tell(2.5, birth(2.4, place), moved(2.4, 60, inside(place)));
    const held = auditor.life('mnt', place.inum).id;
    const scan = {
      processes: [process(1), inNet, process(60, { mnt: place.inum })],
      mountNamespaces: [{ inum: place.inum, bindMounts: [mountSeen(70)], unreadable: null }],
      kernelIds: new Map([...kernelIds, [`mnt:${place.inum}` as const, '902']]),
    };
    auditor.scanBeside({ ...scan, second: 3 }, moved(3.05, 60, inside(place)));
    expect(mountsOf(auditor)).toMatchObject([{ path: BLUE, mountNamespace: held }]);
    const gained = mountsOf(auditor)[0]?.id;
    auditor.scanBeside({ ...scan, second: 4 });
    expect(mountsOf(auditor)).toMatchObject([{ id: gained, mountNamespace: held }]);
  });

  test('an id used again means that the end of the mount before was lost: it lies before', () => {
    const auditor = watching();
    auditor.tell(3, mounted(2.5, 70));
    const events = auditor.tell(6, mounted(5, 70, '/run/netns/red'));
    expect(events).toMatchObject([
      { event: 'holder.lost', to: { by: at(5), evidence: 'kernel-event' } },
      { event: 'holder.gained', path: '/run/netns/red', from: exactly(5) },
    ]);
  });

  test('a path that did not fit asks for a scan, and a mount nobody knew ends nothing', () => {
    const auditor = watching();
    expect(auditor.tell(3, mounted(2.5, 70, null), unmounted(2.6, 99))).toEqual([]);
    expect(auditor.memory.isScanWanted).toBe(true);
  });

  test('mounts in a loop are listed up to a limit, and the rest is a loss that the next scan closes', () => {
    const auditor = watching();
    const more = 30;
    const count = MOUNT_LIMITS.burst + more;
    const records = Array.from({ length: count }, (_, index) => [
      mounted(3, index, `/m/${index}`),
      unmounted(3, index),
    ]).flat();
    const events = auditor.tell(4, ...records);
    const gained = events.filter(({ event }) => event === 'holder.gained');
    expect(gained).toHaveLength(MOUNT_LIMITS.burst);
    expect(mountsOf(auditor)).toEqual([]);
    expect(auditor.memory.isScanWanted).toBe(true);
    const closing = auditor.judge(5, (input, draft) => {
      deriveUnlistedMounts(input, draft);
      deriveLossesClosed(input, { inferred: 0, unknown: 0 }, draft);
    });
    expect(closing).toMatchObject([
      { event: 'observation.gap', source: 'kernel-mounts', lost: more, reason: 'lost' },
      { event: 'observation.gap_closed' },
    ]);
  });

  test('whatever records and scans beside them tell, what is mounted in the end is what is known', () => {
    const step = fc.record({
      mountId: fc.nat(3),
      path: fc.constantFrom('/a', '/b'),
      isBesideScan: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const auditor = watching();
        const there = new Map<number, string>();
        let second = 3;
        for (const { mountId, path, isBesideScan } of steps) {
          second += 1;
          const before = toSeen(there);
          const isThere = there.delete(mountId);
          if (!isThere) {
            there.set(mountId, path);
          }
          const record = isThere ? unmounted(second, mountId) : mounted(second, mountId, path);
          if (isBesideScan) {
            const processes = [process(1), inNet];
            const scan = { second, processes, mountNamespaces: seen(...before), kernelIds };
            auditor.scanBeside(scan, record);
          } else {
            auditor.tell(second, record);
          }
          expect(new Set(mountsOf(auditor).map((holder) => holder.path))).toEqual(
            new Set(there.values()),
          );
        }
      }),
    );
  });
});

function toSeen(there: ReadonlyMap<number, string>): ObservedBindMount[] {
  return [...new Set(there.values())].map((path) => ({
    path,
    type: 'net',
    inum: net.inum,
    mountIds: [...there].filter(([, each]) => each === path).map(([mountId]) => mountId),
  }));
}

describe('descriptors', () => {
  const holding = process(60, {}, { descriptors: [{ fd: 3, type: 'net', inum: net.inum }] });
  const closed: KernelRecord = { kind: 'closed', atUs: at(4), namespace: net };

  test('when the last descriptor and mount have gone, none that is known goes on, and the namespace may', () => {
    const auditor = watching();
    auditor.scanBeside({ second: 3, processes: [process(1), inNet, holding], kernelIds });
    const lost = auditor.tell(5, closed);
    expect(lost).toMatchObject([
      {
        event: 'holder.lost',
        kind: 'fd',
        to: { after: at(3), by: at(4), evidence: 'kernel-event' },
      },
    ]);
    expect(auditor.life('net', net.inum)).toMatchObject({ holdersNow: 1, gone: null });
  });

  test('a scan brings back none that went while it ran', () => {
    const auditor = watching();
    auditor.scanBeside({ second: 3, processes: [process(1), inNet, holding], kernelIds });
    auditor.scanBeside({ second: 4, processes: [process(1), inNet, holding], kernelIds }, closed);
    const open = [...auditor.known.holders.values()].filter(({ kind }) => kind === 'fd');
    expect(open).toEqual([]);
  });
});
