/**
 * The few calls of the C library that Node does not offer, through koffi.
 *
 * koffi is loaded when it is first needed, so that a host without it can still run what needs no kernel
 * access. A pointer is an address as bigint, or null. Everything is synchronous: a call costs well under a
 * microsecond of its own.
 *
 * Source: mmap(2), clock_gettime(2), open_by_handle_at(2), ioctl(2), readlink(2), statx(2),
 * syscall(2), vsnprintf(3).
 */
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import type * as Koffi from 'koffi';

export type Pointer = bigint;

/** Why something cannot be had on this host, as one sentence. */
export interface Missing {
  readonly missing: string;
}

/** A call that the kernel, libc or libbpf refused. */
export class KernelCallError extends Error {
  /** The errno name, for example `EPERM`. */
  readonly code: string;
  /** The function that failed. */
  readonly call: string;

  constructor(call: string, errno: number, detail = '') {
    const code = nameErrno(errno);
    super(`${call}: ${code}${detail === '' ? '' : ` (${detail})`}`);
    this.name = 'KernelCallError';
    this.code = code;
    this.call = call;
  }
}

/** Memory shared with the kernel. `bytes` must not be touched after `unmap`. */
export interface Mapping {
  readonly bytes: Buffer;
  readonly pointer: Pointer;
  unmap(): void;
}

export interface Libc {
  readonly koffi: typeof Koffi;
  /** The errno of the last call through koffi. */
  errno(): number;
  /** Maps a file descriptor, shared. Offset in bytes, a multiple of the page size. Throws KernelCallError. */
  map(fd: number, offset: number, length: number, access: 'read' | 'write'): Mapping;
  readonly pageBytes: number;
  /** CLOCK_BOOTTIME in nanoseconds: the clock of every kernel record. */
  bootNs(): bigint;
  /**
   * A descriptor for the file that `handle` (a struct file_handle) names, or a negative errno. The caller
   * closes it, with closeSync of node:fs.
   */
  openByHandleAt(mountFd: number, handle: Buffer, flags: number): number;
  /** ioctl(2): its result, or a negative errno. `buffer` is what the request reads or writes. */
  ioctl(fd: number, request: number, buffer: Buffer | null): number;
  /**
   * Where the bytes of a buffer are, for calls that are made too often to look it up each time. They stay there as long as
   * the buffer is used, if it has more than 64: V8 moves smaller ones. A number, which a call takes faster than a bigint.
   */
  addressOf(buffer: Buffer): number;
  /** readlink(2): how many bytes of what the link says it put there, at most `size`, or a negative errno. */
  readLink(path: number, to: number, size: number): number;
  /** statx(2) of a path, to where there are 256 bytes: 0, or a negative errno. `mask` says which fields are wanted. */
  statx(path: number, mask: number, to: number): number;
  /** Any other system call with up to four integer arguments: its result, or a negative errno. */
  systemCall(number: number, ...parameters: (number | bigint)[]): number;
  /**
   * Calls a function of libc with one integer in a child process of its own, which then ends, and waits for
   * it. Nothing of ours runs in the child. Answers the child's pid and exit status, or the errno.
   */
  callInChild(
    name: string,
    argument: number,
  ): { readonly pid: number; readonly status: number } | { readonly errno: number };
  /** The text of a printf format and its va_list, as a C callback receives them, at most `limit` bytes. */
  formatText(format: Pointer, list: Pointer, limit: number): string;
}

/** PATH_MAX of the kernel, with the zero byte at the end. */
export const PATH_BYTES = 4_096;

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const CLOCK_BOOTTIME = 7;
const AT_FDCWD = -100;
const TIMESPEC_BYTES = 16;
const NS_PER_S = 1_000_000_000n;
const CHILD_STACK_BYTES = 65_536;
const STACK_ALIGNMENT = 16n;
/** Waits for children that end without a signal, too. */
const WAIT_ALL = 0x4000_0000;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

let opened: Libc | Missing | undefined;

/** libc as this process has it, or what is missing. The answer is remembered. */
export function openLibc(): Libc | Missing {
  opened ??= load();
  return opened;
}

/** Two numbers have two names; these are the ones that Linux goes by. */
const PREFERRED_NAMES = ['EAGAIN', 'EOPNOTSUPP'] as const;
const ERRNO_NAMES = new Map<number, string>([
  ...Object.entries(constants.errno).map(([name, value]) => [value, name] as const),
  ...PREFERRED_NAMES.map((name) => [constants.errno[name], name] as const),
]);

/** The errno name for a number of either sign, or the number itself where the C library has no name for it. */
export function nameErrno(errno: number): string {
  return ERRNO_NAMES.get(Math.abs(errno)) ?? `errno ${Math.abs(errno)}`;
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function load(): Libc | Missing {
  let koffi: typeof Koffi;
  try {
    koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
  } catch (error) {
    const [line = ''] = messageOf(error).split('\n');
    return { missing: `The npm package koffi does not load here (${line}).` };
  }
  try {
    return bind(koffi);
  } catch (error) {
    return { missing: `The C library lacks what kernel access needs (${messageOf(error)}).` };
  }
}

function createChildCall(koffi: typeof Koffi, library: Koffi.LibraryHandle): Libc['callInChild'] {
  const clone = library.func('int clone(void *, void *, int, int64_t)');
  const waitFor = library.func('int waitpid(int, uint8_t *, int)');
  return (name, argument) => {
    const stack = koffi.alloc('uint8_t', CHILD_STACK_BYTES) as Pointer;
    const end = stack + BigInt(CHILD_STACK_BYTES);
    try {
      // No flags: a copy of this process that shares nothing with it, and no signal when it ends.
      const pid = clone(library.symbol(name), end - (end % STACK_ALIGNMENT), 0, argument) as number;
      if (pid < 0) {
        return { errno: koffi.errno() };
      }
      const status = Buffer.alloc(4);
      waitFor(pid, status, WAIT_ALL);
      return { pid, status: status.readInt32LE() };
    } finally {
      koffi.free(stack);
    }
  };
}

function bind(koffi: typeof Koffi): Libc {
  const library = koffi.load(null);
  const map = library.func('void *mmap(void *, size_t, int, int, int, int64_t)');
  const unmap = library.func('int munmap(void *, size_t)');
  const clockGettime = library.func('int clock_gettime(int, uint8_t *)');
  const openByHandle = library.func('int open_by_handle_at(int, uint8_t *, int)');
  const ioctl = library.func('int ioctl(int, unsigned long, uint8_t *)');
  // No text takes more than the 31 bits of an int.
  const readLink = library.func('int readlink(uintptr_t, uintptr_t, size_t)');
  const statx = library.func('int statx(int, uintptr_t, int, unsigned int, uintptr_t)');
  const systemCall = library.func('int64_t syscall(int64_t, int64_t, int64_t, int64_t, int64_t)');
  const format = library.func('int vsnprintf(uint8_t *, size_t, void *, void *)');
  const timespec = Buffer.alloc(TIMESPEC_BYTES);

  return {
    koffi,
    pageBytes: library.func('int getpagesize(void)')() as number,
    errno: () => koffi.errno(),
    map(fd, offset, length, access) {
      const protection = access === 'write' ? PROT_READ | PROT_WRITE : PROT_READ;
      const pointer = map(null, length, protection, MAP_SHARED, fd, offset) as Pointer | null;
      if (pointer === null || BigInt.asUintN(64, pointer) === MAP_FAILED) {
        throw new KernelCallError('mmap', koffi.errno());
      }
      return {
        bytes: Buffer.from(koffi.view(pointer, length)),
        pointer,
        unmap: () => unmap(pointer, length),
      };
    },
    bootNs() {
      clockGettime(CLOCK_BOOTTIME, timespec);
      return timespec.readBigInt64LE(0) * NS_PER_S + timespec.readBigInt64LE(8);
    },
    openByHandleAt(mountFd, handle, flags) {
      const fd = openByHandle(mountFd, handle, flags) as number;
      return fd < 0 ? -koffi.errno() : fd;
    },
    ioctl(fd, request, buffer) {
      const result = ioctl(fd, request, buffer) as number;
      return result < 0 ? -koffi.errno() : result;
    },
    addressOf: (buffer) => Number(koffi.address(buffer)),
    readLink(path, to, size) {
      const length = readLink(path, to, size) as number;
      return length < 0 ? -koffi.errno() : length;
    },
    statx: (path, mask, to) =>
      (statx(AT_FDCWD, path, 0, mask, to) as number) < 0 ? -koffi.errno() : 0,
    systemCall(number, first = 0, second = 0, third = 0, fourth = 0) {
      const result = Number(systemCall(number, first, second, third, fourth));
      return result < 0 ? -koffi.errno() : result;
    },
    callInChild: createChildCall(koffi, library),
    formatText(text, list, limit) {
      const buffer = Buffer.alloc(limit);
      const length = format(buffer, limit, text, list) as number;
      return buffer.toString('utf8', 0, Math.max(0, Math.min(length, limit - 1)));
    },
  };
}
