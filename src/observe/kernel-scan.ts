/**
 * A scan as procfs-scan.ts makes it, from the kernel's own list of tasks instead of a walk over procfs.
 *
 * Processes, threads, descriptors, sockets and references come from iterators (kernel-inventory.ts), with
 * kernel ids and without refusals. Executable, control group and mounts are read in procfs as ever. Kernel
 * threads have their short names, and every process is looked at in the same few milliseconds.
 */
import type { InitialNamespaces } from '../domain/initial-namespaces.ts';
import { toNamespaceKey, type NamespaceKey } from '../domain/namespace-type.ts';
import { SCAN_SOURCES, type Scan, type ScanSource } from '../domain/scan.ts';
import { readFileRows, type FileRow } from './kernel-inventory-rows.ts';
import { createSetReader, type NamespaceSet, type SetReader } from './kernel-inventory-sets.ts';
import { openKernelInventory, type KernelInventory } from './kernel-inventory.ts';
import { countReferences } from './kernel-references.ts';
import { readRelationRows } from './kernel-relation-rows.ts';
import { addDescriptors } from './kernel-scan-files.ts';
import { createFirstProcessReader, type FirstProcessReader } from './kernel-scan-first.ts';
import {
  addThreads,
  createTaskReader,
  type KernelTasks,
  type TaskReader,
} from './kernel-scan-tasks.ts';
import { countTables, readCredentialsOf } from './kernel-task-rows.ts';
import { messageOf, type Missing } from './libc.ts';
import { createMountsByHelperReader, type MountsByHelperReader } from './mounts-by-helper.ts';
import { createMountsByIdReader, type MountsByIdReader } from './mounts-by-id.ts';
import { findForeignType } from './own-namespaces.ts';
import { createProcReader, type ProcReader } from './proc-read.ts';
import { isNotable, isOutside } from './process-draft.ts';
import { createFactsReader, type FactsReader } from './process-facts.ts';
import { readMounts } from './procfs-mounts.ts';
import type { ProcfsScannerOptions } from './procfs-scan.ts';
import { createRelationReader, type RelationReader } from './relation-reader.ts';
import { beginWalk, learnInitial, reportWalk, type Walk } from './scan-walk.ts';
import type { SourceTally } from './source-tally.ts';

export interface KernelScanner {
  /** As ProcfsScanner.scan. Throws NsauditError `io` when the kernel breaks off its list. */
  scan(sources?: readonly ScanSource[]): Scan;
}

/** A scanner and what it has loaded into the kernel, which goes with `close` or with the process. */
export interface OpenedKernelScanner {
  readonly scanner: KernelScanner;
  close(): void;
}

interface Places {
  readonly inventory: KernelInventory;
  readonly sets: SetReader;
  readonly tasks: TaskReader;
  readonly first: FirstProcessReader;
  readonly reader: ProcReader;
  readonly facts: FactsReader;
  readonly relations: RelationReader;
  readonly byId: MountsByIdReader;
  readonly byHelper: MountsByHelperReader;
}

/** Loads the iterators, or says in one sentence what stands against it on this host. */
export function createKernelScanner(options: ProcfsScannerOptions): OpenedKernelScanner | Missing {
  const { procRoot } = options;
  const foreign = findOwnForeignType(procRoot);
  if (foreign !== null) {
    return foreign;
  }
  const inventory = openKernelInventory();
  if ('missing' in inventory) {
    return inventory;
  }
  const [reader, sets] = [createProcReader(), createSetReader()];
  const { readRelations } = inventory;
  const places = {
    inventory,
    sets,
    tasks: createTaskReader(procRoot, sets),
    first: createFirstProcessReader(procRoot, reader),
    reader,
    facts: createFactsReader(reader),
    relations: createRelationReader(
      procRoot,
      readRelations && (() => readRelationRows(readRelations())),
    ),
    byId: createMountsByIdReader(procRoot),
    byHelper: createMountsByHelperReader(procRoot),
  };
  return { scanner: createScanner(options, places), close: () => inventory.close() };
}

/** Pids and start times are those of the initial namespaces, and must mean the same to us. */
function findOwnForeignType(procRoot: string): Missing | null {
  try {
    const type = findForeignType(procRoot, ['pid', 'time']);
    return type && { missing: `We are not in the initial ${type} namespace.` };
  } catch (error) {
    return { missing: `Our own namespaces cannot be read (${messageOf(error)}).` };
  }
}

function createScanner({ bootId, clock }: ProcfsScannerOptions, places: Places): KernelScanner {
  let initial: InitialNamespaces = {};
  let hadFacts = false;
  return {
    scan(sources = SCAN_SOURCES) {
      const startedAtUs = clock.timelineUs();
      const walk = beginWalk(sources, { byKernel: true });
      const { tallies, covered } = walk;
      if (hadFacts !== covered.includes('facts')) {
        places.tasks.forget();
        hadFacts = covered.includes('facts');
      }
      const tasks = tallies.links.time(() => listTasks(places, tallies.links));
      initial = learnInitial(tasks.drafts, initial);
      addFacts(tasks, { places, walk, initial }, false);
      const files = addHoldings(tasks, { places, walk, initial });
      addFacts(tasks, { places, walk, initial }, true);
      // Mounts come last: whoever makes a namespace, mounts it and ends was seen in one place or the other.
      const kernelIds = collectIds(places.sets.seen(), files);
      const mounts = covered.includes('mounts')
        ? tallies.mounts.time(() => readMounts(places, { ...tasks, kernelIds }, tallies.mounts))
        : { mountNamespaces: [], nsfsDev: null };
      const processes = tasks.drafts.map(({ observed }) => observed);
      const looked = { processes, ...mounts, kernelIds, initial };
      const related = covered.includes('relations')
        ? tallies.relations.time(() => places.relations.read(looked, tallies.relations))
        : { relations: new Map<never, never>(), kernelIds };
      return {
        bootId,
        startedAtUs,
        endedAtUs: clock.timelineUs(),
        ...mounts,
        ...related,
        processes,
        references: files.references,
        reports: reportWalk(walk),
        covered,
      };
    },
  };
}

function listTasks({ inventory, tasks: reader, first }: Places, tally: SourceTally): KernelTasks {
  const tasks = reader.read(inventory.readTasks(), tally);
  first.addIfMissing(tasks.drafts, tally);
  return tasks;
}

/** One scan, once the initial namespaces are known. */
interface Course {
  readonly places: Places;
  readonly walk: Walk;
  readonly initial: InitialNamespaces;
}

interface FilesRead {
  readonly references: Scan['references'];
  /** Of every process, seen or not: where the kernel ids are. */
  readonly rows: readonly FileRow[];
}

function addHoldings(tasks: KernelTasks, { places, walk, initial }: Course): FilesRead {
  const { inventory, sets, first } = places;
  const { tallies, covered } = walk;
  if (covered.includes('threads')) {
    tallies.threads.time(() => {
      addThreads(tasks, sets, tallies.threads);
      first.addThreads(tallies.threads);
    });
  }
  if (!covered.includes('descriptors')) {
    return { references: new Map(), rows: [] };
  }
  const rows = tallies.descriptors.time(() => {
    tallies.descriptors.read(countTables(tasks.source));
    const found = readFileRows(inventory.readFiles(initial.net ?? 0));
    addDescriptors(found, tasks, tallies.descriptors);
    first.addDescriptors(tallies.descriptors);
    return found;
  });
  tallies.sockets.read(rows.filter(({ kind }) => kind !== 'namespace').length);
  const references = tallies.references.time(() => countReferences(inventory.readProxies(), rows));
  tallies.references.read(references.size);
  return { references, rows };
}

/** At once for who may end in a moment, and again (`isFinal`) when threads and descriptors are known. */
function addFacts(tasks: KernelTasks, { places, walk, initial }: Course, isFinal: boolean): void {
  if (!walk.covered.includes('facts')) {
    return;
  }
  const { drafts, sets, rows, source } = tasks;
  const tally = walk.tallies.facts;
  const outside = new Set(places.sets.seen().filter((set) => isOutside(set, initial)));
  tally.time(() => {
    for (let index = 0; index < drafts.length; index += 1) {
      const draft = drafts[index];
      if (!draft || draft.observed.facts !== null || (draft.observed.isZombie && !isFinal)) {
        continue;
      }
      const set = sets[index];
      const isWanted = set !== undefined && outside.has(set);
      if (isWanted || (isFinal && isNotable(draft.observed, initial))) {
        const row = rows[index];
        const credentials = row === undefined ? undefined : readCredentialsOf(source, row);
        draft.observed.facts = places.facts.resolve(draft, tally, credentials);
      }
    }
  });
  if (isFinal) {
    places.facts.keepOnly(drafts);
  }
}

/** An inum that changed hands while we looked has two ids, and neither is certain to be that of a holder. */
function collectIds(sets: readonly NamespaceSet[], { rows }: FilesRead): Map<NamespaceKey, string> {
  const ids = new Map<NamespaceKey, string>();
  const uncertain = new Set<NamespaceKey>();
  const note = (key: NamespaceKey, id: string): void => {
    if ((ids.get(key) ?? id) !== id) {
      uncertain.add(key);
    }
    ids.set(key, id);
  };
  for (const set of sets) {
    for (const [key, id] of set.ids) {
      note(key, id);
    }
  }
  for (const { type, inum, kernelNamespaceId } of rows) {
    if (kernelNamespaceId !== null) {
      note(toNamespaceKey(type, inum), kernelNamespaceId);
    }
  }
  for (const key of uncertain) {
    ids.delete(key);
  }
  return ids;
}
