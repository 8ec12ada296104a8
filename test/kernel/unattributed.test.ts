/**
 * References that nothing visible explains, in situations that the lab makes.
 *
 * Real: the kernel, the namespaces, a collector with a database of its own. Modelled: nothing.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openHandleProbe } from '../../src/observe/handle-probe.ts';
import { createKernelScanner } from '../../src/observe/kernel-scan.ts';
import { MAIN_FILE } from '../cli/built-program.ts';
import { ownHolders, until } from './holders.ts';
import {
  findKernelObstacle,
  startLab,
  startWatcher,
  TESTED_PROFILE,
  type Lab,
  type Record,
  type Watcher,
} from './lab.ts';
import { expectEndWithin, expectWithin, lastLife } from './lives.ts';

const FIRST_PID = 1;

/** Whoever cannot be read may hold what is unexplained, and then nothing is claimed. */
function findUnreadable(): string {
  const opened = createKernelScanner({
    procRoot: '/proc',
    bootId: 'test',
    clock: { timelineUs: () => 0 },
  });
  if ('missing' in opened) {
    return '';
  }
  const { processes, mountNamespaces } = opened.scanner.scan();
  opened.close();
  const refused = processes.find(
    ({ pid, linksUnreadable, descriptorsUnreadable }) =>
      pid !== FIRST_PID && (linksUnreadable ?? descriptorsUnreadable) !== null,
  );
  const mounts = mountNamespaces.find(({ unreadable }) => unreadable !== null);
  return refused
    ? ` — NOT RUN: process ${refused.pid} cannot be read`
    : mounts
      ? ` — NOT RUN: mnt:[${mounts.inum}] cannot be read (${mounts.unreadable})`
      : '';
}

const unreadable = findUnreadable();
const probe = openHandleProbe('/proc');
const obstacle = findKernelObstacle() ?? ('missing' in probe ? probe.missing : null);
const notBuilt = existsSync(MAIN_FILE) ? '' : ' — NOT RUN: not built: run npm run build';
const TEST_MS = 400_000;
const SCAN_MS = 50;

let lab: Lab;
let watcher: Watcher;
let scratch: string;

function openUnattributed(record: Record, inum: number) {
  return ownHolders(record, 'net', inum).filter(
    ({ kind, to }) => kind === 'unattributed' && to === null,
  );
}

describe.skipIf(obstacle)(
  `references that nothing visible explains${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`,
  { timeout: TEST_MS },
  () => {
    beforeEach(async () => {
      scratch = mkdtempSync(join(tmpdir(), 'nsaudit-unattributed-'));
      lab = startLab();
      watcher = await startWatcher(SCAN_MS, { profile: TESTED_PROFILE });
      await watcher.scans(1);
    });

    afterEach(async () => {
      await lab.end();
      await watcher.stop();
      rmSync(scratch, { recursive: true, force: true });
    });

    test.skipIf(unreadable).each([
      ['a descriptor in flight', 'send_in_flight()'],
      ['a file registered with io_uring', 'spawn_fixed_file()'],
    ])(
      `%s holds: unheld, alive, and held by nothing visible until it is gone${unreadable}`,
      async (_, made) => {
        const step = await lab.run<{ pid: number; net: number }>(made);
        const { pid, net } = step.result;
        const record = await until(watcher, (each) => openUnattributed(each, net).length > 0);
        const [holder] = openUnattributed(record, net);
        expect(holder).toMatchObject({ pid: null, fd: null });
        expectWithin(
          record,
          holder?.from ?? { after: null, by: 0, evidence: 'scan' },
          step,
          'from',
        );
        const life = lastLife(record, 'net', net);
        expect(life).toMatchObject({ gone: null, unreferenced: null, holdersNow: 0 });
        expect(life?.unheld).not.toBeNull();
        const ending = await lab.run(`end(${pid})`);
        const after = await until(
          watcher,
          (each) => (lastLife(each, 'net', net)?.gone ?? null) !== null,
        );
        const gone = lastLife(after, 'net', net)?.gone ?? null;
        expectEndWithin(after, gone, { ...ending, afterUs: Number.POSITIVE_INFINITY }, 'gone');
        const last = ownHolders(after, 'net', net).find(({ kind }) => kind === 'unattributed');
        expect(last?.to).toEqual(gone);
      },
    );

    test.skipIf(unreadable)(
      `a detached copy of a bind mount is a descriptor; one of a tree around it is unattributed${unreadable}`,
      async () => {
        const mounts = join(scratch, 'mounts');
        const path = join(mounts, 'net');
        mkdirSync(mounts);
        const made = await lab.run<{ pid: number; links: { net: number } }>('spawn("net")');
        const { pid, links } = made.result;
        await lab.run(`make_private(${JSON.stringify(mounts)})`);
        await lab.run(`bind(${pid}, "net", ${JSON.stringify(path)})`);
        const copy = await lab.run<{ pid: number; fd: number }>(
          `spawn_detached(${JSON.stringify(path)}, False)`,
        );
        const tree = await lab.run<{ pid: number; fd: number }>(
          `spawn_detached(${JSON.stringify(mounts)}, True)`,
        );
        await lab.run(`end(${pid})`);
        // The file stays: removing it would take away what is mounted on it in every tree, the detached one too.
        await lab.run(`unmount(${JSON.stringify(path)})`);
        await lab.run(`unmount(${JSON.stringify(mounts)})`);
        const isCopyAlone = (each: Record): boolean => {
          const open = ownHolders(each, 'net', links.net).filter(({ to }) => to === null);
          return open.length === 1 && open[0]?.kind === 'fd';
        };
        const record = await until(watcher, isCopyAlone);
        const [fd] = ownHolders(record, 'net', links.net).filter(({ to }) => to === null);
        expect(fd).toMatchObject({ pid: copy.result.pid, fd: copy.result.fd });
        await lab.run(`end(${copy.result.pid})`);
        await until(watcher, (each) => openUnattributed(each, links.net).length > 0);
        await lab.run(`end(${tree.result.pid})`);
        await until(watcher, (each) => (lastLife(each, 'net', links.net)?.gone ?? null) !== null);
      },
    );

    test.skipIf(notBuilt !== '')(
      `what processes, a bind mount and sockets hold adds up to what the kernel counts, and history says so${notBuilt}`,
      async () => {
        const path = join(scratch, 'net');
        const made = await lab.run<{ pid: number; net: number }>('spawn_at_home(5)');
        const { pid, net } = made.result;
        await lab.run(`bind(${pid}, "net", ${JSON.stringify(path)})`);
        try {
          const isCounted = (each: Record): boolean =>
            (lastLife(each, 'net', net)?.references ?? null) !== null;
          const record = await until(watcher, isCounted);
          expect(lastLife(record, 'net', net)?.references).toMatchObject({
            total: 7,
            processSets: 1,
            nsfsInodes: 1,
            sockets: 5,
            unattributed: 0,
          });
          expect(openUnattributed(record, net)).toEqual([]);
          const words = [
            'history',
            `#${lastLife(record, 'net', net)?.id}`,
            `--state-dir=${watcher.stateDirectory}`,
          ];
          const printed = spawnSync(process.execPath, [MAIN_FILE, ...words], { encoding: 'utf8' });
          expect(printed.stdout).toMatch(
            /^REFERENCES +7 references: 1 process set, 1 nsfs inode, 5 sockets$/m,
          );
        } finally {
          await lab.run(`unbind(${JSON.stringify(path)})`);
        }
      },
    );
  },
);
