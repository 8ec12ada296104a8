/** The known state as text that is equal for equal states, whatever the order things were entered in. */
import type { Known } from '../../src/domain/known.ts';

export function toCanonicalKnown(known: Known): string {
  return JSON.stringify(canonical(known), null, 1);
}

function canonical(value: unknown): unknown {
  if (value instanceof Map) {
    const entries = [...value]
      .map(([key, item]) => [key, canonical(item)] as const)
      // An index entry that points at nothing says the same as none.
      .filter(([, item]) => !(Array.isArray(item) && item.length === 0));
    return Object.fromEntries(entries.toSorted(([left], [right]) => compare(left, right)));
  }
  if (value instanceof Set) {
    return [...value].toSorted(compare);
  }
  if (Array.isArray(value)) {
    return value.map(canonical);
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .map(([key, item]) => [key, canonical(item)] as const)
        .toSorted(([left], [right]) => compare(left, right)),
    );
  }
  return value;
}

function compare(left: unknown, right: unknown): number {
  if (typeof left === 'number' && typeof right === 'number') {
    return left - right;
  }
  return String(left) < String(right) ? -1 : 1;
}
