/**
 * Observation of namespaces through procfs: what plain Node can see, with no kernel access beyond files.
 *
 * Holds:     one file per place we look (processes, links, threads, descriptors, mounts), facts, clocks.
 * Promises:  a scan never fails because something ended while it was read, opens a namespace once at most,
 *            to ask it whose it is, and tells what is absent from what could not be read, with numbers and an example.
 * Does not:  decide what a sighting means (domain), run by itself or know where a scan goes (collector).
 * Proved by: test/observe/procfs-scan.test.ts and its neighbours; test/observe/real-proc.test.ts
 */
import type { InitialNamespaces } from '../domain/initial-namespaces.ts';
import { SCAN_SOURCES, type ObservedProcess, type Scan, type ScanSource } from '../domain/scan.ts';
import { createMountsByHelperReader, type MountsByHelperReader } from './mounts-by-helper.ts';
import { createMountsByIdReader, type MountsByIdReader } from './mounts-by-id.ts';
import { createProcReader, type ProcReader } from './proc-read.ts';
import { isNotable, isOutside, type ProcessDraft } from './process-draft.ts';
import { createFactsReader, type FactsReader } from './process-facts.ts';
import { createProcessMemory, type ProcessMemory } from './process-memory.ts';
import { createDescriptorReader, type DescriptorReader } from './procfs-descriptors.ts';
import { createLinkReader, type LinkReader } from './procfs-links.ts';
import { readMounts } from './procfs-mounts.ts';
import { listPids, readProcess } from './procfs-processes.ts';
import { readThreads } from './procfs-threads.ts';
import {
  createRelationReader,
  type RelationReader,
  type RelationsRead,
} from './relation-reader.ts';
import { beginWalk, learnInitial, reportWalk, type Walk } from './scan-walk.ts';

export interface ProcfsScannerOptions {
  /** Where the proc file system is mounted, `/proc` on a host. */
  readonly procRoot: string;
  readonly bootId: string;
  /** Instants on the host timeline, see createTimelineClock. */
  readonly clock: { timelineUs(): number };
}

export interface ProcfsScanner {
  /**
   * One walk over everything, or over the sources asked for and those they stand on: links always,
   * and descriptors with threads, because a thread may hold either way.
   *
   * Throws NsauditError `io` when procRoot cannot be listed or shows no process.
   */
  scan(sources?: readonly ScanSource[]): Scan;
}

/** What is put together once and used by every scan. */
interface Places {
  readonly procRoot: string;
  readonly reader: ProcReader;
  readonly links: LinkReader;
  readonly memory: ProcessMemory;
  readonly descriptors: DescriptorReader;
  readonly facts: FactsReader;
  readonly relations: RelationReader;
  readonly byId: MountsByIdReader;
  readonly byHelper: MountsByHelperReader;
}

interface ProcfsWalk extends Walk {
  /** Null in the first scan, which only learns them. */
  readonly initial: InitialNamespaces | null;
  readonly previous: readonly ObservedProcess[];
}

/** From scan to scan a scanner remembers which namespaces are initial, and facts of living processes. */
export function createProcfsScanner(options: ProcfsScannerOptions): ProcfsScanner {
  const { procRoot, bootId, clock } = options;
  const places = createPlaces(procRoot);
  let initial: InitialNamespaces | null = null;
  let previous: readonly ObservedProcess[] = [];
  return {
    scan(sources = SCAN_SOURCES) {
      const startedAtUs = clock.timelineUs();
      const walk = { ...beginWalk(sources), initial, previous };
      const drafts = readProcesses(places, walk);
      initial = learnInitial(drafts, initial ?? {});
      readThreadsOf(drafts, places, walk);
      readDescriptorsOf(drafts, places, walk);
      addFactsTo(drafts, places, { ...walk, initial });
      // Mounts come last: whoever makes a namespace, mounts it and ends was seen in one place or the other.
      const mounts = walk.covered.includes('mounts')
        ? walk.tallies.mounts.time(() =>
            readMounts(places, { drafts, kernelIds: new Map() }, walk.tallies.mounts),
          )
        : { mountNamespaces: [], nsfsDev: null };
      const processes = drafts.map(({ observed }) => observed);
      previous = processes;
      const related = relate(places, walk, { processes, ...mounts, initial });
      return {
        bootId,
        startedAtUs,
        endedAtUs: clock.timelineUs(),
        ...mounts,
        ...related,
        references: new Map(),
        processes,
        reports: reportWalk(walk),
        covered: walk.covered,
      };
    },
  };
}

function createPlaces(procRoot: string): Places {
  const reader = createProcReader();
  const links = createLinkReader(procRoot, reader);
  const descriptors = createDescriptorReader(links);
  const memory = createProcessMemory(procRoot);
  return {
    procRoot,
    reader,
    links,
    memory,
    descriptors,
    facts: createFactsReader(reader),
    relations: createRelationReader(procRoot),
    byId: createMountsByIdReader(procRoot),
    byHelper: createMountsByHelperReader(procRoot),
  };
}

function relate(
  { relations }: Places,
  { covered, tallies }: Walk,
  looked: Pick<Scan, 'processes' | 'mountNamespaces'> & { readonly initial: InitialNamespaces },
): RelationsRead {
  const kernelIds: Scan['kernelIds'] = new Map();
  return covered.includes('relations')
    ? tallies.relations.time(() => relations.read({ ...looked, kernelIds }, tallies.relations))
    : { relations: new Map(), kernelIds };
}

function readProcesses(places: Places, walk: ProcfsWalk): ProcessDraft[] {
  const { procRoot, memory } = places;
  memory.nextScan();
  const tally = walk.tallies.links;
  const initial = walk.covered.includes('facts') ? walk.initial : null;
  const findPrevious = createLookup(walk.previous);
  const drafts: ProcessDraft[] = [];
  for (const pid of tally.time(() => listPids(procRoot))) {
    const place = { pid, directory: `${procRoot}/${pid}`, findPrevious };
    const draft = tally.time(() => readProcess(places, place, tally));
    if (draft) {
      drafts.push(draft);
      // At once where it can be known: a process that just made a namespace may live a millisecond.
      if (initial && !draft.observed.isZombie && isOutside(draft.observed, initial)) {
        addFacts(draft, places, walk);
      }
    }
  }
  return drafts;
}

function readThreadsOf(drafts: readonly ProcessDraft[], { links }: Places, walk: Walk): void {
  const tally = walk.tallies.threads;
  if (walk.covered.includes('threads')) {
    tally.time(() => {
      for (const draft of drafts) {
        if (draft.threadCount > 1) {
          readThreads(links, draft, tally);
        }
      }
    });
  }
}

function readDescriptorsOf(
  drafts: readonly ProcessDraft[],
  { descriptors }: Places,
  walk: Walk,
): void {
  const tally = walk.tallies.descriptors;
  if (walk.covered.includes('descriptors')) {
    tally.time(() => {
      for (const draft of drafts) {
        descriptors.readDescriptors(draft, tally);
      }
    });
  }
}

function addFactsTo(
  drafts: readonly ProcessDraft[],
  places: Places,
  walk: Walk & { readonly initial: InitialNamespaces },
): void {
  if (walk.covered.includes('facts')) {
    for (const draft of drafts) {
      if (isNotable(draft.observed, walk.initial)) {
        addFacts(draft, places, walk);
      }
    }
    places.facts.keepOnly(drafts);
  }
}

function addFacts(draft: ProcessDraft, { facts }: Places, { tallies }: Walk): void {
  draft.observed.facts ??= tallies.facts.time(() => facts.resolve(draft, tallies.facts));
}

/** By pid, built when it is first asked for: it hardly ever is. */
function createLookup(
  processes: readonly ObservedProcess[],
): (pid: number) => ObservedProcess | undefined {
  let byPid: ReadonlyMap<number, ObservedProcess> | null = null;
  return (pid) => {
    byPid ??= new Map(processes.map((process) => [process.pid, process]));
    return byPid.get(pid);
  };
}
