/** Pruning as the command does it, without the checks before it. */
import { findSegment, type CutRequest } from '../../src/store/find-cut.ts';
import { openDatabase } from '../../src/store/open-database.ts';
import { pruneLog, type PrunedLog } from '../../src/store/prune-log.ts';
import { openTestLog, WALL_US } from './state-on-disk.ts';

/** Prunes the log of a state directory; null when the request covers no batch. read.db is as it was. */
export async function pruneState(
  stateDirectory: string,
  request: CutRequest,
): Promise<PrunedLog | null> {
  const log = await openTestLog(stateDirectory, 'prune');
  try {
    const db = openDatabase(log.files.logPath, 'reader');
    const segment = findSegment(db, request);
    db.close();
    return (
      segment &&
      pruneLog(log.files.logPath, log.reader, segment, {
        prunedBy: 'a test',
        witnessedSize: null,
        wallUs: WALL_US,
      })
    );
  } finally {
    log.close();
  }
}
