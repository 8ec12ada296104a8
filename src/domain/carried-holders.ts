/** What a scan neither saw nor can deny: it stays as it was. */
import { toMountInum, type Continuity } from './continuity.ts';
import type { Holder } from './holder.ts';
import type { HolderId, Known, LifespanId } from './known.ts';
import type { Scan, ScanSource } from './scan.ts';

interface Input {
  readonly known: Known;
  /** Settled: without what kernel records have decided already. */
  readonly scan: Scan;
  /** As it was made. */
  readonly whole: Scan;
  readonly continuity: Continuity;
}

/** Which scan source shows a holder; kinds that no scan shows are none of its business. */
export function sourceOf(holder: Pick<Holder, 'kind' | 'tid'>): ScanSource | undefined {
  switch (holder.kind) {
    case 'process':
      return 'links';
    case 'thread':
      return 'threads';
    case 'for-children':
      return holder.tid === null ? 'links' : 'threads';
    case 'fd':
      return holder.tid === null ? 'descriptors' : 'threads';
    case 'socket':
    case 'tun':
      return 'sockets';
    case 'bind-mount':
      return 'mounts';
    default:
      return undefined;
  }
}

/**
 * Known holders that this scan neither saw nor can deny, because what would show them did not run or
 * could not be read. They stay, and so does what they hold.
 */
export function findCarriedHolders({ known, scan, whole, continuity }: Input): Set<HolderId> {
  const findUnreadable = findUnreadableMounts(known, scan);
  const isLeftOut = findMountsLeftOut(known, scan, whole);
  const unreadableMounts = (holder: Holder): boolean => findUnreadable(holder) || isLeftOut(holder);
  const carried = new Set<HolderId>();
  for (const holder of known.holders.values()) {
    if (sourceOf(holder) === undefined) {
      continue;
    }
    const isOpen =
      continuity.hasMoved(holder.pid) ||
      isUndecided(holder, { scan, continuity, unreadableMounts });
    if (isOpen && !continuity.sees(holder)) {
      carried.add(holder.id);
    }
  }
  return carried;
}

/** A mount namespace without a readable process still has its mounts, until it ends itself. */
function findUnreadableMounts(known: Known, scan: Scan): (holder: Holder) => boolean {
  const readable = new Set(
    scan.mountNamespaces.filter(({ unreadable }) => unreadable === null).map(({ inum }) => inum),
  );
  return (holder) => {
    const mountInum = toMountInum(known, holder);
    return mountInum !== null && !readable.has(mountInum);
  };
}

/**
 * Mounts that the scan saw, in a mount namespace that ended before the scan was judged: they were there when
 * it looked, so the next one tells that they are gone.
 */
function findMountsLeftOut(known: Known, scan: Scan, whole: Scan): (holder: Holder) => boolean {
  const listed = new Set(scan.mountNamespaces.map(({ inum }) => inum));
  const leftOut = whole.mountNamespaces.filter(({ inum }) => !listed.has(inum));
  const mounts = leftOut.flatMap(({ bindMounts }) => bindMounts);
  const shown = new Set(mounts.map(({ type, inum, path }) => `${type}:${inum} ${path}`));
  return ({ lifespan, path }) => {
    const held = lifespan === null ? undefined : known.lifespans.get(lifespan);
    return held !== undefined && shown.has(`${held.type}:${held.inum} ${path}`);
  };
}

interface Readable extends Pick<Input, 'scan' | 'continuity'> {
  readonly unreadableMounts: (holder: Holder) => boolean;
}

/** Who has ended has no sockets any more, whether or not the scan lists any. */
function isUndecided(holder: Holder, { scan, continuity, unreadableMounts }: Readable): boolean {
  const source = sourceOf(holder);
  if (source === undefined || (!scan.covered.includes(source) && source !== 'sockets')) {
    return true;
  }
  if (source === 'mounts') {
    return unreadableMounts(holder);
  }
  const process = holder.pid === null ? undefined : continuity.findProcess(holder.pid);
  if (!process || (holder.tid === null && process.startTimeTicks !== holder.startTimeTicks)) {
    return false;
  }
  const reasons = {
    links: process.linksUnreadable,
    threads: process.threadsUnreadable,
    descriptors: process.descriptorsUnreadable,
    sockets: process.descriptorsUnreadable,
    facts: null,
    relations: null,
    references: null,
  };
  return reasons[source] !== null || !scan.covered.includes(source);
}

/** Lifespans that are held, as far as we know, by holders that cannot be read at the moment. */
export function findCarriedLifespans(
  known: Known,
  carried: ReadonlySet<HolderId>,
): Set<LifespanId> {
  const lifespans = new Set<LifespanId>();
  for (const id of carried) {
    const holder = known.holders.get(id);
    const held =
      holder?.set == null
        ? [holder?.lifespan ?? null]
        : (known.sets.get(holder.set)?.namespaces ?? []);
    for (const lifespan of held) {
      if (lifespan !== null) {
        lifespans.add(lifespan);
      }
    }
  }
  return lifespans;
}
