/** Counts by comm, kept small: names are chosen by processes, and there is no end of them. */

/** Counted by name in an event; the rest are counted together. */
const COMMS_MAX = 20;

/** Counted by name in memory. Names that come when there are this many already are counted together. */
const COMMS_TRACKED_MAX = 10_000;

/** Stands for all names that are not counted by themselves, and for a process without one. */
const OTHER_COMMS = '';

/** Adds one. Changes `counts`. */
export function countComm(counts: Map<string, number>, comm: string | null): void {
  const isTracked = comm !== null && (counts.has(comm) || counts.size < COMMS_TRACKED_MAX);
  const name = isTracked ? comm : OTHER_COMMS;
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** The 20 most frequent names, exact, and the rest under `""`. The sum is that of `counts`. */
export function topComms(counts: ReadonlyMap<string, number>): Record<string, number> {
  const sorted = [...counts]
    .filter(([comm]) => comm !== OTHER_COMMS)
    .toSorted((left, right) => right[1] - left[1] || (left[0] < right[0] ? -1 : 1));
  const rest = sorted
    .slice(COMMS_MAX)
    .reduce((sum, [, count]) => sum + count, counts.get(OTHER_COMMS) ?? 0);
  return Object.fromEntries([
    ...sorted.slice(0, COMMS_MAX),
    ...(rest > 0 ? [[OTHER_COMMS, rest] as const] : []),
  ]);
}
