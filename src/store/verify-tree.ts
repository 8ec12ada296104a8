/** The hash tree of the log, recomputed from its leaves while the log is checked, and what is stored of it. */
import type { Fault } from './check-batch.ts';
import type { EventLogReader } from './event-log-reader.ts';
import { HASH_BYTES } from './log-hash.ts';
import { rootOf, type NodeAt } from './merkle-proof.ts';
import {
  hashNode,
  KEPT_LEVELS,
  MerkleFrontier,
  TILE_LEAVES,
  type KeepNode,
  type TreeHead,
} from './merkle-tree.ts';

export interface TreeCheck {
  /** The leaves of the next batch, one after the other. */
  append(leaves: Buffer): void;
  head(): TreeHead;
  /** The root as it was at a size that has been passed; null when the events that it takes have been removed. */
  rootAt(size: number): Buffer | null;
  /** Compares what is stored with what was recomputed. */
  findStoredFault(): Fault | null;
}

/** Logs of an earlier format have no stored nodes. */
const TREE_FORMAT_VERSION = 2;
/** Nodes compared at a time. */
const PAGE_NODES = 4_096;

/** `wanted` are sizes at which the root will be asked for: kept as they are passed, which costs nothing. */
export function startTreeCheck(reader: EventLogReader, wanted: ReadonlySet<number>): TreeCheck {
  const cut = reader.cut();
  const roots = new Map<number, Buffer>();
  const nodes = new Map<number, Buffer[]>();
  const keep: KeepNode = (level, index, hash) => {
    const row = nodes.get(level) ?? [];
    nodes.set(level, row);
    row[index] = hash;
  };
  const nodeAt: NodeAt = (level, index) => {
    const stored = nodes.get(level)?.[index] ?? cut?.edgeAt(level, index);
    if (stored) {
      return stored;
    }
    if (level === 0 && cut !== null && index < cut.lastSeq) {
      // Not kept, and should have been: what follows from it does not fit then.
      return Buffer.alloc(HASH_BYTES);
    }
    const leaf = level === 0 ? reader.readLeaves(index, 1).subarray(0, HASH_BYTES) : null;
    return leaf ?? hashNode(nodeAt(level - 1, index * 2), nodeAt(level - 1, index * 2 + 1));
  };
  if (cut !== null) {
    takeStored(reader, Math.floor(cut.lastSeq / TILE_LEAVES), keep);
  }
  const frontier = new MerkleFrontier(cut?.lastSeq ?? 0, nodeAt);
  return {
    append(leaves) {
      frontier.append(leaves, keep);
      if (wanted.has(frontier.size)) {
        roots.set(frontier.size, frontier.root());
      }
    },
    head: () => frontier.head(),
    rootAt(size) {
      if (size === frontier.size) {
        return frontier.root();
      }
      const isRemoved = cut !== null && size < cut.lastSeq && size % TILE_LEAVES !== 0;
      return isRemoved ? null : (roots.get(size) ?? rootOf(nodeAt, size));
    },
    findStoredFault() {
      if (reader.formatVersion() < TREE_FORMAT_VERSION) {
        return null;
      }
      for (const [level, row] of nodes) {
        for (let first = 0; first < row.length; first += PAGE_NODES) {
          const page = row.slice(first, first + PAGE_NODES);
          const stored = reader.readTreeNodes({ level, first, count: page.length });
          const wrong = page.findIndex((node, index) => stored[index]?.equals(node) !== true);
          if (wrong >= 0) {
            return toFault(level, first + wrong, stored[wrong] !== undefined);
          }
        }
      }
      return null;
    },
  };
}

/** The nodes over removed events: those of the lowest kept level as they are stored, the others from them. */
function takeStored(reader: EventLogReader, tiles: number, keep: KeepNode): void {
  const above = new MerkleFrontier();
  while (above.size < tiles) {
    const count = Math.min(PAGE_NODES, tiles - above.size);
    const first = above.size;
    const stored = reader.readTreeNodes({ level: KEPT_LEVELS, first, count });
    const page = Array.from(
      { length: count },
      (_, index) => stored[index] ?? Buffer.alloc(HASH_BYTES),
    );
    page.forEach((node, index) => keep(KEPT_LEVELS, first + index, node));
    above.append(Buffer.concat(page), (level, index, hash) =>
      keep(level + KEPT_LEVELS, index, hash),
    );
  }
}

function toFault(level: number, position: number, isThere: boolean): Fault {
  const seq = position * 2 ** level + 1;
  const what = `node ${position} of level ${level} of the hash tree, over events ${seq} to ${seq + 2 ** level - 1}, ${isThere ? 'does not fit them' : 'is missing'}`;
  return { batch: null, seq, what, verdict: isThere ? 'tampered' : 'incomplete' };
}
