/** Counts what one source did in one scan. */
import type { ScanSource, SourceReport, UnreadableReason } from '../domain/scan.ts';

export interface SourceTally {
  /** Runs `work` and adds the time it took to the source's duration. */
  time<Result>(work: () => Result): Result;
  read(count?: number): void;
  vanished(count?: number): void;
  /** `example` is the path that was refused; the first one of each reason is kept. */
  unreadable(reason: UnreadableReason, example: string): void;
  report(): SourceReport;
}

export function createSourceTally(source: ScanSource): SourceTally {
  let durationMs = 0;
  let readCount = 0;
  let vanishedCount = 0;
  const refusals = new Map<UnreadableReason, { count: number; example: string }>();

  return {
    time(work) {
      const startedMs = performance.now();
      try {
        return work();
      } finally {
        durationMs += performance.now() - startedMs;
      }
    },
    read(count = 1) {
      readCount += count;
    },
    vanished(count = 1) {
      vanishedCount += count;
    },
    unreadable(reason, example) {
      const refusal = refusals.get(reason);
      if (refusal) {
        refusal.count += 1;
      } else {
        refusals.set(reason, { count: 1, example });
      }
    },
    report() {
      return {
        source,
        durationUs: Math.round(durationMs * 1_000),
        readCount,
        vanishedCount,
        unreadable: [...refusals].map(([reason, refusal]) => ({ reason, ...refusal })),
      };
    },
  };
}
