/**
 * Fake proc trees: real directories, files and symbolic links in a temporary directory, for what a
 * kernel does not produce on demand (odd names, old kernels, half-vanished processes).
 *
 * Namespace links are dangling symbolic links, as they look to readlink: code that opened or statted
 * one would find nothing.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  INITIAL_INUMS,
  NAMESPACE_TYPES,
  type NamespaceType,
} from '../../src/domain/namespace-type.ts';

export interface FakeTask {
  readonly comm?: string | Buffer;
  readonly state?: string;
  readonly ppid?: number;
  readonly threadCount?: number;
  readonly startTimeTicks?: number;
  /** inum by type where it is not the initial namespace; null for a link that is not there. */
  readonly links?: Partial<Record<NamespaceType, number | null>>;
  /** inum of what children get, by default the own namespace; null for a link that is not there. */
  readonly forChildren?: { readonly pid?: number | null; readonly time?: number | null };
  /** Targets by name in the fd directory. */
  readonly descriptors?: Readonly<Record<string, string>>;
}

export interface FakeProcess extends FakeTask {
  readonly mountinfo?: string | Buffer;
  /** Its root directory, `/` unless it is in a chroot. */
  readonly root?: string;
  /** By file name; null leaves the file out. */
  readonly files?: Readonly<Record<string, string | null>>;
  readonly exe?: string | null;
  /** Other threads than the leader, by tid. */
  readonly threads?: Readonly<Record<number, FakeTask & { readonly mountinfo?: string }>>;
}

export interface ProcTree {
  /** What goes where a scanner wants its procRoot. */
  readonly root: string;
  addProcess(pid: number, process?: FakeProcess): void;
  removeProcess(pid: number): void;
  /** Writes any file of the tree, with the directories above it. */
  write(path: string, content: string | Buffer): void;
  link(path: string, target: string): void;
  removeFile(path: string): void;
  /** Takes every permission from a file or directory. Root may read it nevertheless. */
  forbid(path: string): void;
  remove(): void;
}

export function createProcTree(): ProcTree {
  const root = mkdtempSync(join(tmpdir(), 'nsaudit-proc-'));
  // Other users are to find their way in; mkdtemp keeps them out.
  chmodSync(root, 0o755);
  const forbidden: string[] = [];
  const tree: ProcTree = {
    root,
    addProcess(pid, process = {}) {
      addProcess(tree, pid, process);
    },
    removeProcess(pid) {
      rmSync(join(root, String(pid)), { recursive: true });
    },
    write(path, content) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
    },
    link(path, target) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      symlinkSync(target, join(root, path));
    },
    removeFile(path) {
      rmSync(join(root, path));
    },
    forbid(path) {
      chmodSync(join(root, path), 0);
      forbidden.push(path);
    },
    remove() {
      for (const path of forbidden) {
        chmodSync(join(root, path), 0o700);
      }
      rmSync(root, { recursive: true, force: true });
    },
  };
  return tree;
}

/** A stat line as the kernel writes it: 52 fields, of which a scan looks at six. */
export function toStatLine(pid: number, task: FakeTask): Buffer {
  const { comm = 'sleep', state = 'S', ppid = 1, threadCount = 1, startTimeTicks = 1_000 } = task;
  const fields = [state, ppid, pid, pid, 0, -1, 4_194_304];
  // Fields 10 to 19, 20 to 22 and 23 to 52.
  fields.push(...Array.from({ length: 10 }, () => 7), threadCount, 0, startTimeTicks);
  fields.push(...Array.from({ length: 30 }, () => 9));
  return Buffer.concat([
    Buffer.from(`${pid} (`),
    typeof comm === 'string' ? Buffer.from(comm) : comm,
    Buffer.from(`) ${fields.join(' ')}\n`),
  ]);
}

function addProcess(tree: ProcTree, pid: number, process: FakeProcess): void {
  const threads = Object.entries(process.threads ?? {});
  const leader = { threadCount: threads.length + 1, ...process };
  addTask(tree, `${pid}`, pid, leader);
  addTask(tree, `${pid}/task/${pid}`, pid, leader);
  for (const [tid, thread] of threads) {
    addTask(tree, `${pid}/task/${tid}`, Number(tid), {
      threadCount: leader.threadCount,
      ...thread,
    });
    tree.write(`${pid}/task/${tid}/mountinfo`, thread.mountinfo ?? '');
    tree.link(`${pid}/task/${tid}/root`, '/');
  }
  tree.write(`${pid}/mountinfo`, process.mountinfo ?? '');
  tree.link(`${pid}/root`, process.root ?? '/');
  if (process.exe !== null) {
    tree.link(`${pid}/exe`, process.exe ?? '/usr/bin/sleep');
  }
  const files = { ...DEFAULT_FILES, ...process.files };
  for (const [name, content] of Object.entries(files)) {
    if (content !== null) {
      tree.write(`${pid}/${name}`, content);
    }
  }
}

const DEFAULT_FILES = {
  status: 'Name:\tsleep\nUid:\t1000\t0\t0\t0\nGid:\t100\t0\t0\t0\n',
  cgroup: '0::/user.slice\n',
  loginuid: '1000',
  sessionid: '3',
};

function addTask(tree: ProcTree, directory: string, id: number, task: FakeTask): void {
  tree.write(`${directory}/stat`, toStatLine(id, task));
  mkdirSync(join(tree.root, directory, 'ns'), { recursive: true });
  for (const type of NAMESPACE_TYPES) {
    const inum = inumOf(task, type);
    if (inum !== null) {
      tree.link(`${directory}/ns/${type}`, `${type}:[${inum}]`);
    }
  }
  for (const type of ['pid', 'time'] as const) {
    const forChildren = task.forChildren?.[type];
    const inum = forChildren === undefined ? inumOf(task, type) : forChildren;
    if (inum !== null) {
      tree.link(`${directory}/ns/${type}_for_children`, `${type}:[${inum}]`);
    }
  }
  mkdirSync(join(tree.root, directory, 'fd'), { recursive: true });
  for (const [name, target] of Object.entries(task.descriptors ?? {})) {
    tree.link(`${directory}/fd/${name}`, target);
  }
}

function inumOf(task: FakeTask, type: NamespaceType): number | null {
  const inum = task.links?.[type];
  return inum === undefined ? INITIAL_INUMS[type] : inum;
}
