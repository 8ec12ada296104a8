/** Finds a known holder again in a scan: is it still there, and does it still hold this namespace? */
import type { Holder } from './holder.ts';
import { toHoldingIdentity, type Holdings } from './holdings.ts';
import type { Known } from './known.ts';
import type { NamespaceKey, NamespaceType } from './namespace-type.ts';
import type { ObservedProcess, Scan } from './scan.ts';
import type { KernelView } from './settle-scan.ts';

export interface Continuity {
  /** The process of this pid, as this scan saw it. */
  findProcess(pid: number): ObservedProcess | undefined;
  /** Kernel records spoke of this process while the scan ran: what the scan says about it is not news. */
  hasMoved(pid: number | null): boolean;
  /** The scan saw this holder, whatever it holds now. */
  sees(holder: Holder): boolean;
  /** The scan saw this holder holding that namespace. */
  holds(holder: Holder, key: NamespaceKey): boolean;
}

/**
 * Processes, of which there are thousands, are found by pid; the other kinds, of which there are few, by
 * their identity, which is put together only when somebody asks.
 */
export function buildContinuity(
  { known, kernel }: { readonly known: Known; readonly kernel: KernelView | null },
  scan: Scan,
  holdings: Holdings,
): Continuity {
  const processes = new Map(scan.processes.map((process) => [process.pid, process]));
  let others: Map<string, Set<NamespaceKey>> | null = null;
  const findOther = (holder: Holder): Set<NamespaceKey> | undefined => {
    others ??= indexOthers(holdings);
    return others.get(toHoldingIdentity({ ...holder, mountInum: toMountInum(known, holder) }));
  };
  return {
    findProcess: (pid) => processes.get(pid),
    hasMoved: (pid) => pid !== null && (kernel?.memory.touchedPids.has(pid) ?? false),
    sees(holder) {
      if (holder.kind !== 'process') {
        return findOther(holder) !== undefined;
      }
      const process = findSame(processes, holder);
      return process !== undefined && process.linksUnreadable === null;
    },
    holds(holder, key) {
      if (holder.kind !== 'process') {
        return findOther(holder)?.has(key) ?? false;
      }
      const [type, inum] = key.split(':') as [NamespaceType, string];
      return findSame(processes, holder)?.links[type] === Number(inum);
    },
  };
}

function findSame(
  processes: ReadonlyMap<number, ObservedProcess>,
  holder: Holder,
): ObservedProcess | undefined {
  const process = holder.pid === null ? undefined : processes.get(holder.pid);
  return process?.startTimeTicks === holder.startTimeTicks ? process : undefined;
}

function indexOthers(holdings: Holdings): Map<string, Set<NamespaceKey>> {
  const others = new Map<string, Set<NamespaceKey>>();
  for (const holding of holdings.listed) {
    if (holding.kind !== 'process') {
      const identity = toHoldingIdentity(holding);
      others.set(identity, new Set([...(others.get(identity) ?? []), ...holding.keys]));
    }
  }
  return others;
}

/** inum of the mount namespace that a known bind mount is in. */
export function toMountInum(known: Known, holder: Holder): number | null {
  return holder.mountNamespace === null
    ? null
    : (known.lifespans.get(holder.mountNamespace)?.inum ?? null);
}
