/** What tests of holders ask a record. */
import type { Holder } from '../../src/domain/holder.ts';
import type { NamespaceType } from '../../src/domain/namespace-type.ts';
import type { Record, Watcher } from './lab.ts';
import { lastLife } from './lives.ts';

const PATIENCE_MS = 150_000;

/** The holders of its own that a namespace has, not those of its sets. */
export function ownHolders(record: Record, type: NamespaceType, inum: number): Holder[] {
  const life = lastLife(record, type, inum);
  return record.holders.filter(({ lifespan }) => life !== undefined && lifespan === life.id);
}

/** Scans until the record fulfils the condition, and says what it knew when it never does. */
export async function until(
  watcher: Watcher,
  condition: (record: Record) => boolean,
): Promise<Record> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (;;) {
    await watcher.scans(1);
    const record = watcher.read();
    if (condition(record)) {
      return record;
    }
    if (performance.now() > deadlineMs) {
      throw new Error('the record did not say what was waited for');
    }
  }
}
