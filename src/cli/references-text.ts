/** References to a namespace, as a sentence says them. */
import type { LifespanJson } from '../domain/json.ts';

type References = NonNullable<LifespanJson['references']>;

/** `7 references: 1 process set, 1 nsfs inode, 5 sockets`; null where they were not counted. */
export function formatReferences(references: References | null): string | null {
  if (references === null) {
    return null;
  }
  const { total, processSets, nsfsInodes, sockets, unattributed } = references;
  const parts = [
    toCount(processSets, 'process set'),
    toCount(nsfsInodes, 'nsfs inode'),
    toCount(sockets, 'socket'),
    unattributed === 0 ? null : `${unattributed} unattributed`,
  ].filter((part) => part !== null);
  const sum = toCount(total, 'reference') ?? 'no references';
  return parts.length === 0 ? sum : `${sum}: ${parts.join(', ')}`;
}

function toCount(count: number, noun: string): string | null {
  return count === 0 ? null : `${count} ${noun}${count === 1 ? '' : 's'}`;
}
