/**
 * Owners and parents out of the rows of the relations iterator. Where a field is here, it is there in
 * bpf/relations.h, and the other way round.
 */
import { NAMESPACE_TYPES, toNamespaceKey, type NamespaceKey } from '../domain/namespace-type.ts';
import type { ObservedRelations } from '../domain/scan.ts';
import { readDigits, type Rows } from './kernel-inventory-rows.ts';

/** `struct inventory_relation`. */
export const RELATION_ROW_WORDS = 12;
const ROW = {
  id: 0,
  ownerId: 2,
  parentId: 4,
  inum: 6,
  type: 7,
  ownerInum: 8,
  parentInum: 9,
  ownerUid: 10,
} as const;

export interface ToldRelations {
  readonly relations: ObservedRelations;
  /** Of the namespace itself; null on kernels without ids. */
  readonly kernelNamespaceId: string | null;
}

/**
 * By namespace. An inum that changed hands while the kernel listed has rows of both, and is left out: the
 * next look finds one.
 */
export function readRelationRows({ words, count }: Rows): Map<NamespaceKey, ToldRelations> {
  const told = new Map<NamespaceKey, ToldRelations>();
  const uncertain = new Set<NamespaceKey>();
  for (let row = 0; row < count; row += 1) {
    const at = row * RELATION_ROW_WORDS;
    const read = (field: number): number => words[at + field] ?? 0;
    const type = NAMESPACE_TYPES[read(ROW.type)];
    if (type === undefined || read(ROW.inum) === 0) {
      continue;
    }
    const key = toNamespaceKey(type, read(ROW.inum));
    const id = readDigits(words, at + ROW.id);
    const known = told.get(key);
    if (known) {
      if ((known.kernelNamespaceId ?? '0') !== id) {
        uncertain.add(key);
      }
      continue;
    }
    const owner = read(ROW.ownerInum);
    const above = type === 'pid' || type === 'user' ? read(ROW.parentInum) : 0;
    told.set(key, {
      kernelNamespaceId: id === '0' ? null : id,
      relations: {
        owner: owner === 0 ? null : toNamespaceKey('user', owner),
        parent: above === 0 ? null : toNamespaceKey(type, above),
        ownerUid: read(ROW.ownerUid),
      },
    });
  }
  uncertain.forEach((key) => told.delete(key));
  return told;
}
