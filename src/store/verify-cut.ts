/** Whether the beginning of a pruned log is what the log.pruned event in its hash chain says. */
import { fromStoredEvent } from '../domain/event.ts';
import type { ChainEnd, Fault } from './check-batch.ts';
import type { EventLogReader } from './event-log-reader.ts';
import { hashRetained } from './log-hash.ts';
import type { TreeCheck } from './verify-tree.ts';

/** What the first stored batch has to continue. */
export function startOf(reader: EventLogReader): ChainEnd {
  const cut = reader.cut();
  return cut === null
    ? { batch: 0, hash: reader.metaHash(), position: 0, lastAtUs: 0 }
    : {
        batch: cut.lastBatch,
        hash: cut.batchHash,
        position: cut.lastSeq,
        lastAtUs: cut.lastAtUs,
      };
}

/** What lies before where the log begins, as it says itself. */
export function findEventBeforeFirst(firstSeq: number, expectedSeq: number): Fault | null {
  return firstSeq >= expectedSeq
    ? null
    : {
        batch: null,
        seq: firstSeq,
        what: `event ${firstSeq} is stored, but the first event of this log is ${expectedSeq}`,
        verdict: 'tampered',
      };
}

/**
 * Call it once every batch has been found good: then the event is what was appended. The hash tree, too, must
 * have been computed on from the hashes that were kept, so a checkpoint kept elsewhere vouches for these.
 */
export function findCutFault(reader: EventLogReader, tree: TreeCheck): Fault | null {
  const cut = reader.cut();
  if (cut === null) {
    return null;
  }
  const [stored] = reader.readEvents({ after: cut.eventSeq - 1, limit: 1 });
  const event = stored?.seq === cut.eventSeq ? fromStoredEvent(stored) : null;
  if (event?.event !== 'log.pruned') {
    return fault(null, `event ${cut.eventSeq} does not say that events were removed`);
  }
  const said = [event.lastSeq, event.lastBatch, event.batchHash, event.root];
  const root = tree.rootAt(cut.lastSeq)?.toString('base64');
  const kept = [cut.lastSeq, cut.lastBatch, cut.batchHash.toString('base64'), root];
  if (said.join() !== kept.join()) {
    return fault(cut.eventSeq, `the log does not begin as event ${cut.eventSeq} says`);
  }
  return hashRetained(reader.readRetained()).toString('base64') === event.retained
    ? null
    : fault(
        cut.eventSeq,
        `what was kept of the removed events is not what event ${cut.eventSeq} says`,
      );
}

function fault(seq: number | null, what: string): Fault {
  return { batch: null, seq, what, verdict: 'tampered' };
}
