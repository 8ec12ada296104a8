/** On the real procfs, because the inodes it gives are what this stands on. */
import { spawn, type ChildProcess } from 'node:child_process';
import { afterAll, describe, expect, test } from 'vitest';
import { createProcReader } from '../../src/observe/proc-read.ts';
import { createProcessMemory, type ProcessMemory } from '../../src/observe/process-memory.ts';
import { createLinkReader, isRefusal, type LinksRead } from '../../src/observe/procfs-links.ts';
import type { StatLine } from '../../src/observe/stat-line.ts';
import { toStatLine } from '../support/proc-tree.ts';
import { createScanner, findProcess, useProcTree } from './scan-tree.ts';

const tree = useProcTree();

const PROC = '/proc';
/** A pid of two processes one after the other; only the directories are real. */
const PID = 8;

const children = ['60', '61'].map((seconds) => spawn('sleep', [seconds], { stdio: 'ignore' }));
afterAll(() => children.map((child) => child.kill('SIGKILL')));

function read(directory: string): { stat: StatLine; read: LinksRead } {
  const links = createLinkReader(PROC, createProcReader());
  const stat = links.readStat(directory);
  if (stat === null || isRefusal(stat)) {
    throw new Error(`${directory} has no stat line`);
  }
  const linksRead = links.readLinks(directory, stat);
  if (linksRead === null) {
    throw new Error(`${directory} is gone`);
  }
  return { stat, read: linksRead };
}

function directoryOf(child: ChildProcess | undefined): string {
  return `${PROC}/${child?.pid}`;
}

/** Looks at a process and remembers it, as the first scan does. */
function lookAndRemember(memory: ProcessMemory, directory: string): void {
  memory.nextScan();
  const sighting = memory.look(PID, directory);
  if (sighting === null) {
    throw new Error(`${PROC} does not tell processes apart`);
  }
  expect(sighting.recalled).toBeNull();
  memory.remember(PID, sighting, read(directory));
}

describe('a process is remembered', () => {
  const first = directoryOf(children[0]);
  const second = directoryOf(children[1]);

  test('while it lives, for seven scans of eight', () => {
    const memory = createProcessMemory(PROC);
    lookAndRemember(memory, first);
    const recalled: boolean[] = [];
    for (let scan = 0; scan < 16; scan += 1) {
      memory.nextScan();
      recalled.push(memory.look(PID, first)?.recalled !== null);
      const sighting = memory.look(PID, first);
      if (sighting && !sighting.recalled) {
        memory.remember(PID, sighting, read(first));
      }
    }
    expect(recalled.filter(Boolean)).toHaveLength(14);
  });

  test('and not taken for the next one that gets its pid', () => {
    const memory = createProcessMemory(PROC);
    lookAndRemember(memory, first);
    memory.nextScan();
    expect(memory.look(PID, first)?.recalled).not.toBeNull();
    expect(memory.look(PID, second)?.recalled).toBeNull();
  });

  test('and forgotten when a scan did not see it', () => {
    const memory = createProcessMemory(PROC);
    lookAndRemember(memory, first);
    memory.nextScan();
    memory.nextScan();
    expect(memory.look(PID, first)?.recalled).toBeNull();
  });

  test('never as a zombie or one that could not be read: those are read in full each time', () => {
    for (const change of [
      { isZombie: true },
      { refusal: { reason: 'EACCES', path: `${first}/ns/net` } },
    ]) {
      const memory = createProcessMemory(PROC);
      lookAndRemember(memory, first);
      const sighting = memory.look(PID, first);
      const known = read(first);
      if (sighting) {
        memory.remember(PID, sighting, { ...known, read: { ...known.read, ...change } });
      }
      memory.nextScan();
      expect(memory.look(PID, first)?.recalled).toBeNull();
    }
  });

  test('with the number of threads it has now', () => {
    const memory = createProcessMemory(PROC);
    memory.nextScan();
    const own = `${PROC}/${process.pid}`;
    const sighting = memory.look(PID, own);
    const known = read(own);
    expect(known.stat.threadCount).toBeGreaterThan(1);
    if (sighting) {
      memory.remember(PID, sighting, { ...known, stat: { ...known.stat, threadCount: 99 } });
    }
    memory.nextScan();
    const threadCount = memory.look(PID, own)?.recalled?.stat.threadCount;
    expect(threadCount).toBeGreaterThan(1);
    expect(threadCount).toBeLessThan(99);
  });
});

test('on another file system nothing is remembered: it may give an inode to the next process at once', () => {
  tree.addProcess(10, { comm: 'before' });
  expect(createProcessMemory(tree.root).look(10, `${tree.root}/10`)).toBeNull();
  const scanner = createScanner(tree);
  scanner.scan();
  tree.write('10/stat', toStatLine(10, { comm: 'after', startTimeTicks: 2_000 }));
  expect(findProcess(scanner.scan(), 10)).toMatchObject({ comm: 'after', startTimeTicks: 2_000 });
});
