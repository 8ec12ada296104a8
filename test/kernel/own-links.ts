/** The namespaces of the test process, read as text. */
import { readlinkSync } from 'node:fs';
import { parseNamespaceLink, type NamespaceType } from '../../src/domain/namespace-type.ts';

export function readOwnLinks(
  types: readonly NamespaceType[],
): Partial<Record<NamespaceType, number>> {
  return Object.fromEntries(
    types.flatMap((type) => {
      const link = parseNamespaceLink(readlinkSync(`/proc/self/ns/${type}`));
      return link === undefined ? [] : [[type, link.inum]];
    }),
  );
}
