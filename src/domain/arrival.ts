/**
 * How a holder came to hold what it holds, as far as that was seen: born into it, or entered it.
 *
 * Source: namespaces(7), fork(2), clone(2), unshare(2), setns(2).
 */
import { z } from 'zod';

/** Calls by which a task is in other namespaces afterwards than before. */
const MOVES = [
  'unshare',
  'setns',
  /** It enters the time namespace that it had set for its children. */
  'exec',
  /** A scan saw the process elsewhere before: by which call it moved, no scan tells. */
  'moved',
] as const;

export const moveSchema = z.enum(MOVES);
export type Move = z.infer<typeof moveSchema>;

export const arrivalSchema = z.object({
  /** `fork`, `clone` and `clone3`: it was born into them. Null: how it came was not seen. */
  how: z
    .enum(['fork', 'clone', 'clone3', ...MOVES])
    .nullable()
    .default(null),
  /**
   * Of a process that entered, its parent and whoever is above, each as `pid:startTimeTicks`; whole when the
   * last one is process 1. An ancestor that had ended by then is not among them. Null: nobody looked.
   */
  ancestors: z.array(z.string()).nullable().default(null),
  /** The collector itself, or a child of it; null for everybody else. */
  observer: z.boolean().nullable().default(null),
});

export type Arrival = z.infer<typeof arrivalSchema>;

/** Of a holder that is no task, or of which it was not seen how it came. */
export const NO_ARRIVAL: Arrival = { how: null, ancestors: null, observer: null };

/** A process of one boot. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTimeTicks: number;
}

/** A task as it is told from others. `startTimeTicks` may be those of a single thread of it. */
interface Task {
  readonly pid: number | null;
  readonly ppid: number | null;
  readonly startTimeTicks: number | null;
}

/** True for the collector, its threads and its children; null for all others. `own`: the process that collects. */
export function markObserver(own: ProcessIdentity | null | undefined, task: Task): true | null {
  const isLater = own != null && (task.startTimeTicks ?? -1) >= own.startTimeTicks;
  return isLater && (task.pid === own.pid || task.ppid === own.pid) ? true : null;
}

/** No host has so many processes below one another; a table that is read while it changes may. */
const ANCESTORS_MAX = 64;

/**
 * The parent of a process and whoever is above it, up to process 1, or to where the chain breaks off. Who
 * started later than its child has only been given the pid of its parent.
 */
export function listAncestors(
  child: { readonly ppid: number; readonly startTimeTicks: number },
  find: (pid: number) => (ProcessIdentity & { readonly ppid: number }) | undefined,
): string[] {
  const ancestors: string[] = [];
  let { ppid, startTimeTicks } = child;
  while (ppid > 0 && ancestors.length < ANCESTORS_MAX) {
    const parent = find(ppid);
    if (parent === undefined || parent.startTimeTicks > startTimeTicks) {
      break;
    }
    ancestors.push(`${parent.pid}:${parent.startTimeTicks}`);
    ({ ppid, startTimeTicks } = parent);
  }
  return ancestors;
}
