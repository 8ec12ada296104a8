/** `nsaudit doctor` on the kernel of this host, and the pins it removes from a bpffs of the test's own. */
import { mkdirSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Examination } from '../../src/cli/examine-host.ts';
import { toPinDirectory } from '../../src/cli/read-pin-directory.ts';
import { openKernelEvents } from '../../src/observe/kernel-events.ts';
import { runWords } from '../cli/run-words.ts';
import { mountBpffs, type Bpffs } from './bpffs.ts';
import { eventOptions } from './event-recorder.ts';
import { findKernelObstacle, startWatcher, TESTED_PROFILE } from './lab.ts';

const obstacle = findKernelObstacle();
const notRun = obstacle === null ? '' : ` — NOT RUN: ${obstacle}`;
const RECORD = '/nowhere/of-this-test';

/** What the first scan could not read, which is a matter of the host. */
const HOLES = /^not everything can be read: /;

async function examine(...words: string[]): Promise<Examination> {
  const { status, stdout } = await runWords([
    'doctor',
    '-o',
    'json',
    '--state-dir',
    RECORD,
    ...words,
  ]);
  expect(status).toBe(0);
  return JSON.parse(stdout) as Examination;
}

/** What of BPF this process has open. */
function listOpenObjects(): readonly string[] {
  return readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return '';
      }
    })
    .filter((target) => /bpf/.test(target));
}

describe.skipIf(obstacle !== null)(`doctor and kernel events${notRun}`, () => {
  test('every hook is named with its state, every birth is told, and nothing stays attached', async () => {
    const before = listOpenObjects();
    const { profile, hooks, ringBytes, minimumLifetimeUs } = await examine();
    expect(['trampoline', 'tracepoint']).toContain(profile);
    expect(hooks.filter(({ state }) => state === 'attached').length).toBeGreaterThanOrEqual(4);
    expect(ringBytes?.life).toBeGreaterThanOrEqual(65_536);
    expect(minimumLifetimeUs).toBe(0);
    expect(listOpenObjects()).toEqual(before);
  });

  test('a start with profile auto says nothing about what it took', async () => {
    const watcher = await startWatcher(100, { profile: 'auto' });
    await watcher.stop();
    expect(watcher.notices.filter((notice) => !HOLES.test(notice))).toEqual([]);
  });

  test('a start that asked for the trampoline says what runs in its place, if anything does', async () => {
    const { profile } = await examine();
    const watcher = await startWatcher(100, { profile: 'trampoline' });
    await watcher.stop();
    const said = watcher.notices.filter((notice) => notice.includes(`running ${profile}.`));
    expect(said).toHaveLength(profile === 'trampoline' ? 0 : 1);
  });
});

describe.skipIf(obstacle !== null)(`doctor and pins${notRun}`, () => {
  let bpffs: Bpffs;

  beforeEach(async () => {
    bpffs = await mountBpffs();
  });

  afterEach(() => bpffs.end());

  test('pins of every record are listed, and removed with all their versions', async (context) => {
    context.skip(bpffs.obstacle !== null, `bpffs cannot be mounted: ${bpffs.obstacle}`);
    const root = join(bpffs.path, 'nsaudit');
    const own = toPinDirectory(root, RECORD) ?? '';
    const other = toPinDirectory(root, `${RECORD}-other`) ?? '';
    for (const pinDirectory of [own, other]) {
      const opened = openKernelEvents(eventOptions({ pinDirectory, profile: wantedProfile() }));
      expect(opened).toHaveProperty('events');
      if ('events' in opened) {
        opened.events.close({ keepPins: true });
      }
    }
    mkdirSync(join(own, 'v0-0123456789abcdef'));
    mkdirSync(join(root, 'of-somebody-else'));
    const { pins } = await examine('--pin-dir', root);
    expect(pins?.directories?.map(({ path, isOfThisRecord }) => [path, isOfThisRecord])).toEqual(
      [own, other].toSorted().map((path) => [path, path === own]),
    );
    expect(pins?.directories?.every(({ hookCount }) => hookCount >= 4)).toBe(true);
    const unpin = ['doctor', '--unpin', '--pin-dir', root];
    const first = await runWords(unpin);
    expect(first).toMatchObject({ status: 0, stdout: expect.stringMatching(/^Removed 2 /) });
    expect(readdirSync(root)).toEqual(['of-somebody-else']);
    const second = await runWords(unpin);
    expect(second).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^Nothing is pinned/),
    });
  });

  test('a collector whose pins are removed goes on without, and stops as ever', async (context) => {
    context.skip(bpffs.obstacle !== null, `bpffs cannot be mounted: ${bpffs.obstacle}`);
    const root = join(bpffs.path, 'nsaudit');
    const pinDirectory = join(root, 'of-a-collector');
    const watcher = await startWatcher(50, { profile: TESTED_PROFILE, pinDirectory });
    try {
      expect(readdirSync(root)).toEqual(['of-a-collector']);
      await runWords(['doctor', '--unpin', '--pin-dir', root]);
      expect(readdirSync(root)).toEqual([]);
      await watcher.scans(2);
    } finally {
      await watcher.stop();
    }
    expect(watcher.notices.filter((notice) => !HOLES.test(notice))).toEqual([]);
  });
});

function wantedProfile(): 'auto' | 'trampoline' | 'tracepoint' {
  return TESTED_PROFILE === 'procfs' ? 'auto' : TESTED_PROFILE;
}
