/**
 * A process that appends: `append.child.js <state directory> <producer> <batches>`.
 *
 * Prints one line when the log is open, one with the position after each batch that is durable, and a
 * line of JSON when it is refused. Holds the log until it is killed, or closes it after the last batch.
 */
import { writeSync } from 'node:fs';
import { NsauditError } from '../../src/domain/errors.ts';
import { openLog, type OpenLog } from '../../src/store/open-log.ts';
import { batchSizeOf, instantOf, makeEvents } from './numbered-events.ts';

const [stateDirectory = '', producer = '', batchCount = '0'] = process.argv.slice(2);

/** At once: what is printed has left the process before anything else happens. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

function appendAll({ writer }: OpenLog): void {
  for (let producerSeq = 1; producerSeq <= Number(batchCount); producerSeq += 1) {
    const events = makeEvents(writer.head().position + 1, batchSizeOf(producerSeq));
    const atUs = instantOf(events.at(-1)?.seq ?? 0);
    const { position } = writer.appendBatch(events, { producer, producerSeq, atUs, wallUs: atUs });
    say(String(position));
  }
}

try {
  const holder = { pid: process.pid, startedUs: 1_795_305_600_000_000, purpose: 'collector' };
  const log = await openLog({ stateDirectory, holder, host: 'host.example' });
  say('open');
  try {
    appendAll(log);
  } finally {
    log.close();
  }
} catch (error) {
  if (!(error instanceof NsauditError)) {
    throw error;
  }
  say(JSON.stringify({ code: error.code, message: error.message }));
}
