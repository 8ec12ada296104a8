/** Events whose content follows from their seq, so that a reader can tell what must be there. */
import type { AuditEvent } from '../../src/domain/event.ts';

/** Timeline instant of an event: several share one, so that order cannot be told by time alone. */
export function instantOf(seq: number): number {
  return 1_000_000 + Math.floor(seq / 3) * 1_000;
}

/** `count` events from `firstSeq` on, with text that is awkward in JSON, in UTF-8 and in SQL. */
export function makeEvents(firstSeq: number, count: number): AuditEvent[] {
  return Array.from({ length: count }, (_, index) => {
    const seq = firstSeq + index;
    const reason = `stop ${seq} "größe" 𝄞 \\ \n ' --`;
    return {
      event: 'collector.stopped',
      version: 1,
      seq,
      at: instantOf(seq),
      boot: 'boot-1',
      reason,
    };
  });
}

/** How many events the n-th batch of a child process has: some small, some of several pages. */
export function batchSizeOf(producerSeq: number): number {
  return 1 + ((producerSeq * 37) % 120);
}
