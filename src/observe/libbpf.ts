/**
 * The part of libbpf 1.x that we call, through koffi: objects, programs, maps, links, iterators, pins.
 *
 * Conventions of libbpf 1.x: a function that returns a pointer returns NULL and sets errno; one that
 * returns int returns a negative errno. Both become a KernelCallError here. What libbpf prints is kept and
 * put into that error, because the verifier's verdict is only there.
 *
 * Source: libbpf.h, bpf.h, btf.h of libbpf 1.1; include/uapi/linux/bpf.h.
 */
import { lazily } from './lazily.ts';
import { bindCalls, type LibbpfCalls } from './libbpf-calls.ts';
import { createMapAccess, type MapAccess } from './libbpf-maps.ts';
import {
  KernelCallError,
  messageOf,
  openLibc,
  type Libc,
  type Missing,
  type Pointer,
} from './libc.ts';

export interface BpfLink {
  /** Of the link; an iterator is created from it. */
  readonly fd: number;
  /** Keeps the link in bpffs beyond this process. Throws KernelCallError. */
  pin(path: string): void;
  /** Detaches, unless it is pinned. */
  destroy(): void;
}

export interface BpfProgram {
  /** Name of the C function. */
  readonly name: string;
  /** As in SEC(), for example `tp_btf/sys_exit`. */
  readonly section: string;
  /** False keeps it out of the next load. */
  setAutoload(isLoaded: boolean): void;
  /** -1 while it is not loaded. */
  fd(): number;
  /** Keeps the loaded program in bpffs beyond this process. Throws KernelCallError. */
  pin(path: string): void;
  /** Attaches by its section. Throws KernelCallError. */
  attach(): BpfLink;
  /** Attaches an iterator program to all tasks of the host. Throws KernelCallError. */
  attachIterator(): BpfLink;
}

export interface BpfMap {
  readonly name: string;
  /** -1 while the object is not loaded. */
  fd(): number;
  /** False keeps it out of the next load; programs that use it then cannot be loaded. */
  setAutocreate(isCreated: boolean): void;
  /** Before the load only. For a ring buffer the number of bytes: a power of two, and a multiple of the page size. */
  setMaxEntries(count: number): void;
  /** Before the load only: use this map instead of a new one. libbpf keeps a descriptor of its own. */
  reuse(fd: number): void;
  /** Keeps the map in bpffs beyond this process. Throws KernelCallError. */
  pin(path: string): void;
}

export interface BpfObject {
  readonly programs: readonly BpfProgram[];
  readonly maps: readonly BpfMap[];
  /** Throws KernelCallError; its message ends with the last lines libbpf and the verifier printed. */
  load(): void;
  /** Frees maps and programs that nothing else holds. Links made from it must be destroyed before. */
  close(): void;
}

export interface TestRun {
  /** What the program returned. */
  readonly returned: number;
}

/** The numbers that the kernel keeps for one loaded program. */
export interface ProgramInfo {
  /** Runs that the kernel skipped because the program was running on that CPU already. 0 before Linux 5.12. */
  readonly missedRuns: number;
  /** Only counted while kernel.bpf_stats_enabled is on. */
  readonly runCount: number;
  readonly runTimeNs: number;
}

export interface Libbpf extends MapAccess {
  /** Reads a compiled object. Nothing is loaded yet. Throws KernelCallError. */
  openObject(path: string): BpfObject;
  /** A descriptor that reads what the iterator prints; read and close it with node:fs. Throws KernelCallError. */
  createIterator(link: BpfLink): number;
  /** A descriptor of what is pinned there, or null where nothing is. Throws KernelCallError. */
  getPinned(path: string): number | null;
  /** Runs a SEC("syscall") program once with `context` as its in and out argument. Throws KernelCallError. */
  testRun(programFd: number, context: Buffer): TestRun;
  programInfo(programFd: number): ProgramInfo;
  /** The max_entries of a map: for a ring buffer its bytes. */
  mapEntriesMax(mapFd: number): number;
  /** How many slots a value of a per-CPU map has. Throws KernelCallError. */
  possibleCpus(): number;
  /** Whether the running kernel has a function of this exact name in its BTF. False without BTF. */
  hasKernelFunction(name: string): boolean;
  /** The last lines that libbpf printed, and forgets them. */
  takeLog(): string;
}

const ENOENT = 2;
const BTF_KIND_FUNC = 12;
const LOG_LINES = 12;
const LOG_TEXT_BYTES = 1 << 20;
/** Of struct bpf_prog_info: its size, and where the counters are. */
export const PROGRAM_INFO = { bytes: 232, runTimeNs: 192, runCount: 200, missedRuns: 208 } as const;
/** Of struct bpf_map_info, as far as it is read. */
const MAP_INFO = { bytes: 40, entriesMax: 16 } as const;
/** Of struct bpf_test_run_opts: its size, and the fields that are used. */
const TEST_RUN = { bytes: 80, contextIn: 32, contextInBytes: 48, returned: 56 } as const;

let opened: Libbpf | Missing | undefined;

/** libbpf as this host has it, or what is missing. The answer is remembered. */
export function openLibbpf(): Libbpf | Missing {
  opened ??= load();
  return opened;
}

function load(): Libbpf | Missing {
  const libc = openLibc();
  if ('missing' in libc) {
    return libc;
  }
  try {
    return createLibbpf(libc, bindCalls(libc.koffi));
  } catch (error) {
    return { missing: `libbpf.so.1 cannot be used (${messageOf(error)}).` };
  }
}

function createLibbpf(libc: Libc, calls: LibbpfCalls): Libbpf {
  const log = captureLog(libc, calls);
  const kernelTypes = lazily(() => calls.loadKernelTypes());
  const check = (call: string, result: number): number => {
    if (result < 0) {
      throw new KernelCallError(call, result, log.take());
    }
    return result;
  };
  const checkPointer = (call: string, pointer: Pointer | null): Pointer => {
    if (pointer === null) {
      throw new KernelCallError(call, libc.errno(), log.take());
    }
    return pointer;
  };
  const context: Context = { calls, check, checkPointer };
  return {
    ...createMapAccess(calls),
    openObject: (path) => wrapObject(context, checkPointer('open', calls.openFile(path, null))),
    createIterator: (link) => check('bpf_iter_create', calls.createIterator(link.fd)),
    getPinned(path) {
      const fd = calls.getPinned(path);
      return fd === -ENOENT ? null : check('bpf_obj_get', fd);
    },
    testRun(programFd, argument) {
      const options = Buffer.alloc(TEST_RUN.bytes);
      options.writeBigUInt64LE(BigInt(TEST_RUN.bytes), 0);
      options.writeBigUInt64LE(libc.koffi.address(argument), TEST_RUN.contextIn);
      options.writeUInt32LE(argument.length, TEST_RUN.contextInBytes);
      check('bpf_prog_test_run_opts', calls.testRun(programFd, options));
      return { returned: options.readUInt32LE(TEST_RUN.returned) };
    },
    programInfo(programFd) {
      const info = Buffer.alloc(PROGRAM_INFO.bytes);
      check('bpf_obj_get_info_by_fd', calls.getInfo(programFd, info, lengthCell(info.length)));
      const read = (offset: number): number => Number(info.readBigUInt64LE(offset));
      return {
        missedRuns: read(PROGRAM_INFO.missedRuns),
        runCount: read(PROGRAM_INFO.runCount),
        runTimeNs: read(PROGRAM_INFO.runTimeNs),
      };
    },
    mapEntriesMax(mapFd) {
      const info = Buffer.alloc(MAP_INFO.bytes);
      check('bpf_obj_get_info_by_fd', calls.getInfo(mapFd, info, lengthCell(info.length)));
      return info.readUInt32LE(MAP_INFO.entriesMax);
    },
    possibleCpus: lazily(() => check('libbpf_num_possible_cpus', calls.possibleCpus())),
    hasKernelFunction(name) {
      const types = kernelTypes();
      return types !== null && calls.findType(types, name, BTF_KIND_FUNC) > 0;
    },
    takeLog: log.take,
  };
}

interface Context {
  readonly calls: LibbpfCalls;
  check(call: string, result: number): number;
  checkPointer(call: string, pointer: Pointer | null): Pointer;
}

function wrapObject(context: Context, object: Pointer): BpfObject {
  const { calls, check } = context;
  return {
    programs: list((last) => calls.nextProgram(object, last)).map((one) =>
      wrapProgram(context, one),
    ),
    maps: list((last) => calls.nextMap(object, last)).map((one) => wrapMap(context, one)),
    load: () => {
      check('bpf_object__load', calls.loadObject(object));
    },
    close: () => calls.closeObject(object),
  };
}

function wrapProgram({ calls, check, checkPointer }: Context, program: Pointer): BpfProgram {
  return {
    name: calls.programName(program),
    section: calls.programSection(program),
    setAutoload: (isLoaded) => {
      check('bpf_program__set_autoload', calls.setAutoload(program, isLoaded));
    },
    fd: () => calls.programFd(program),
    pin: (path) => {
      check('bpf_program__pin', calls.pinProgram(program, path));
    },
    attach: () =>
      wrapLink({ calls, check, checkPointer }, checkPointer('attach', calls.attach(program))),
    attachIterator: () =>
      wrapLink(
        { calls, check, checkPointer },
        checkPointer('bpf_program__attach_iter', calls.attachIterator(program, null)),
      ),
  };
}

function wrapMap({ calls, check }: Context, map: Pointer): BpfMap {
  return {
    name: calls.mapName(map),
    fd: () => calls.mapFd(map),
    setAutocreate: (isCreated) => {
      check('bpf_map__set_autocreate', calls.setAutocreate(map, isCreated));
    },
    setMaxEntries: (count) => {
      check('bpf_map__set_max_entries', calls.setMaxEntries(map, count));
    },
    reuse: (fd) => {
      check('bpf_map__reuse_fd', calls.reuseMap(map, fd));
    },
    pin: (path) => {
      check('bpf_map__pin', calls.pinMap(map, path));
    },
  };
}

function wrapLink({ calls, check }: Context, link: Pointer): BpfLink {
  return {
    fd: calls.linkFd(link),
    pin: (path) => {
      check('bpf_link__pin', calls.pinLink(link, path));
    },
    destroy: () => {
      calls.destroyLink(link);
    },
  };
}

/** Keeps the warnings of libbpf instead of letting it print them to stderr. */
function captureLog(libc: Libc, calls: LibbpfCalls): { take(): string } {
  let lines: string[] = [];
  calls.setPrint((level, format, values) => {
    if (level === 0) {
      const text = libc.formatText(format, values, LOG_TEXT_BYTES);
      lines = [...lines, ...text.split('\n').filter((line) => line !== '')].slice(-LOG_LINES);
    }
    return 0;
  });
  return {
    take() {
      const text = lines.join('\n');
      lines = [];
      return text;
    },
  };
}

function list(next: (last: Pointer | null) => Pointer | null): Pointer[] {
  const found: Pointer[] = [];
  for (let item = next(null); item !== null; item = next(item)) {
    found.push(item);
  }
  return found;
}

function lengthCell(length: number): Buffer {
  const cell = Buffer.alloc(4);
  cell.writeUInt32LE(length);
  return cell;
}
