/** A process that reads: `read.child.js <state directory>` prints the head, or a line of JSON when it is refused. */
import { writeSync } from 'node:fs';
import { NsauditError } from '../../src/domain/errors.ts';
import { openLogReader } from '../../src/store/event-log-reader.ts';

try {
  const reader = openLogReader(process.argv[2] ?? '');
  writeSync(1, `${reader.readEvents({ after: 0, limit: 1_000_000 }).length}\n`);
  reader.close();
} catch (error) {
  if (!(error instanceof NsauditError)) {
    throw error;
  }
  writeSync(1, `${JSON.stringify({ code: error.code, message: error.message })}\n`);
}
