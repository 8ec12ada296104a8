/** What a scan does whatever it learns the processes from: which sources it covers, and facts. */
import { learnInitialNamespaces, type InitialNamespaces } from '../domain/initial-namespaces.ts';
import { NAMESPACE_TYPES } from '../domain/namespace-type.ts';
import {
  KERNEL_SOURCES,
  SCAN_SOURCES,
  type ScanSource,
  type SourceReport,
} from '../domain/scan.ts';
import type { ProcessDraft } from './process-draft.ts';
import { createSourceTally, type SourceTally } from './source-tally.ts';

/** One scan under way. */
export interface Walk {
  readonly covered: readonly ScanSource[];
  readonly tallies: Readonly<Record<ScanSource, SourceTally>>;
}

/**
 * Covers the sources asked for and those they stand on: links, and for threads the descriptors. Whoever
 * lists descriptors with the kernel's own list (`byKernel`) sees sockets and references in it as well.
 */
export function beginWalk(sources: readonly ScanSource[], { byKernel = false } = {}): Walk {
  const covered: ScanSource[] = SCAN_SOURCES.filter(
    (source) =>
      source === 'links' ||
      sources.includes(source) ||
      (source === 'descriptors' && sources.includes('threads')),
  );
  if (byKernel && covered.includes('descriptors')) {
    covered.push(...KERNEL_SOURCES);
  }
  return {
    covered,
    tallies: {
      links: createSourceTally('links'),
      threads: createSourceTally('threads'),
      descriptors: createSourceTally('descriptors'),
      mounts: createSourceTally('mounts'),
      facts: createSourceTally('facts'),
      relations: createSourceTally('relations'),
      sockets: createSourceTally('sockets'),
      references: createSourceTally('references'),
    },
  };
}

export function reportWalk({ covered, tallies }: Walk): SourceReport[] {
  return covered.map((source) => tallies[source].report());
}

/** Initial namespaces stay the same for the whole boot, so what was learnt first is kept. */
export function learnInitial(
  drafts: readonly ProcessDraft[],
  known: InitialNamespaces,
): InitialNamespaces {
  const isComplete = NAMESPACE_TYPES.every((type) => known[type] !== undefined);
  return isComplete
    ? known
    : { ...learnInitialNamespaces(drafts.map(({ observed }) => observed)), ...known };
}
