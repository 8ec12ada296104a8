/**
 * Inclusion and consistency proofs over the Merkle tree of the log: made as RFC 6962 sections 2.1.1 and
 * 2.1.2 say, checked as RFC 9162 sections 2.1.3.2 and 2.1.4.2 say. Indices count from 0.
 *
 * Arithmetic instead of bit operations: sizes may be larger than 2^32.
 */
import { assert } from '../domain/errors.ts';
import { hashNode, MerkleFrontier, type TreeHead } from './merkle-tree.ts';

/** The hash of a whole subtree (see merkle-tree.ts). */
export type NodeAt = (level: number, index: number) => Buffer;

/** The root of the first `size` leaves. */
export function rootOf(nodeAt: NodeAt, size: number): Buffer {
  return new MerkleFrontier(size, nodeAt).root();
}

/** The hashes that lead from leaf `index` to the root of the first `size` leaves, from the leaf's sibling up. */
export function proveInclusion(nodeAt: NodeAt, index: number, size: number): Buffer[] {
  assert(index >= 0 && index < size, `leaf ${index} is not in a tree of ${size} leaves`);
  const path: Buffer[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + splitOf(end - start);
    if (index < middle) {
      path.push(rangeHash(nodeAt, middle, end));
      end = middle;
    } else {
      path.push(rangeHash(nodeAt, start, middle));
      start = middle;
    }
  }
  return path.toReversed();
}

/** The hashes that show that the first `oldSize` leaves of a tree of `size` are those of the older tree. */
export function proveConsistency(nodeAt: NodeAt, oldSize: number, size: number): Buffer[] {
  assert(oldSize >= 0 && oldSize <= size, `a tree of ${size} leaves never had ${oldSize}`);
  if (oldSize === 0 || oldSize === size) {
    return [];
  }
  const path: Buffer[] = [];
  let [start, end] = [0, size];
  while (end !== oldSize) {
    const middle = start + splitOf(end - start);
    if (oldSize <= middle) {
      path.push(rangeHash(nodeAt, middle, end));
      end = middle;
    } else {
      path.push(rangeHash(nodeAt, start, middle));
      start = middle;
    }
  }
  // Who has the older tree has the hash of this subtree when it is all of it.
  if (start > 0) {
    path.push(rangeHash(nodeAt, start, end));
  }
  return path.toReversed();
}

/** The largest power of two below `count`. */
function splitOf(count: number): number {
  let split = 1;
  while (split * 2 < count) {
    split *= 2;
  }
  return split;
}

/** The hash of the leaves from `start` up to `end`, a range that the splits of a tree lead to. */
function rangeHash(nodeAt: NodeAt, start: number, end: number): Buffer {
  const count = end - start;
  const level = Math.log2(count);
  if (Number.isInteger(level)) {
    return nodeAt(level, start / count);
  }
  const middle = start + splitOf(count);
  return hashNode(rangeHash(nodeAt, start, middle), rangeHash(nodeAt, middle, end));
}

/** Whether the leaf hash is leaf `index` of the tree with this head, as the path says. */
export function verifyInclusion(
  { leaf, index, path }: { leaf: Buffer; index: number; path: readonly Buffer[] },
  { size, root }: TreeHead,
): boolean {
  if (!(index >= 0 && index < size)) {
    return false;
  }
  const walk = startWalk(index, size - 1);
  let found = leaf;
  for (const sibling of path) {
    if (walk.isAtRoot()) {
      return false;
    }
    found = walk.step() === 'left' ? hashNode(sibling, found) : hashNode(found, sibling);
  }
  return walk.isAtRoot() && found.equals(root);
}

/** Whether the newer tree continues the older one, as the path says. */
export function verifyConsistency(
  older: TreeHead,
  newer: TreeHead,
  path: readonly Buffer[],
): boolean {
  if (older.size === 0 || older.size === newer.size) {
    return path.length === 0 && (older.size === 0 || older.root.equals(newer.root));
  }
  if (!(older.size > 0 && older.size < newer.size)) {
    return false;
  }
  const isWhole = Number.isInteger(Math.log2(older.size));
  const [seed, ...rest] = isWhole ? [older.root, ...path] : path;
  if (seed === undefined || path.length === 0) {
    return false;
  }
  const walk = startWalk(older.size - 1, newer.size - 1);
  walk.skipRights();
  let [olderRoot, newerRoot] = [seed, seed];
  for (const sibling of rest) {
    if (walk.isAtRoot()) {
      return false;
    }
    if (walk.step() === 'left') {
      olderRoot = hashNode(sibling, olderRoot);
      newerRoot = hashNode(sibling, newerRoot);
    } else {
      newerRoot = hashNode(newerRoot, sibling);
    }
  }
  return walk.isAtRoot() && olderRoot.equals(older.root) && newerRoot.equals(newer.root);
}

interface Walk {
  isAtRoot(): boolean;
  /** Goes up to where the next sibling joins, and says on which side it stands. */
  step(): 'left' | 'right';
  /** Goes up as long as the node is a right child. */
  skipRights(): void;
}

/** From a leaf up, beside the last leaf: `index` and `last` are fn and sn of RFC 9162. */
function startWalk(leafIndex: number, lastIndex: number): Walk {
  const at = { index: leafIndex, last: lastIndex };
  const rise = () => {
    at.index = Math.floor(at.index / 2);
    at.last = Math.floor(at.last / 2);
  };
  return {
    isAtRoot: () => at.last === 0,
    step() {
      const isLeft = at.index % 2 === 1 || at.index === at.last;
      if (isLeft) {
        while (at.index % 2 === 0 && at.index !== 0) {
          rise();
        }
      }
      rise();
      return isLeft ? 'left' : 'right';
    },
    skipRights() {
      while (at.index % 2 === 1) {
        rise();
      }
    },
  };
}
