/**
 * The BPF iterators that list tasks and descriptors (bpf/inventory.h) and whose namespaces are
 * (bpf/relations.h): loaded once, read as often as
 * wanted.
 *
 * Nothing stays open between two reads that refers to a namespace: an iterator refers to our own pid
 * namespace while it is read, and to one task at a time.
 *
 * Source: kernel/bpf/bpf_iter.c bpf_seq_read, kernel/bpf/task_iter.c.
 */
import { closeSync, readSync } from 'node:fs';
import { NsauditError } from '../domain/errors.ts';
import { findBpfObject } from './bpf-object.ts';
import { FILE_ROW_WORDS, TASK_ROW_WORDS, type Rows } from './kernel-inventory-rows.ts';
import { RELATION_ROW_WORDS } from './kernel-relation-rows.ts';
import { openLibbpf, type BpfLink, type BpfObject, type Libbpf } from './libbpf.ts';
import { KernelCallError, messageOf, type Missing } from './libc.ts';
import { errnoOf } from './proc-read.ts';

export interface KernelInventory {
  /** One row per process and per thread that may differ from it, in the order of tids. */
  readTasks(): Rows;
  /** One row per descriptor that holds a namespace its process is not in anyway. */
  readFiles(): Rows;
  /**
   * One row per namespace that a task is in or hands down, several times for some, and per one above them.
   * Null where the kernel accepts the other two and not this one.
   */
  readonly readRelations: (() => Rows) | null;
  close(): void;
}

const PROGRAMS = {
  tasks: 'inventory_tasks',
  files: 'inventory_files',
  relations: 'inventory_relations',
} as const;

const WORD_BYTES = 4;
/** 8,000 processes fit at once. The kernel hands out 32 KiB a call. */
const TASK_BUFFER_BYTES = 2 << 20;
const FILE_BUFFER_BYTES = 256 << 10;

/** Loads the iterators and nothing else of the object, or says why the kernel has none for us. */
export function openKernelInventory(): KernelInventory | Missing {
  const path = findBpfObject();
  if (typeof path !== 'string') {
    return path;
  }
  const libbpf = openLibbpf();
  if ('missing' in libbpf) {
    return libbpf;
  }
  const whole = load(libbpf, path, Object.values(PROGRAMS));
  if (!('missing' in whole)) {
    return whole;
  }
  const part = load(libbpf, path, [PROGRAMS.tasks, PROGRAMS.files]);
  return 'missing' in part ? whole : part;
}

function load(libbpf: Libbpf, path: string, wanted: readonly string[]): KernelInventory | Missing {
  let object: BpfObject | undefined;
  const links: BpfLink[] = [];
  const close = (): void => {
    for (const link of links) {
      link.destroy();
    }
    object?.close();
  };
  try {
    object = libbpf.openObject(path);
    for (const program of object.programs) {
      program.setAutoload(wanted.includes(program.name));
    }
    for (const map of object.maps) {
      map.setAutocreate(false);
    }
    object.load();
    const attach = (name: string): BpfLink => {
      const link = object?.programs.find((program) => program.name === name)?.attachIterator();
      if (!link) {
        throw new NsauditError('unavailable', `${path} has no program ${name}.`);
      }
      links.push(link);
      return link;
    };
    const tasks = createRowReader(
      libbpf,
      attach(PROGRAMS.tasks),
      TASK_ROW_WORDS,
      TASK_BUFFER_BYTES,
    );
    const files = createRowReader(
      libbpf,
      attach(PROGRAMS.files),
      FILE_ROW_WORDS,
      FILE_BUFFER_BYTES,
    );
    const relations = wanted.includes(PROGRAMS.relations)
      ? createRowReader(libbpf, attach(PROGRAMS.relations), RELATION_ROW_WORDS, FILE_BUFFER_BYTES)
      : null;
    return { readTasks: tasks, readFiles: files, readRelations: relations, close };
  } catch (error) {
    close();
    return { missing: `The kernel does not list tasks to us (${describeRefusal(error)}).` };
  }
}

/** What libbpf prints matters where a program is at fault, and not where none is allowed. */
function describeRefusal(error: unknown): string {
  return error instanceof KernelCallError && error.code === 'EPERM'
    ? error.code
    : messageOf(error).replaceAll(/\s+/g, ' ');
}

/** Reads into two buffers in turn, so that one reading can be compared with the one before. */
function createRowReader(
  libbpf: Libbpf,
  link: BpfLink,
  rowWords: number,
  firstBytes: number,
): () => Rows {
  let current = Buffer.alloc(firstBytes);
  let other = Buffer.alloc(firstBytes);
  return () => {
    [current, other] = [other, current];
    const fd = libbpf.createIterator(link);
    try {
      let length = 0;
      for (let count = -1; count !== 0;) {
        if (length === current.length) {
          const larger = Buffer.alloc(current.length * 2);
          current.copy(larger);
          current = larger;
        }
        count = readSome(fd, current, length);
        length += count;
      }
      return toRows(current, length / (rowWords * WORD_BYTES));
    } finally {
      closeSync(fd);
    }
  };
}

function toRows(bytes: Buffer, count: number): Rows {
  const { buffer, byteOffset, length } = bytes;
  const words = new Uint32Array(buffer, byteOffset, length / WORD_BYTES);
  const signedWords = new Int32Array(buffer, byteOffset, length / WORD_BYTES);
  return { bytes, words, signedWords, count };
}

/** EAGAIN says that the kernel has passed a million descriptors without a row: it goes on from there. */
function readSome(fd: number, buffer: Buffer, from: number): number {
  for (;;) {
    try {
      return readSync(fd, buffer, from, buffer.length - from, null);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno !== 'EAGAIN' && errno !== 'EINTR') {
        throw new NsauditError('io', `reading the kernel's list of tasks failed (${errno})`, {
          cause: error,
        });
      }
    }
  }
}
