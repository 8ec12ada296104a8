/** A log in a directory of its own, filled with the event mix, for benchmarks that read it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLog, type OpenLog } from '../../src/store/open-log.ts';
import { startEventMix } from './event-mix.ts';

interface Filling {
  readonly events: number;
  readonly batchEvents: number;
  /** How much later, in microseconds, the next thing happens: see startEventMix. */
  readonly tickUs?: number;
}

/** Runs `work` with a directory that is removed afterwards. */
export async function inScratch<Result>(
  work: (directory: string) => Result | Promise<Result>,
): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), 'nsaudit-bench-'));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Runs `work` with the log of a state directory open, which is made when there is none. */
export async function withLog<Result>(
  stateDirectory: string,
  work: (log: OpenLog) => Result | Promise<Result>,
): Promise<Result> {
  const holder = { pid: process.pid, startedUs: 0, purpose: 'benchmark' };
  const log = await openLog({ stateDirectory, holder, host: 'bench' });
  try {
    return await work(log);
  } finally {
    log.close();
  }
}

/** Appends the first events of the mix to an empty log. The instants of batches are those of their events. */
export function fillLog({ writer }: OpenLog, { events, batchEvents, tickUs }: Filling): void {
  const mix = startEventMix(tickUs);
  for (let from = 0; from < events; from += batchEvents) {
    const batch = mix.next(batchEvents);
    const atUs = batch.at(-1)?.at ?? 0;
    writer.appendBatch(batch, { producer: 'bench', producerSeq: from + 1, atUs, wallUs: atUs });
  }
}
