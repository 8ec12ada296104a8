/**
 * The Merkle tree of the log as it is stored: leaves in `event`, and of the nodes above every eighth level
 * in `tree_node`, each written once, with the event that made it whole. So a start reads a few hundred rows
 * to go on, and a proof too, however long the log is.
 *
 * Does not:  check that stored nodes are right; verifyLog recomputes all of them.
 * Proved by: test/store/log-tree.test.ts
 */
import { assert, NsauditError } from '../domain/errors.ts';
import type { TreeNodeRow } from './database-schema.ts';
import { prepareCut, removedError, type LogCut } from './log-cut.ts';
import type { NodeAt } from './merkle-proof.ts';
import { KEPT_LEVELS, hashNode, MerkleFrontier, TILE_LEAVES } from './merkle-tree.ts';
import type { DatabaseHandle } from './open-database.ts';

/** Leaves read, and nodes written in one transaction, at a time. */
const PAGE_LEAVES = 65_536;

export interface LogTree {
  /** Errors: NsauditError `integrity` when a leaf or node is not stored. */
  readonly nodeAt: NodeAt;
  /**
   * The frontier of the first `size` events. What is not kept yet is handed to `keep`: nothing but for a log
   * from before the tree was kept.
   */
  restore(size: number, keep: (row: TreeNodeRow) => void): MerkleFrontier;
}

/** Prepares the reading of the tree; the log must have the table (format version 2). */
export function openLogTree(db: DatabaseHandle): LogTree {
  const selectLeaves = db
    .prepare<[number, number], Buffer>('SELECT leaf FROM event WHERE seq > ? ORDER BY seq LIMIT ?')
    .pluck();
  const selectNodes = db
    .prepare<[number, number, number], Buffer>(
      'SELECT hash FROM tree_node WHERE level = ? AND position >= ? ORDER BY position LIMIT ?',
    )
    .pluck();
  const countTiles = db
    .prepare<[number], number>(
      'SELECT coalesce(max(position) + 1, 0) FROM tree_node WHERE level = ?',
    )
    .pluck();

  const readCut = prepareCut(db);

  const nodeAt: NodeAt = (level, index) => {
    const keptLevel = level - (level % KEPT_LEVELS);
    const count = 2 ** (level - keptLevel);
    const first = index * count;
    const cut = keptLevel === 0 ? readCut() : null;
    if (cut !== null && first < cut.lastSeq) {
      return nodeAtCut(nodeAt, cut, level, index);
    }
    const nodes =
      keptLevel === 0 ? selectLeaves.all(first, count) : selectNodes.all(keptLevel, first, count);
    if (nodes.length < count) {
      throw new NsauditError(
        'integrity',
        `${db.name} lacks a part of its hash tree (level ${keptLevel}, from ${first} on); run nsaudit verify.`,
      );
    }
    return fold(nodes);
  };

  return {
    nodeAt,
    restore(size, keep) {
      const tiles = countTiles.get(KEPT_LEVELS) ?? 0;
      const kept = Math.min(tiles, Math.floor(size / TILE_LEAVES)) * TILE_LEAVES;
      const frontier = new MerkleFrontier(Math.max(kept, readCut()?.lastSeq ?? 0), nodeAt);
      while (frontier.size < size) {
        const page = Math.min(PAGE_LEAVES, size - frontier.size);
        const leaves = selectLeaves.all(frontier.size, page);
        assert(leaves.length === page, `${db.name} lacks events below ${size}`);
        frontier.append(Buffer.concat(leaves), (level, position, hash) =>
          keep({ level, position, hash }),
        );
      }
      return frontier;
    },
  };
}

/**
 * A node over events of which the first have been removed. Errors: NsauditError `pruned` when all of them
 * have, and it is none of those that were kept.
 */
function nodeAtCut(nodeAt: NodeAt, cut: LogCut, level: number, index: number): Buffer {
  const width = 2 ** level;
  if ((index + 1) * width <= cut.lastSeq) {
    const edge = cut.edgeAt(level, index);
    if (edge === undefined) {
      throw removedError(`there is no hash of events ${index * width + 1} and on`, cut);
    }
    return edge;
  }
  return hashNode(nodeAt(level - 1, index * 2), nodeAt(level - 1, index * 2 + 1));
}

/** Hashes the nodes of one level, 2^n of them, up to their common one. */
function fold(nodes: readonly Buffer[]): Buffer {
  let level = nodes;
  while (level.length > 1) {
    level = level.flatMap((left, index) => {
      const right = level[index + 1];
      return index % 2 === 0 && right ? [hashNode(left, right)] : [];
    });
  }
  const [root] = level;
  assert(root !== undefined, 'a subtree has at least one leaf');
  return root;
}
