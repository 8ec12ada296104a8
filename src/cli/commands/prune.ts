/** `nsaudit prune`: removes the beginning of the log, and builds read.db anew from what is left. */
import { NsauditError } from '../../domain/errors.ts';
import { toRfc3339 } from '../../domain/time.ts';
import { rebuildReadDatabase } from '../../projections/rebuild.ts';
import { openLogReader, type EventLogReader } from '../../store/event-log-reader.ts';
import { findSegment, type Segment } from '../../store/find-cut.ts';
import { openDatabase } from '../../store/open-database.ts';
import { openLog } from '../../store/open-log.ts';
import { pruneLog, type PrunedLog } from '../../store/prune-log.ts';
import { requireStateDirectory } from '../../store/state-directory.ts';
import { verifyLog } from '../../store/verify-log.ts';
import type { CommandContext } from '../command-context.ts';
import { EXIT_STATUS } from '../exit-status.ts';
import { findRecordedStateDirectory } from '../find-state-directory.ts';
import { formatPairs, toJsonLine } from '../format-rows.ts';
import { readTrust } from '../read-keys.ts';
import { readFormat } from '../read-options.ts';
import { readPruneRequest, type PruneRequest } from '../read-prune-request.ts';
import { showProgress } from '../show-progress.ts';
import { readVersion } from '../version.ts';

export async function run(context: CommandContext): Promise<number> {
  const format = readFormat(context.options, ['table', 'json']);
  const request = readPruneRequest(context);
  const directory = findRecordedStateDirectory(context);
  const files = requireStateDirectory(directory);
  const done = request.isDryRun
    ? await look(context, files.logPath, directory, request)
    : await prune(context, directory, request);
  context.output.write(format === 'json' ? toJsonLine(done) : formatDone(done));
  if (done.compactError !== null) {
    context.output.say(
      `nsaudit: the events are removed, but the file could not be written anew: ${done.compactError} The next prune does it.`,
    );
  }
  return EXIT_STATUS.ok;
}

/** What was removed, or would be. */
interface Done {
  readonly file: string;
  readonly isDryRun: boolean;
  readonly events: number;
  readonly batches: number;
  readonly firstSeq: number | null;
  readonly lastSeq: number | null;
  /** Wall time at which the last of them was recorded. */
  readonly recordedBy: string | null;
  readonly witnessedSize: number | null;
  readonly bytesBefore: number | null;
  readonly bytesAfter: number | null;
  readonly compactError: string | null;
}

async function look(
  context: CommandContext,
  logPath: string,
  directory: string,
  request: PruneRequest,
): Promise<Done> {
  const log = openLogReader(directory);
  try {
    const { segment, witnessedSize } = await plan(context, { logPath, log }, request);
    return toDone(logPath, { segment, witnessedSize, pruned: null });
  } finally {
    log.close();
  }
}

async function prune(
  context: CommandContext,
  directory: string,
  request: PruneRequest,
): Promise<Done> {
  const { nowUs } = context;
  const holder = { pid: process.pid, startedUs: nowUs(), purpose: 'prune' };
  // The host stands in the log, which is there.
  const log = await openLog({ stateDirectory: directory, holder, host: '' });
  try {
    const { logPath, readPath } = log.files;
    const { segment, witnessedSize } = await plan(context, { logPath, log: log.reader }, request);
    if (segment === null) {
      return toDone(logPath, { segment, witnessedSize, pruned: null });
    }
    const pruned = pruneLog(logPath, log.reader, segment, {
      prunedBy: `nsaudit ${readVersion()}, uid ${context.userId}`,
      witnessedSize,
      wallUs: nowUs(),
    });
    // A crash before this is done leaves a read.db that does not fit: the next start builds it anew.
    await showProgress(context, 'rebuild', (onProgress) =>
      rebuildReadDatabase(readPath, log.reader, onProgress),
    );
    return toDone(logPath, { segment, witnessedSize, pruned });
  } finally {
    log.close();
  }
}

interface Plan {
  readonly segment: Segment | null;
  readonly witnessedSize: number | null;
}

/**
 * What the request covers, in a log that was verified: what is removed cannot be looked at again.
 *
 * Errors: NsauditError `integrity` or `incomplete` when the log does not verify; `policy` when nobody outside
 * vouches for all of what would be removed, unless the request waives that.
 */
async function plan(
  context: CommandContext,
  { logPath, log }: { logPath: string; log: EventLogReader },
  request: PruneRequest,
): Promise<Plan> {
  const db = openDatabase(logPath, 'reader');
  let segment: Segment | null;
  try {
    segment = findSegment(db, request.toCut(db));
  } finally {
    db.close();
  }
  if (segment === null) {
    return { segment, witnessedSize: null };
  }
  const { verdict, fault, witness } = await showProgress(context, 'verify', (onProgress) =>
    verifyLog(log, readTrust(context), onProgress),
  );
  if (fault) {
    throw new NsauditError(
      verdict === 'incomplete' ? 'incomplete' : 'integrity',
      `nothing was pruned, because the log does not verify: ${fault.what}; run nsaudit verify, and keep it as it is.`,
    );
  }
  const witnessedSize = witness?.size ?? null;
  if (segment.lastSeq > (witnessedSize ?? 0) && !request.isWithoutWitness) {
    const reach =
      witnessedSize === null
        ? 'no checkpoint does'
        : `the newest does up to event ${witnessedSize}`;
    throw new NsauditError(
      'policy',
      `nothing was pruned, because nobody outside vouches for events up to ${segment.lastSeq}: ${reach}; give --witness-key, or --checkpoint with --public-key, or waive it with --without-witness.`,
    );
  }
  const isCovered = segment.lastSeq <= (witnessedSize ?? 0);
  return { segment, witnessedSize: isCovered ? witnessedSize : null };
}

function toDone(
  file: string,
  { segment, witnessedSize, pruned }: Plan & { pruned: PrunedLog | null },
): Done {
  return {
    file,
    isDryRun: segment !== null && pruned === null,
    events: segment?.events ?? 0,
    batches: segment?.batches ?? 0,
    firstSeq: segment?.firstSeq ?? null,
    lastSeq: segment?.lastSeq ?? null,
    recordedBy: segment && toRfc3339(segment.appendedByUs),
    witnessedSize,
    bytesBefore: pruned?.bytesBefore ?? null,
    bytesAfter: pruned?.bytesAfter ?? null,
    compactError: pruned?.compactError ?? null,
  };
}

function formatDone(done: Done): string {
  const { file, isDryRun, events, batches, firstSeq, lastSeq, recordedBy, witnessedSize } = done;
  if (firstSeq === null) {
    return formatPairs([
      ['file', file],
      ['removed', 'nothing: all of it is to be kept'],
    ]);
  }
  return formatPairs([
    ['file', file],
    [isDryRun ? 'would remove' : 'removed', `events ${firstSeq} to ${lastSeq}`],
    ['events', String(events)],
    ['batches', String(batches)],
    ['recorded by', recordedBy ?? ''],
    ['witness', witnessedSize === null ? 'none' : `checkpoint of size ${witnessedSize}`],
    ...(done.bytesAfter === null
      ? []
      : [['bytes', `${done.bytesBefore} before, ${done.bytesAfter} now`] as const]),
  ]);
}
