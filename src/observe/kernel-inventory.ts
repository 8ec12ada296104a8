/**
 * The BPF iterators that list tasks, descriptors (bpf/inventory.h), what tasks hold together (bpf/proxies.h)
 * and whose namespaces are (bpf/relations.h): loaded once, read as often as wanted.
 *
 * Nothing stays open between two reads that refers to a namespace: an iterator refers to our own pid
 * namespace while it is read, and to one task at a time.
 *
 * Source: kernel/bpf/bpf_iter.c bpf_seq_read, kernel/bpf/task_iter.c.
 */
import { randomFillSync } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import { NsauditError } from '../domain/errors.ts';
import { findBpfObject } from './bpf-object.ts';
import { FILE_ROW_WORDS, TASK_ROW_WORDS, type Rows } from './kernel-inventory-rows.ts';
import { PROXY_ROW_WORDS } from './kernel-references.ts';
import { RELATION_ROW_WORDS } from './kernel-relation-rows.ts';
import { openLibbpf, type BpfLink, type BpfObject, type Libbpf } from './libbpf.ts';
import { KernelCallError, messageOf, type Missing } from './libc.ts';
import { loadObject } from './load-object.ts';
import { errnoOf } from './proc-read.ts';

export interface KernelInventory {
  /** One row per process and per thread that may differ from it, in the order of tids. */
  readTasks(): Rows;
  /**
   * One row per descriptor of a namespace, and per socket and tun descriptor of a network namespace other
   * than `initialNet`.
   */
  readFiles(initialNet: number): Rows;
  /** At least one row per struct nsproxy but the initial one, see kernel-references.ts. */
  readProxies(): Rows;
  /**
   * One row per namespace that a task is in or hands down, several times for some, and per one above them.
   * Null where the kernel accepts the others and not this one.
   */
  readonly readRelations: (() => Rows) | null;
  close(): void;
}

const PROGRAMS = {
  tasks: 'inventory_tasks',
  files: 'inventory_files',
  proxies: 'inventory_proxies',
  relations: 'inventory_relations',
} as const;

/** `struct inventory_settings`: a key of 16 bytes, then the inum. */
const SETTINGS_MAP = 'inventory_settings';
const SETTINGS = { keyBytes: 16, initialNet: 16, bytes: 24 } as const;

const WORD_BYTES = 4;
/** 8,000 processes fit at once. The kernel hands out 32 KiB a call. */
const TASK_BUFFER_BYTES = 2 << 20;
const OTHER_BUFFER_BYTES = 256 << 10;

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
  const part = load(libbpf, path, [PROGRAMS.tasks, PROGRAMS.files, PROGRAMS.proxies]);
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
    const loaded = loadObject(libbpf, path, (opened) => {
      for (const program of opened.programs) {
        program.setAutoload(wanted.includes(program.name));
      }
      for (const map of opened.maps) {
        map.setAutocreate(map.name === SETTINGS_MAP);
      }
    }).object;
    object = loaded;
    const attach = (name: string): BpfLink => {
      const link = loaded.programs.find((program) => program.name === name)?.attachIterator();
      if (!link) {
        throw new NsauditError('unavailable', `${path} has no program ${name}.`);
      }
      links.push(link);
      return link;
    };
    const read = (name: string, words: number, bytes: number): (() => Rows) =>
      createRowReader(libbpf, attach(name), words, bytes);
    const files = read(PROGRAMS.files, FILE_ROW_WORDS, OTHER_BUFFER_BYTES);
    const settle = createSettings(libbpf, loaded);
    return {
      readTasks: read(PROGRAMS.tasks, TASK_ROW_WORDS, TASK_BUFFER_BYTES),
      readFiles(initialNet) {
        settle(initialNet);
        return files();
      },
      readProxies: read(PROGRAMS.proxies, PROXY_ROW_WORDS, OTHER_BUFFER_BYTES),
      readRelations: wanted.includes(PROGRAMS.relations)
        ? read(PROGRAMS.relations, RELATION_ROW_WORDS, OTHER_BUFFER_BYTES)
        : null,
      close,
    };
  } catch (error) {
    close();
    return { missing: `The kernel does not list tasks to us (${describeRefusal(error)}).` };
  }
}

/** Tells the programs a key of this session, and then which network namespace is the initial one. */
function createSettings(libbpf: Libbpf, object: BpfObject): (initialNet: number) => void {
  const map = object.maps.find(({ name }) => name === SETTINGS_MAP)?.fd() ?? -1;
  const value = Buffer.alloc(SETTINGS.bytes);
  const key = Buffer.alloc(4);
  randomFillSync(value, 0, SETTINGS.keyBytes);
  libbpf.update(map, key, value);
  return (initialNet) => {
    if (value.readUInt32LE(SETTINGS.initialNet) !== initialNet) {
      value.writeUInt32LE(initialNet, SETTINGS.initialNet);
      libbpf.update(map, key, value);
    }
  };
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
