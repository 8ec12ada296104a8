/**
 * When a namespace was mounted where: its names, as intervals.
 *
 * A name is a mount point that a namespace is bound to. The same mount appears in every mount namespace that
 * it was propagated to, so the name is there while any of them has it. Pure.
 */
import type { Bounds } from './bounds.ts';
import type { Holder } from './holder.ts';

export interface NameInterval {
  readonly name: string;
  readonly from: Bounds;
  /** Null while it is mounted. */
  readonly to: Bounds | null;
  /** Lifespans of the mount namespaces that had it, in the order seen. */
  readonly mountNamespaces: readonly number[];
}

export type BindMount = Pick<Holder, 'path' | 'mountNamespace' | 'from' | 'to'>;

/** Merges bind mounts of one namespace, in any order, into the intervals of its names, earliest first. */
export function toNameIntervals(mounts: readonly BindMount[]): NameInterval[] {
  const intervals: NameInterval[] = [];
  const lastByName = new Map<string, number>();
  for (const mount of mounts.toSorted((left, right) => startUs(left.from) - startUs(right.from))) {
    if (mount.path === null) {
      continue;
    }
    const index = lastByName.get(mount.path);
    const last = index === undefined ? undefined : intervals[index];
    if (index !== undefined && last && mayOverlap(last, mount)) {
      intervals[index] = join(last, mount);
    } else {
      lastByName.set(mount.path, intervals.length);
      intervals.push({
        name: mount.path,
        from: mount.from,
        to: mount.to,
        mountNamespaces: listMountNamespaces([], mount),
      });
    }
  }
  return intervals;
}

function startUs({ after, by }: Bounds): number {
  return after ?? by;
}

/** Was it mounted again before it was gone everywhere? Where the bounds leave it open, it was never gone. */
function mayOverlap({ to }: NameInterval, { from }: BindMount): boolean {
  return to === null || startUs(from) < to.by;
}

function join(last: NameInterval, mount: BindMount): NameInterval {
  return {
    name: last.name,
    from: earlier(last.from, mount.from),
    to: last.to === null || mount.to === null ? null : later(last.to, mount.to),
    mountNamespaces: listMountNamespaces(last.mountNamespaces, mount),
  };
}

/** Bounds of the earlier of two beginnings. */
function earlier(left: Bounds, right: Bounds): Bounds {
  const after =
    left.after === null || right.after === null ? null : Math.min(left.after, right.after);
  return { ...(right.by < left.by ? right : left), after };
}

/** Bounds of the later of two ends. */
function later(left: Bounds, right: Bounds): Bounds {
  const after =
    left.after === null || right.after === null
      ? (left.after ?? right.after)
      : Math.max(left.after, right.after);
  return { ...(right.by > left.by ? right : left), after };
}

function listMountNamespaces(
  before: readonly number[],
  { mountNamespace }: BindMount,
): readonly number[] {
  return mountNamespace === null || before.includes(mountNamespace)
    ? before
    : [...before, mountNamespace];
}
