/**
 * A process that prunes: `prune.child.js <state directory> <seq>` removes what lies before that event.
 *
 * Prints one line when the log is open and its segment is known, and one when it is pruned.
 */
import { writeSync } from 'node:fs';
import { findSegment } from '../../src/store/find-cut.ts';
import { openDatabase } from '../../src/store/open-database.ts';
import { openLog } from '../../src/store/open-log.ts';
import { pruneLog } from '../../src/store/prune-log.ts';

const [stateDirectory = '', beforeSeq = ''] = process.argv.slice(2);
const wallUs = 1_795_305_600_000_000;

const holder = { pid: process.pid, startedUs: wallUs, purpose: 'prune' };
const log = await openLog({ stateDirectory, holder, host: 'host.example' });
const db = openDatabase(log.files.logPath, 'reader');
const segment = findSegment(db, { beforeSeq: Number(beforeSeq) });
db.close();
if (segment) {
  writeSync(1, 'open\n');
  const options = { prunedBy: 'a test', witnessedSize: null, wallUs };
  pruneLog(log.files.logPath, log.reader, segment, options);
  writeSync(1, 'pruned\n');
}
log.close();
