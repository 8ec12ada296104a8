/**
 * The kernel event source: what the kernel says about namespaces and who is in them, at the moment it
 * happens, with every loss counted.
 *
 * The owner calls `pump` often, which only copies, and `take` when it has time, which decodes. Attach first,
 * then look at what is there: what happens meanwhile is in the records.
 */
import type { InitialNamespaces } from '../domain/initial-namespaces.ts';
import {
  KERNEL_STREAMS,
  type BirthRecord,
  type KernelNamespace,
  type KernelRecord,
  type KernelStream,
} from '../domain/kernel-record.ts';
import { NAMESPACE_TYPES } from '../domain/namespace-type.ts';
import { findBpfObject } from './bpf-object.ts';
import { openBaseNote } from './kernel-bases.ts';
import { openCpuStates, type CpuStates } from './kernel-cpus.ts';
import { createKernelDecoder, type KernelDecoder } from './kernel-decode.ts';
import { createFactTexts } from './kernel-facts.ts';
import { openForgettingNote, type ForgettingNote } from './kernel-forgetting.ts';
import type { HookState, KernelProfile } from './kernel-hooks.ts';
import { createLifeKeeper } from './kernel-keep.ts';
import type { LossWatchStart } from './kernel-losses.ts';
import { createKernelMaps, type KernelMaps } from './kernel-maps.ts';
import { createMissWatch } from './kernel-missed.ts';
import { proveHooks } from './kernel-proof.ts';
import { createPump, type Pumped } from './kernel-pump.ts';
import { createKernelQueue, type KernelQueue } from './kernel-queue.ts';
import type { ReaderState } from './kernel-reader.ts';
import { openKernelRing, type KernelRing } from './kernel-ring.ts';
import { openSession, type Host, type KernelSession } from './kernel-session.ts';
import { openLibbpf, type ProgramInfo } from './libbpf.ts';
import { messageOf, openLibc } from './libc.ts';

export interface KernelEventsOptions {
  /** `auto`: the first that this kernel allows. */
  readonly profile: 'auto' | KernelProfile;
  /** Tasks that are only in these emit nothing, unless `emitInitial`. */
  readonly initial: InitialNamespaces;
  readonly procRoot: string;
  /** Of the boot: where the boot clock's zero is on the host timeline. */
  readonly anchorUs: number;
  /** A directory in a bpffs, made if need be; null to pin nothing. */
  readonly pinDirectory: string | null;
  /** Powers of two, and multiples of the page size. Taken-over rings stay as they are. */
  readonly ringBytes?: { readonly life: number; readonly holders: number };
  readonly emitInitial: boolean;
  /** Where the log stood when this run opened it: see KernelEvents.willForget. 0 unless told. */
  readonly recordedPosition?: number;
  /** The compiled BPF object, where it is not in its usual place. */
  readonly objectPath?: string;
}

export interface StreamStats {
  readonly ringBytes: number;
  /** Made by the kernel, delivered or not. */
  readonly recordCount: number;
  /** Told by `lost` records so far. */
  readonly lostCount: number;
}

export interface KernelEventsStats {
  readonly streams: Readonly<Record<KernelStream, StreamStats>>;
  /** Births that did not fit into the map of live namespaces. */
  readonly liveMapFullCount: number;
  readonly liveCount: number;
  /** By hook. */
  readonly programs: readonly (ProgramInfo & { readonly hook: string })[];
}

export interface KernelEvents {
  readonly profile: KernelProfile;
  readonly hooks: readonly HookState[];
  /** On the host timeline; for a takeover, when it was taken over. */
  readonly attachedAtUs: number;
  /** Goes on with the rings of an earlier run. What that run had read and not stored is only in `recover`. */
  readonly isTakenOver: boolean;
  /** Why not a higher profile of those allowed, a sentence each; empty after a takeover, which did not try. */
  readonly refusals: readonly string[];
  /** About pins, what was wanted and is not there, and what was removed; and about hooks that nothing proves. */
  readonly notices: readonly string[];
  /** Copies what the rings hold into memory. */
  pump(): void;
  /** Records in memory that were not taken yet. */
  readonly pendingCount: number;
  /** About `max` records, and then what was lost up to there. Records of the last 2 ms wait for the next pump. */
  take(max: number): KernelRecord[];
  /** Every namespace that was born while we watched and is not known to be gone, by time. */
  recover(): BirthRecord[];
  /**
   * Says that these are there, from a look at the host after the open: only of namespaces it knows does the
   * trampoline profile tell the end. Those that the kernel gave an id must come with it.
   */
  remember(namespaces: readonly KernelNamespace[]): void;
  /**
   * Says that `forget` will be called for these as soon as the log has reached the position. Whoever takes over
   * from a run that was killed in between does it then, or tells of them anew where the log did not get there.
   */
  willForget(namespaces: readonly KernelNamespace[], position: number): void;
  /** Says that these are gone. Needed where the profile has no hook for ends. */
  forget(namespaces: readonly KernelNamespace[]): void;
  stats(): KernelEventsStats;
  /**
   * Records that were pumped and not taken are given up. With pins kept the kernel goes on collecting.
   * Afterwards pump and take find nothing; the rest must not be called.
   */
  close(options: { readonly keepPins: boolean }): void;
}

const NS_PER_US = 1_000n;

/** Attaches to the kernel, or says in one sentence what is missing. */
export function openKernelEvents(
  options: KernelEventsOptions,
): { readonly events: KernelEvents } | { readonly refusal: string } {
  const objectPath = options.objectPath ?? findBpfObject();
  if (typeof objectPath !== 'string') {
    return { refusal: objectPath.missing };
  }
  const [libc, libbpf] = [openLibc(), openLibbpf()];
  if ('missing' in libc) {
    return { refusal: libc.missing };
  }
  if ('missing' in libbpf) {
    return { refusal: libbpf.missing };
  }
  return openProved({ libc, libbpf }, options, objectPath, []);
}

/** Opens, and opens again without the hooks that the canary found silent. */
function openProved(
  host: Host,
  options: KernelEventsOptions,
  objectPath: string,
  silent: readonly string[],
): { readonly events: KernelEvents } | { readonly refusal: string } {
  const session = openSession(host, {
    profiles: options.profile === 'auto' ? ['trampoline', 'tracepoint'] : [options.profile],
    objectPath,
    pinDirectory: options.pinDirectory,
    procRoot: options.procRoot,
    ringBytes: options.ringBytes ?? null,
    silent,
    configure: (maps, plan) => {
      createKernelMaps(host.libbpf, maps).configure(
        NAMESPACE_TYPES.map((type) => options.initial[type] ?? 0),
        options.emitInitial,
        plan,
      );
    },
  });
  if ('refusal' in session) {
    return session;
  }
  try {
    const events = createKernelEvents(host, options, session);
    if (session.profile === 'tracepoint' || session.isTakenOver || silent.length > 0) {
      return { events };
    }
    const proof = proveHooks({ ...host, procRoot: options.procRoot }, events);
    if (proof.silent.length === 0) {
      return { events: proof.events };
    }
    events.close({ keepPins: false });
    return openProved(host, options, objectPath, proof.silent);
  } catch (error) {
    session.close({ keepPins: false });
    return { refusal: `The rings for kernel events cannot be read (${messageOf(error)}).` };
  }
}

function createKernelEvents(
  host: Host,
  options: KernelEventsOptions,
  session: KernelSession,
): KernelEvents {
  const { libc, libbpf } = host;
  const { reader, maps } = session;
  const { anchorUs } = options;
  const attachedAtUs = anchorUs + Number(libc.bootNs() / NS_PER_US);
  const kernelMaps = createKernelMaps(libbpf, maps);
  const cpus = openCpuStates(libc, maps.cpus, libbpf.mapEntriesMax(maps.cpus));
  const note = openForgettingNote(libc, maps.forgetting);
  if (session.isTakenOver) {
    cpus.forgetTold();
    goOn(kernelMaps, note.read(), options.recordedPosition ?? 0);
  }
  reader.claim(options.procRoot);
  const rings = { life: openRing(host, maps.life), holders: openRing(host, maps.holders) };
  const starts = findStarts(host, session, cpus);
  const decoder = createKernelDecoder(anchorUs, createFactTexts(options.procRoot));
  const toldCounts = { life: reader.toldLost('life'), holders: reader.toldLost('holders') };
  const bases = openBaseNote(libc, maps.bases, libbpf.mapEntriesMax(maps.bases));
  const repeats = { bases: bases.read(), taken: cpus.readTaken() };
  const queue = createKernelQueue(decoder, { anchorUs, starts, toldCounts, repeats });
  const live = session.profile === 'tracepoint' ? maps.live : null;
  const keeper = createLifeKeeper(libbpf, live, bases, repeats);
  const pumped = { rings, cpus, keeper, queue };
  const missed = { startNs: starts.life.at, anchorUs };
  const missWatch = createMissWatch(libbpf, session.programs, reader, missed);
  const pump = createPump(host, session, pumped, missWatch.look);
  // The rings and the reader map are memory that close takes away.
  let isClosed = false;
  return {
    profile: session.profile,
    hooks: session.hooks,
    attachedAtUs,
    isTakenOver: session.isTakenOver,
    refusals: session.refusals,
    notices: session.notices,
    pump: () => (isClosed ? undefined : pump()),
    get pendingCount() {
      return queue.pendingCount;
    },
    take: (max) => (isClosed ? [] : [...takeFrom(queue, reader, max), ...missWatch.take()]),
    recover: () => recover(kernelMaps, decoder),
    remember(namespaces) {
      if (session.profile === 'trampoline') {
        kernelMaps.remember(namespaces);
      }
    },
    willForget: (namespaces, position) => note.write(namespaces, position),
    forget: (namespaces) => kernelMaps.forget(namespaces),
    stats: () => readStats(libbpf, session, kernelMaps, pumped),
    close({ keepPins }) {
      if (isClosed) {
        return;
      }
      isClosed = true;
      [rings.life, rings.holders, note, bases, cpus].forEach((mapped) => mapped.close());
      session.close({ keepPins });
    },
  };
}

/** What is final, and what was lost up to there, which whoever takes over need not tell again. */
function takeFrom(queue: KernelQueue, reader: ReaderState, max: number): KernelRecord[] {
  const records = queue.take(max);
  for (const stream of KERNEL_STREAMS) {
    reader.setToldLost(stream, queue.lostCounts[stream]);
  }
  return records;
}

/** What the run before was about to forget is forgotten now, if the log got as far as that. */
function goOn(
  maps: KernelMaps,
  { position, keys }: ReturnType<ForgettingNote['read']>,
  recordedPosition: number,
): void {
  maps.forgetTold();
  maps.forgetKeys(position <= recordedPosition ? keys : []);
}

function openRing({ libc, libbpf }: Host, fd: number): KernelRing {
  return openKernelRing(libc, fd, libbpf.mapEntriesMax(fd));
}

function findStarts(host: Host, session: KernelSession, cpus: CpuStates) {
  return {
    life: findStart(host, session, cpus, 'life'),
    holders: findStart(host, session, cpus, 'holders'),
  };
}

/** A takeover goes on where the numbers stand; what was lost before and never told is known as a count only. */
function findStart(
  { libc }: Host,
  { isTakenOver, reader }: KernelSession,
  cpus: CpuStates,
  stream: KernelStream,
): LossWatchStart {
  const until = Number(libc.bootNs());
  if (!isTakenOver) {
    return { at: until, seqs: [], lostCount: 0, until };
  }
  return {
    at: reader.lastPumpNs,
    seqs: cpus.readSeqs(stream),
    lostCount: Math.max(0, cpus.readDroppedCount(stream) - reader.toldLost(stream)),
    until,
  };
}

function recover(maps: KernelMaps, decoder: KernelDecoder): BirthRecord[] {
  const births = maps.readLive().flatMap(({ value }) => {
    const bytes = Buffer.from(value);
    const words = new Uint32Array(new Uint8Array(value).buffer);
    return decoder.decodeRecovered({ words, bytes }, 0) ?? [];
  });
  return births.toSorted((left, right) => left.atUs - right.atUs);
}

function readStats(
  libbpf: Host['libbpf'],
  session: KernelSession,
  maps: KernelMaps,
  { rings, cpus, keeper, queue }: Pumped,
): KernelEventsStats {
  const readStream = (stream: KernelStream): StreamStats => ({
    ringBytes: rings[stream].sizeBytes,
    recordCount: cpus.readSeqs(stream).reduce((sum, seq) => sum + seq, 0),
    lostCount: queue.lostCounts[stream],
  });
  return {
    streams: { life: readStream('life'), holders: readStream('holders') },
    liveMapFullCount: maps.readLiveFullCount() + keeper.missedCount,
    liveCount: maps.readLive().length,
    programs: session.programs.map(({ name, fd }) => ({ hook: name, ...libbpf.programInfo(fd) })),
  };
}
