/**
 * The Merkle tree over the leaf hashes of the log, as RFC 6962 section 2.1 has it: the hash of a node is
 * SHA-256 of a byte 1 and the two hashes below it; a tree whose size is no power of two is split at the
 * largest one below.
 *
 * Levels count from the leaves, which are level 0; nodes of a level count from 0. Only whole subtrees are
 * nodes here: node `index` of level `level` covers the leaves from index·2^level on.
 */
import { hash } from 'node:crypto';
import { assert } from '../domain/errors.ts';
import { HASH_BYTES } from './log-hash.ts';

/** Sizes are below 2^53, so no whole subtree is higher. */
const LEVELS_MAX = 53;
const LEFT = 1;
const RIGHT = LEFT + HASH_BYTES;

/** Node hashes of every so many levels are kept: 256 leaves, 65,536 and so on (as tlog-tiles has it). */
export const KEPT_LEVELS = 8;
export const TILE_LEAVES = 2 ** KEPT_LEVELS;

/** What the root of a tree without leaves is. */
const EMPTY_ROOT = hash('sha256', '', 'buffer');

export function hashNode(left: Buffer, right: Buffer): Buffer {
  return Buffer.from(hash('sha256', Buffer.concat([Buffer.of(1), left, right]), 'hex'), 'hex');
}

export interface TreeHead {
  /** Number of leaves. */
  readonly size: number;
  readonly root: Buffer;
}

/** A node that is to be kept has become whole. */
export type KeepNode = (level: number, index: number, nodeHash: Buffer) => void;

/**
 * The right edge of a growing tree: the whole subtrees that its size is the sum of, one for each bit.
 * Adding a leaf hashes one node on average, and as many as the tree is high at most.
 */
export class MerkleFrontier {
  #size: number;
  /**
   * For each level what is hashed next: a byte 1, left, right. Where the size has that bit, left is kept there.
   * Filled in place, because nothing is slower than making buffers.
   */
  readonly #pairs = Array.from({ length: LEVELS_MAX }, () => Buffer.alloc(RIGHT + HASH_BYTES, 1));

  /** `nodeAt` gives the nodes of the tree that is there already. */
  constructor(size = 0, nodeAt?: (level: number, index: number) => Buffer) {
    this.#size = size;
    for (let level = 0, rest = size; rest > 0; level += 1, rest = Math.floor(rest / 2)) {
      if (rest % 2 === 1 && nodeAt) {
        nodeAt(level, rest - 1).copy(this.#pairAt(level), LEFT);
      }
    }
  }

  get size(): number {
    return this.#size;
  }

  /** Adds the leaf hashes that stand one after the other in `leaves`. */
  append(leaves: Buffer, keep?: KeepNode): void {
    for (let offset = 0; offset < leaves.length; offset += HASH_BYTES) {
      this.#addLeaf(leaves, offset, keep);
    }
  }

  #addLeaf(leaves: Buffer, offset: number, keep: KeepNode | undefined): void {
    let pair = this.#pairAt(0);
    let level = 0;
    let index = this.#size;
    copyHash(leaves, offset, pair, index % 2 === 1 ? RIGHT : LEFT);
    while (index % 2 === 1) {
      // As text on the way: crypto makes that in a fraction of the time that it makes a Buffer in.
      const node = hash('sha256', pair, 'binary');
      level += 1;
      index = (index - 1) / 2;
      pair = this.#pairAt(level);
      pair.write(node, index % 2 === 1 ? RIGHT : LEFT, 'binary');
      if (level % KEPT_LEVELS === 0) {
        keep?.(level, index, Buffer.from(node, 'binary'));
      }
    }
    this.#size += 1;
  }

  #pairAt(level: number): Buffer {
    const pair = this.#pairs[level];
    assert(pair !== undefined, 'no tree is that high');
    return pair;
  }

  root(): Buffer {
    let root: Buffer | null = null;
    for (let level = 0, rest = this.#size; rest > 0; level += 1, rest = Math.floor(rest / 2)) {
      if (rest % 2 === 1) {
        const node = this.#pairAt(level).subarray(LEFT, RIGHT);
        root = root === null ? Buffer.from(node) : hashNode(node, root);
      }
    }
    return root ?? EMPTY_ROOT;
  }

  head(): TreeHead {
    return { size: this.#size, root: this.root() };
  }
}

/** Byte by byte: for so few of them Buffer.copy takes many times as long. */
function copyHash(from: Buffer, fromOffset: number, to: Buffer, toOffset: number): void {
  for (let index = 0; index < HASH_BYTES; index += 1) {
    to[toOffset + index] = from[fromOffset + index] ?? 0;
  }
}
