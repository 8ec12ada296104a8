/**
 * The tree is the one of RFC 6962, and its proofs prove that and nothing else.
 *
 * Truth: the recursive definitions of RFC 6962 section 2.1, written here without regard to cost, and the
 * reference vectors that implementations of Certificate Transparency share (eight leaves).
 */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  proveConsistency,
  proveInclusion,
  rootOf,
  verifyConsistency,
  verifyInclusion,
} from '../../src/store/merkle-proof.ts';
import { MerkleFrontier, type TreeHead } from '../../src/store/merkle-tree.ts';

function sha256(...parts: readonly Buffer[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}

const leafOf = (data: Buffer): Buffer => sha256(Buffer.of(0), data);

/** MTH of RFC 6962 section 2.1, over leaf hashes. */
function naiveRoot(leaves: readonly Buffer[]): Buffer {
  const [first] = leaves;
  if (first === undefined) {
    return sha256();
  }
  if (leaves.length === 1) {
    return first;
  }
  const split = naiveSplit(leaves.length);
  return sha256(Buffer.of(1), naiveRoot(leaves.slice(0, split)), naiveRoot(leaves.slice(split)));
}

function naiveSplit(count: number): number {
  return 2 ** (Math.ceil(Math.log2(count)) - 1);
}

/** PATH of RFC 6962 section 2.1.1. */
function naivePath(index: number, leaves: readonly Buffer[]): Buffer[] {
  if (leaves.length === 1) {
    return [];
  }
  const split = naiveSplit(leaves.length);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return index < split
    ? [...naivePath(index, left), naiveRoot(right)]
    : [...naivePath(index - split, right), naiveRoot(left)];
}

/** SUBPROOF of RFC 6962 section 2.1.2. */
function naiveProof(size: number, leaves: readonly Buffer[], isWhole = true): Buffer[] {
  if (size === leaves.length) {
    return isWhole ? [] : [naiveRoot(leaves)];
  }
  const split = naiveSplit(leaves.length);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return size <= split
    ? [...naiveProof(size, left, isWhole), naiveRoot(right)]
    : [...naiveProof(size - split, right, false), naiveRoot(left)];
}

function makeLeaves(count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => leafOf(Buffer.from(`leaf ${index}`)));
}

function headOf(leaves: readonly Buffer[]): TreeHead {
  return { size: leaves.length, root: naiveRoot(leaves) };
}

const nodeAtOf =
  (leaves: readonly Buffer[]) =>
  (level: number, index: number): Buffer =>
    naiveRoot(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level));

/** Data and roots of the trees of 1 to 8 leaves (github.com/google/certificate-transparency, merkle tests). */
const REFERENCE_DATA = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
];
const REFERENCE_ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];
const hex = (path: readonly Buffer[]) => path.map((node) => node.toString('hex'));
const referenceLeaves = REFERENCE_DATA.map((data) => leafOf(Buffer.from(data, 'hex')));

describe('the tree is the one of RFC 6962', () => {
  test('with the roots of the reference vectors', () => {
    const frontier = new MerkleFrontier();
    const roots = [frontier.root()];
    for (const leaf of referenceLeaves) {
      frontier.append(leaf);
      roots.push(frontier.root());
    }
    expect(roots.map((root) => root.toString('hex'))).toEqual(REFERENCE_ROOTS);
  });

  test('with the inclusion and consistency paths of the reference vectors', () => {
    const nodeAt = nodeAtOf(referenceLeaves);
    expect(hex(proveInclusion(nodeAt, 5, 8))).toEqual([
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ]);
    expect(hex(proveConsistency(nodeAt, 6, 8))).toEqual([
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ]);
  });

  test('whatever its size and however its leaves come, with the nodes that are kept', () => {
    const sizes = fc.array(fc.nat({ max: 400 }), { maxLength: 4 });
    fc.assert(
      fc.property(sizes, (counts) => {
        const leaves = makeLeaves(counts.reduce((sum, count) => sum + count, 0));
        const frontier = new MerkleFrontier();
        const kept: string[] = [];
        let done = 0;
        for (const count of counts) {
          const batch = Buffer.concat(leaves.slice(done, done + count));
          frontier.append(batch, (level, index, node) =>
            kept.push(`${level} ${index} ${node.toString('hex')}`),
          );
          done += count;
        }
        expect(frontier.head()).toEqual(headOf(leaves));
        const nodeAt = nodeAtOf(leaves);
        const whole = Math.floor(leaves.length / 256);
        expect(kept).toEqual(
          Array.from({ length: whole }, (_, i) => `8 ${i} ${nodeAt(8, i).toString('hex')}`),
        );
        expect(new MerkleFrontier(leaves.length, nodeAt).head()).toEqual(frontier.head());
      }),
      { numRuns: 30 },
    );
  });
});

const LARGEST = 40;
const allLeaves = makeLeaves(LARGEST);
const treeOf = (size: number) => allLeaves.slice(0, size);

describe('an inclusion proof', () => {
  test('is the path of the definition, and proves every leaf of every small tree', () => {
    for (let size = 1; size <= LARGEST; size += 1) {
      const leaves = treeOf(size);
      const nodeAt = nodeAtOf(leaves);
      expect(rootOf(nodeAt, size)).toEqual(naiveRoot(leaves));
      for (const [index, leaf] of leaves.entries()) {
        const path = proveInclusion(nodeAt, index, size);
        expect(path).toEqual(naivePath(index, leaves));
        expect(verifyInclusion({ leaf, index, path }, headOf(leaves))).toBe(true);
      }
    }
  });

  test('proves nothing else: no other leaf, index, size, root or path', () => {
    const given = fc.record({
      size: fc.integer({ min: 2, max: LARGEST }),
      pick: fc.nat(),
      other: fc.nat(),
      bit: fc.nat(),
    });
    fc.assert(
      fc.property(given, ({ size, pick, other, bit }) => {
        const leaves = treeOf(size);
        const index = pick % size;
        const leaf = leaves[index] ?? Buffer.alloc(0);
        const path = proveInclusion(nodeAtOf(leaves), index, size);
        const head = headOf(leaves);
        const elsewhere = other % size;
        const claims = [
          verifyInclusion({ leaf, index: elsewhere, path }, head) && elsewhere !== index,
          verifyInclusion({ leaf: flip(leaf, bit), index, path }, head),
          verifyInclusion({ leaf, index, path }, { ...head, root: flip(head.root, bit) }),
          verifyInclusion({ leaf, index, path: path.slice(1) }, head),
          verifyInclusion({ leaf, index, path: [...path, leaf] }, head),
          verifyInclusion({ leaf, index: size, path }, head),
          verifyInclusion({ leaf, index, path: flipOne(path, other, bit) }, head),
        ];
        expect(claims).toEqual(claims.map(() => false));
      }),
    );
  });
});

describe('a consistency proof', () => {
  test('is the path of the definition, and proves every pair of small trees', () => {
    for (let size = 0; size <= LARGEST; size += 1) {
      const leaves = treeOf(size);
      for (let oldSize = 0; oldSize <= size; oldSize += 1) {
        const path = proveConsistency(nodeAtOf(leaves), oldSize, size);
        expect(path).toEqual(oldSize === 0 ? [] : naiveProof(oldSize, leaves));
        expect(verifyConsistency(headOf(treeOf(oldSize)), headOf(leaves), path)).toBe(true);
      }
    }
  });

  test('proves nothing about a tree that was changed, cut or grown otherwise', () => {
    const given = fc.record({
      size: fc.integer({ min: 2, max: LARGEST }),
      pick: fc.nat(),
      other: fc.nat(),
      bit: fc.nat(),
    });
    fc.assert(
      fc.property(given, ({ size, pick, other, bit }) => {
        const oldSize = 1 + (pick % (size - 1));
        const leaves = treeOf(size);
        const path = proveConsistency(nodeAtOf(leaves), oldSize, size);
        const [older, newer] = [headOf(treeOf(oldSize)), headOf(leaves)];
        const changed = treeOf(oldSize).map((leaf, index) =>
          index === other % oldSize ? flip(leaf, bit) : leaf,
        );
        const claims = [
          verifyConsistency(headOf(changed), newer, path),
          verifyConsistency(newer, older, path),
          verifyConsistency({ ...older, size: 0 }, newer, path),
          verifyConsistency(older, { ...newer, root: flip(newer.root, bit) }, path),
          verifyConsistency(older, newer, path.slice(1)),
          verifyConsistency(older, newer, [...path, newer.root]),
          verifyConsistency(older, newer, flipOne(path, other, bit)),
          verifyConsistency(older, newer, []),
        ];
        expect(claims).toEqual(claims.map(() => false));
      }),
    );
  });
});

function flip(bytes: Buffer, bit: number): Buffer {
  const flipped = Buffer.from(bytes);
  const index = (bit >> 3) % bytes.length;
  flipped[index] = (flipped[index] ?? 0) ^ (1 << (bit & 7));
  return flipped;
}

function flipOne(path: readonly Buffer[], which: number, bit: number): Buffer[] {
  return path.map((node, index) => (index === which % path.length ? flip(node, bit) : node));
}
