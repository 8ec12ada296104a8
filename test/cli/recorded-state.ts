/**
 * A state directory that the collector made of a fake proc tree, so that every host and user gets the
 * same record: initial namespaces, a descriptor, a bind mount, a thread elsewhere, a container with a
 * hostile name that comes and goes, and a gap.
 *
 * Real: collector, databases, clocks. Modelled: what the kernel shows in /proc.
 */
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createProcTree, type ProcTree } from '../support/proc-tree.ts';
import { runWords, type Outcome } from './run-words.ts';

export const CONTAINER_NET = 4_026_532_268;
export const BLUE_NET = 4_026_532_300;
export const CONTAINER_PID = 4711;
export const BLUE_PATH = '/run/netns/blue';
export const HOSTILE_COMM = 'x) 1\n\u001b[2J';

const CONTAINER_UTS = 4_026_532_270;
const CONTAINER = { net: CONTAINER_NET, mnt: 4_026_532_269, uts: CONTAINER_UTS };
/** For a machine that is busy with other things. */
export const PATIENCE_MS = 60_000;

/**
 * Records into the directory: the host, then the container coming and going, then nobody watching, then
 * the host again. The outcomes of the two runs of the collector.
 */
export async function recordState(stateDirectory: string): Promise<readonly Outcome[]> {
  const tree = createProcTree();
  const where = ['--state-dir', stateDirectory];
  const collect = ['collect', '--proc-root', tree.root, ...where];
  const readUts = () => readState([...where, '-t', 'uts']);
  const stop = new AbortController();
  try {
    writeHost(tree);
    const first = runWords([...collect, '--scan-interval', '20ms'], { signal: stop.signal });
    await waitUntil(async () => (await readUts()).length === 1);
    addContainer(tree);
    await waitUntil(async () => (await readUts()).includes(CONTAINER_UTS));
    tree.removeProcess(CONTAINER_PID);
    tree.removeProcess(CONTAINER_PID + 1);
    await waitUntil(async () => !(await readUts()).includes(CONTAINER_UTS));
    stop.abort();
    return [await first, await runWords([...collect, '--once'])];
  } finally {
    stop.abort();
    tree.remove();
  }
}

/** inums alive now; none as long as there is no record. */
async function readState(words: readonly string[]): Promise<readonly number[]> {
  const { stdout } = await runWords(['state', ...words, '-o', 'ndjson']);
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => (JSON.parse(line) as { inum: number }).inum);
}

async function waitUntil(isSo: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > deadlineMs) {
      throw new Error('the collector did not record what the tree shows');
    }
    await sleep(20);
  }
}

function writeHost(tree: ProcTree): void {
  tree.write('sys/kernel/random/boot_id', '5e98bcd4-8de7-4e45-babe-ffdf1b3658aa\n');
  tree.write('sys/kernel/osrelease', '6.1.0-test\n');
  tree.link('uptime', '/proc/uptime');
  tree.write('self/status', 'CapEff:\t0000000000080004\n');
  tree.write('self/mountinfo', '22 1 0:21 / /proc rw shared:5 - proc proc rw\n');
  tree.addProcess(1, {
    comm: 'systemd',
    ppid: 0,
    mountinfo: `90 60 0:4 net:[${BLUE_NET}] ${BLUE_PATH} rw shared:9 - nsfs nsfs rw\n`,
  });
  tree.addProcess(2, { comm: 'kthreadd', ppid: 0, exe: null });
  tree.addProcess(300, {
    comm: 'dockerd',
    descriptors: { 8: '/dev/null' },
    threads: { 301: { links: { net: BLUE_NET } } },
  });
}

/** Each process appears at once, as in a real proc: a scan may be going on. */
function addContainer(tree: ProcTree): void {
  const staging = createProcTree();
  const processes = [
    { pid: CONTAINER_PID, comm: HOSTILE_COMM, startTimeTicks: 50 },
    { pid: CONTAINER_PID + 1, comm: 'sleep', startTimeTicks: 60 },
  ];
  for (const { pid, ...process } of processes) {
    staging.addProcess(pid, { ...process, links: CONTAINER });
    renameSync(join(staging.root, String(pid)), join(tree.root, String(pid)));
  }
  staging.remove();
  tree.link('300/fd/7', `net:[${CONTAINER_NET}]`);
}
