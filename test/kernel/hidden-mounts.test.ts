/**
 * Bind mounts in mount namespaces that no process is in, kept by a descriptor or a bind mount alone.
 *
 * Real: the kernel, the namespaces, a collector with a database of its own, the program that enters mount
 * namespaces. Modelled: what a kernel before 6.11 answers, ENOSYS, where that program is tested alone.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openMountLister } from '../../src/observe/mount-list.ts';
import { createMountsByHelperReader } from '../../src/observe/mounts-by-helper.ts';
import { createProcReader } from '../../src/observe/proc-read.ts';
import { createProcessDraft } from '../../src/observe/process-draft.ts';
import { readMounts } from '../../src/observe/procfs-mounts.ts';
import { createSourceTally } from '../../src/observe/source-tally.ts';
import { ownHolders, until } from './holders.ts';
import {
  findKernelObstacle,
  findObstacle,
  listOwnNamespaceDescriptors,
  startLab,
  startWatcher,
  TESTED_PROFILE,
  type Lab,
  type Record,
  type Watcher,
} from './lab.ts';
import { expectEndWithin, holdersOf, lastLife } from './lives.ts';

/** The kernel's answer about a mount namespace that cannot be there tells whether it can answer at all. */
function findListObstacle(): string | null {
  const lister = openMountLister();
  const told = 'missing' in lister ? -1 : lister.list(1n << 62n);
  return told === -2 ? null : 'the kernel lists mounts by mount namespace since Linux 6.11';
}

const PROGRAM = resolve(import.meta.dirname, '../../dist/src/observe/enter-mounts.js');
const noProgram = existsSync(PROGRAM) ? null : 'not built: run npm run build';
const noList = findListObstacle();
const obstacle = findObstacle() ?? (noList === null ? null : noProgram);
/** How such a mount namespace is read here. */
const way = noList === null ? 'listed by the kernel' : `entered, as ${noList}`;
const profiles = [
  ['procfs', null],
  [TESTED_PROFILE, findKernelObstacle()],
] as const;
const TEST_MS = 400_000;
const SCAN_MS = 50;

let lab: Lab;
let watcher: Watcher;
let scratch: string;

/** A uts namespace that one bind mount holds, in a mount namespace that no process is in. */
interface Hidden {
  readonly path: string;
  readonly uts: number;
  readonly mnt: number;
  /** Gives up the only thing that keeps the mount namespace. */
  readonly release: string;
}

async function hide(keeper: 'descriptor' | 'bind mount'): Promise<Hidden & { fd: number }> {
  const path = join(scratch, 'blue uts\\\n\u00e9');
  writeFileSync(path, '');
  const made = await lab.run<{ pid: number; links: { uts: number } }>('spawn("uts")');
  const { pid, links } = made.result;
  const other = await lab.run<{ pid: number; mnt: number }>(
    `spawn_private_mount(${JSON.stringify(path)}, ${pid}, "uts")`,
  );
  const kept = JSON.stringify(join(scratch, 'private', 'mnt'));
  let release = `unbind(${kept})`;
  let held = -1;
  if (keeper === 'descriptor') {
    held = (await lab.run<number>(`hold(${other.result.pid}, "mnt")`)).result;
    release = `release(${held})`;
  } else {
    await lab.run(`bind(${other.result.pid}, "mnt", ${kept})`);
  }
  await watcher.scans(1);
  await lab.run(`end(${pid})`);
  await lab.run(`end(${other.result.pid})`);
  return { path, uts: links.uts, mnt: other.result.mnt, release, fd: held };
}

function openHolders(record: Record, uts: number) {
  return ownHolders(record, 'uts', uts).filter(({ to }) => to === null);
}

const isOver =
  (uts: number) =>
  (record: Record): boolean =>
    (lastLife(record, 'uts', uts)?.gone ?? null) !== null;

describe.skipIf(obstacle).each(profiles)(
  `a bind mount in a mount namespace without a process, ${way}, by %s${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`,
  { timeout: TEST_MS },
  (profile, missing) => {
    beforeEach(async () => {
      scratch = mkdtempSync(join(tmpdir(), 'nsaudit-hidden-'));
      mkdirSync(join(scratch, 'private'));
      lab = startLab();
      await lab.run(`make_private(${JSON.stringify(join(scratch, 'private'))})`);
      watcher = await startWatcher(SCAN_MS, { profile });
      await watcher.scans(1);
    }, TEST_MS);

    afterEach(async () => {
      await lab.run(`unmount(${JSON.stringify(join(scratch, 'private'))})`);
      await lab.end();
      await watcher.stop();
      rmSync(scratch, { recursive: true, force: true });
    });

    const note = missing === null ? '' : ` — NOT RUN: ${missing}`;

    test.skipIf(missing).each(['descriptor', 'bind mount'] as const)(
      `holds and names a namespace as long as a %s keeps the mount namespace${note}`,
      async (keeper) => {
        const { path, uts, mnt, release } = await hide(keeper);
        const isAlone = (record: Record): boolean => {
          const life = lastLife(record, 'uts', uts);
          const isEmpty = (lastLife(record, 'mnt', mnt)?.holdersNow ?? 0) > 0;
          return isEmpty && openHolders(record, uts).length === 1 && life?.holdersNow === 1;
        };
        await until(watcher, isAlone);
        await watcher.scans(4);
        const record = watcher.read();
        const life = lastLife(record, 'uts', uts);
        expect(life).toMatchObject({ unheld: null, gone: null, names: [path], suspected: false });
        const mountLife = lastLife(record, 'mnt', mnt);
        expect(openHolders(record, uts)).toMatchObject([
          { kind: 'bind-mount', path, mountNamespace: mountLife?.id },
        ]);
        expect(listOwnNamespaceDescriptors(readdirSync('/proc/self/fd'))).toEqual([]);
        const ending = await lab.run(release);
        const after = await until(watcher, isOver(uts));
        const last = ownHolders(after, 'uts', uts).find(({ kind }) => kind === 'bind-mount');
        expectEndWithin(after, last?.to ?? null, ending, 'to');
        expectEndWithin(after, lastLife(after, 'mnt', mnt)?.gone ?? null, ending, 'mnt');
        expect(lastLife(after, 'uts', uts)?.names).toEqual([path]);
      },
    );

    test.skipIf(missing)(
      `holds no more once it is unmounted there, while the mount namespace goes on${note}`,
      async () => {
        const { path, uts, mnt, release } = await hide('descriptor');
        await until(watcher, (record) => openHolders(record, uts).length === 1);
        // Whoever removes the file takes away what is mounted on it in every other mount namespace.
        unlinkSync(path);
        const record = await until(watcher, isOver(uts));
        expect(openHolders(record, uts)).toEqual([]);
        expect(lastLife(record, 'mnt', mnt)).toMatchObject({ gone: null, unheld: null });
        await lab.run(release);
      },
    );
  },
);

const cannotEnter = findKernelObstacle() ?? noProgram;
/** What kernels answer that cannot list mounts. */
const OLD_KERNEL = { nextScan: () => undefined, read: () => ({ reason: 'ENOSYS' }) };

describe.skipIf(cannotEnter)(
  `on kernels that list no mounts${cannotEnter ? ` — NOT RUN: ${cannotEnter}` : ''}`,
  { timeout: TEST_MS },
  () => {
    beforeEach(async () => {
      scratch = mkdtempSync(join(tmpdir(), 'nsaudit-hidden-'));
      lab = startLab();
      watcher = await startWatcher(SCAN_MS, { profile: TESTED_PROFILE });
      await watcher.scans(1);
    }, TEST_MS);

    afterEach(async () => {
      await lab.end();
      await watcher.stop();
      rmSync(scratch, { recursive: true, force: true });
    });

    test('a program known by its name enters, reads, and is gone; it is not asked again for a while', async () => {
      const { path, uts, mnt, release, fd } = await hide('descriptor');
      let nowMs = 0;
      const byHelper = createMountsByHelperReader('/proc', () => nowMs);
      const identity = { pid: lab.pid, startTimeTicks: 1, ppid: 1, comm: 'lab', threadCount: 1 };
      const draft = createProcessDraft(
        { ...identity, directory: `/proc/${lab.pid}` },
        { isZombie: false, links: {}, forChildren: {}, linksUnreadable: null },
      );
      draft.observed.descriptors = [{ fd, type: 'mnt', inum: mnt }];
      const read = () => {
        const tally = createSourceTally('mounts');
        const places = { reader: createProcReader(), byId: OLD_KERNEL, byHelper };
        const looked = { drafts: [draft], kernelIds: new Map<never, never>() };
        const { mountNamespaces } = readMounts(places, looked, tally);
        return { mounts: mountNamespaces.find(({ inum }) => inum === mnt), ...tally.report() };
      };
      const entered = {
        readCount: 1,
        unreadable: [],
        mounts: { bindMounts: [{ path, type: 'uts', inum: uts }], unreadable: null },
      };
      expect(read()).toMatchObject(entered);
      nowMs = 29_999;
      expect(read()).toMatchObject({
        readCount: 0,
        unreadable: [],
        mounts: { bindMounts: [], unreadable: 'not due' },
      });
      nowMs = 30_000;
      expect(read()).toMatchObject(entered);
      expect((await lab.run<number[]>(`children_of(${process.pid})`)).result).toEqual([lab.pid]);
      const isRecorded = (record: Record): boolean => {
        const life = lastLife(record, 'mnt', mnt);
        const ours = life
          ? holdersOf(record, life).filter(({ comm }) => comm === 'nsaudit-mounts')
          : [];
        // Where the kernel lists no mounts, the collector sends one as well.
        const isCounted = noList === null ? ours.length === 2 : ours.length >= 2;
        return isCounted && ours.every(({ ppid, to }) => ppid === process.pid && to !== null);
      };
      await until(watcher, isRecorded);
      await lab.run(release);
      await until(watcher, isOver(uts));
    });
  },
);
