import { describe, expect, test } from 'vitest';
import { INITIAL_INUMS } from '../../src/domain/namespace-type.ts';
import type { ObservedMountNamespace, Scan } from '../../src/domain/scan.ts';
import type { MountsRead } from '../../src/observe/found-mounts.ts';
import { createMountsByHelperReader } from '../../src/observe/mounts-by-helper.ts';
import { createMountsByIdReader } from '../../src/observe/mounts-by-id.ts';
import { createProcReader } from '../../src/observe/proc-read.ts';
import { createProcessDraft, type ProcessDraft } from '../../src/observe/process-draft.ts';
import { readMounts } from '../../src/observe/procfs-mounts.ts';
import { createSourceTally, type SourceTally } from '../../src/observe/source-tally.ts';
import { findReport, scanOnce, useProcTree } from './scan-tree.ts';
import { asUnprivileged } from './unprivileged.ts';

const tree = useProcTree();

const HOST = INITIAL_INUMS.mnt;
const ROOT_LINE = '27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n';

function nsfsLine(root: string, mountPoint: string, device = '0:4'): string {
  return `72 27 ${device} ${root} ${mountPoint} rw shared:9 - nsfs nsfs rw\n`;
}

function findMounts(scan: Pick<Scan, 'mountNamespaces'>, inum: number): ObservedMountNamespace {
  const found = scan.mountNamespaces.find((mountNamespace) => mountNamespace.inum === inum);
  if (!found) {
    throw new Error(`mount namespace ${inum} is not listed`);
  }
  return found;
}

describe('bind mounts', () => {
  test('of namespaces are listed with their decoded path, and nsfs says which device it is', () => {
    tree.addProcess(10, {
      mountinfo:
        ROOT_LINE +
        nsfsLine('net:[4026532268]', '/run/netns/blue') +
        nsfsLine('mnt:[4026531841]', '/a\\040b\\011c\\012d\\134e\\303\\244') +
        nsfsLine('junk:[1]', '/x'),
    });
    const scan = scanOnce(tree);
    expect(findMounts(scan, HOST)).toEqual({
      inum: HOST,
      bindMounts: [
        { path: '/run/netns/blue', type: 'net', inum: 4026532268, mountIds: [72] },
        { path: '/a b\tc\nd\\e\u00e4', type: 'mnt', inum: 4026531841, mountIds: [72] },
      ],
      unreadable: null,
    });
    expect(scan.nsfsDev).toBe('0:4');
  });

  test('no nsfs mount anywhere leaves its device unknown', () => {
    tree.addProcess(10, { mountinfo: ROOT_LINE });
    expect(scanOnce(tree)).toMatchObject({
      nsfsDev: null,
      mountNamespaces: [{ inum: HOST, bindMounts: [], unreadable: null }],
    });
  });

  test('of one mount namespace are read once, through one of its processes', () => {
    const mountinfo = nsfsLine('net:[4026532268]', '/run/netns/blue');
    for (const pid of [10, 11, 12]) {
      tree.addProcess(pid, { mountinfo });
    }
    const scan = scanOnce(tree);
    expect(scan.mountNamespaces).toHaveLength(1);
    expect(findReport(scan, 'mounts').readCount).toBe(1);
  });

  test('that were propagated are listed in every mount namespace they are in', () => {
    const mountinfo = nsfsLine('net:[4026532268]', '/run/netns/blue');
    tree.addProcess(10, { mountinfo });
    tree.addProcess(11, { links: { mnt: 4026532300 }, mountinfo });
    const scan = scanOnce(tree);
    const blue = { path: '/run/netns/blue', type: 'net', inum: 4026532268, mountIds: [72] };
    expect(findMounts(scan, HOST).bindMounts).toEqual([blue]);
    expect(findMounts(scan, 4026532300).bindMounts).toEqual([blue]);
  });

  test('on top of one another at one place are one, for each namespace mounted there', () => {
    tree.addProcess(10, {
      mountinfo:
        nsfsLine('net:[4026532268]', '/n') +
        nsfsLine('net:[4026532268]', '/n') +
        nsfsLine('net:[4026532269]', '/n'),
    });
    expect(findMounts(scanOnce(tree), HOST).bindMounts.map(({ inum }) => inum)).toEqual([
      4026532268, 4026532269,
    ]);
  });

  test('are read through the next process where one refuses or has gone', () => {
    const mountinfo = nsfsLine('net:[4026532268]', '/run/netns/blue');
    tree.addProcess(10, { mountinfo });
    tree.forbid('10/mountinfo');
    tree.addProcess(11, { mountinfo });
    const scan = asUnprivileged(() => scanOnce(tree));
    expect(findMounts(scan, HOST)).toMatchObject({
      bindMounts: [{ inum: 4026532268 }],
      unreadable: null,
    });
    expect(findReport(scan, 'mounts').unreadable).toEqual([]);
  });

  test('are neither read nor refused through a process that has left its namespaces', () => {
    tree.addProcess(10);
    // A link that is no link answers EINVAL, as the mountinfo of an ending process does.
    tree.removeFile('10/root');
    tree.write('10/root', '');
    const scan = scanOnce(tree);
    expect(scan.mountNamespaces).toEqual([]);
    expect(findReport(scan, 'mounts')).toMatchObject({ vanishedCount: 1, unreadable: [] });
  });

  test('are unreadable when no process lets them be read', () => {
    tree.addProcess(10, { mountinfo: nsfsLine('net:[4026532268]', '/run/netns/blue') });
    tree.forbid('10/mountinfo');
    const scan = asUnprivileged(() => scanOnce(tree));
    expect(findMounts(scan, HOST)).toEqual({ inum: HOST, bindMounts: [], unreadable: 'EACCES' });
    expect(findReport(scan, 'mounts')).toMatchObject({
      readCount: 0,
      unreadable: [{ reason: 'EACCES', count: 1, example: `${tree.root}/10/mountinfo` }],
    });
  });

  test('are looked for through a thread where no process is in the mount namespace', () => {
    tree.addProcess(10, {
      threads: {
        11: { links: { mnt: 4026532300 }, mountinfo: nsfsLine('uts:[4026532301]', '/u') },
      },
    });
    expect(findMounts(scanOnce(tree), 4026532300).bindMounts).toEqual([
      { path: '/u', type: 'uts', inum: 4026532301, mountIds: [72] },
    ]);
  });

  test('are read through a process that sees all of them rather than one in a chroot', () => {
    const seen = nsfsLine('net:[4026532268]', '/n');
    tree.addProcess(10, { root: '/srv/jail', mountinfo: seen });
    tree.addProcess(11, { mountinfo: seen + nsfsLine('net:[4026532269]', '/m') });
    expect(findMounts(scanOnce(tree), HOST)).toMatchObject({
      bindMounts: [{ path: '/n' }, { path: '/m' }],
      unreadable: null,
    });
  });

  test('that only chrooted processes see are listed, and may not be all', () => {
    tree.addProcess(10, { root: '/srv/jail', mountinfo: nsfsLine('net:[4026532268]', '/n') });
    const scan = scanOnce(tree);
    expect(findMounts(scan, HOST)).toMatchObject({
      bindMounts: [{ path: '/n' }],
      unreadable: 'chroot',
    });
    expect(findReport(scan, 'mounts').unreadable).toMatchObject([{ reason: 'chroot', count: 1 }]);
  });

  test('in a mount namespace that no process is in are out of reach, and that is said', () => {
    tree.addProcess(10, {
      mountinfo: nsfsLine('mnt:[4026532301]', '/run/snapd/ns/x.mnt'),
      descriptors: { 3: 'mnt:[4026532302]', 4: `mnt:[${HOST}]` },
      threads: { 11: { descriptors: { 5: 'mnt:[4026532303]' } } },
    });
    const scan = scanOnce(tree);
    const outOfReach = [4026532301, 4026532302, 4026532303];
    expect(scan.mountNamespaces.slice(1)).toEqual(
      outOfReach.map((inum) => ({ inum, bindMounts: [], unreadable: 'ESRCH' })),
    );
    expect(findReport(scan, 'mounts').unreadable).toEqual([
      { reason: 'ESRCH', count: 3, example: '/run/snapd/ns/x.mnt' },
    ]);
  });
});

function draftIn(mnt: number): ProcessDraft {
  const identity = { pid: 10, startTimeTicks: 1_000, ppid: 1, comm: 'x', threadCount: 1 };
  return createProcessDraft(
    { ...identity, directory: `${tree.root}/10` },
    { isZombie: false, links: { mnt }, forChildren: {}, linksUnreadable: null },
  );
}

function read(drafts: ProcessDraft[], tally: SourceTally): MountsRead {
  const places = {
    reader: createProcReader(),
    byId: createMountsByIdReader(tree.root),
    byHelper: createMountsByHelperReader(tree.root),
  };
  return readMounts(places, { drafts, kernelIds: new Map() }, tally);
}

describe('a process that changes its mount namespace during the scan', () => {
  test('does not lend its mounts to the one it was in', () => {
    tree.addProcess(10, {
      links: { mnt: 4026532300 },
      mountinfo: nsfsLine('net:[4026532268]', '/n'),
    });
    const tally = createSourceTally('mounts');
    expect(read([draftIn(HOST)], tally).mountNamespaces).toEqual([]);
    expect(tally.report()).toMatchObject({ readCount: 0, vanishedCount: 1, unreadable: [] });
    const now = read([draftIn(4026532300)], createSourceTally('mounts'));
    expect(findMounts(now, 4026532300).bindMounts).toHaveLength(1);
  });
});
