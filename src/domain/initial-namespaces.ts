/**
 * Which namespaces are the initial ones.
 *
 * Fixed inums say so where the kernel has them. Elsewhere pid 1 tells, and where pid 1 is not
 * readable (it is not, for many an unprivileged or confined collector), what almost every process is in.
 */
import { INITIAL_INUMS, NAMESPACE_TYPES, type NamespaceType } from './namespace-type.ts';
import type { NamespaceLinks } from './scan.ts';

/** inum of the initial namespace by type; a type is missing when nothing told us. */
export type InitialNamespaces = Readonly<Partial<Record<NamespaceType, number>>>;

interface ProcessLinks {
  readonly pid: number;
  readonly links: NamespaceLinks;
}

/** Share of processes that must agree before the majority is taken for the initial namespace. */
const MAJORITY_SHARE = 0.5;
/** Below this many readable processes (a container's own view, say) a majority proves nothing. */
const MAJORITY_PROCESSES_MIN = 8;

/** Learns the initial namespaces from one walk over the processes. */
export function learnInitialNamespaces(processes: readonly ProcessLinks[]): InitialNamespaces {
  const found: Partial<Record<NamespaceType, number>> = {};
  for (const type of NAMESPACE_TYPES) {
    const inum = learnOne(type, processes);
    if (inum !== undefined) {
      found[type] = inum;
    }
  }
  return found;
}

function learnOne(type: NamespaceType, processes: readonly ProcessLinks[]): number | undefined {
  const counts = new Map<number, number>();
  let readable = 0;
  let ofInit: number | undefined;
  for (const { pid, links } of processes) {
    const inum = links[type];
    if (inum === undefined) {
      continue;
    }
    if (inum === INITIAL_INUMS[type]) {
      return inum;
    }
    readable += 1;
    counts.set(inum, (counts.get(inum) ?? 0) + 1);
    if (pid === 1) {
      ofInit = inum;
    }
  }
  if (ofInit !== undefined) {
    return ofInit;
  }
  const [top] = [...counts].toSorted((left, right) => right[1] - left[1]);
  const isMajority =
    top !== undefined && readable >= MAJORITY_PROCESSES_MIN && top[1] > readable * MAJORITY_SHARE;
  return isMajority ? top[0] : undefined;
}
