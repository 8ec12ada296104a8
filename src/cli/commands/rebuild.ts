/** `nsaudit rebuild`: read.db anew from the log. */
import { rebuildReadDatabase } from '../../projections/rebuild.ts';
import { acquireCollectorLock } from '../../store/collector-lock.ts';
import { openLogReader } from '../../store/event-log-reader.ts';
import { prepareStateDirectory, requireStateDirectory } from '../../store/state-directory.ts';
import type { CommandContext } from '../command-context.ts';
import { EXIT_STATUS } from '../exit-status.ts';
import { findRecordedStateDirectory } from '../find-state-directory.ts';
import { formatPairs, toJsonLine } from '../format-rows.ts';
import { readFormat } from '../read-options.ts';
import { showProgress } from '../show-progress.ts';

export async function run(context: CommandContext): Promise<number> {
  const { options, output, nowUs } = context;
  const format = readFormat(options, ['table', 'json']);
  const directory = findRecordedStateDirectory(context);
  requireStateDirectory(directory);
  const files = prepareStateDirectory(directory);
  const startedUs = nowUs();
  // A running collector has read.db open and would go on writing the file that is replaced.
  const lock = acquireCollectorLock(files.lockPath, {
    pid: process.pid,
    startedUs,
    purpose: 'rebuild',
  });
  try {
    const log = openLogReader(directory);
    try {
      await showProgress(context, 'rebuild', (onProgress) =>
        rebuildReadDatabase(files.readPath, log, onProgress),
      );
      const rebuilt = {
        file: files.readPath,
        events: log.lastSeq(),
        durationMs: Math.round((nowUs() - startedUs) / 1_000),
      };
      output.write(
        format === 'json'
          ? toJsonLine(rebuilt)
          : formatPairs([
              ['file', rebuilt.file],
              ['events', String(rebuilt.events)],
              ['took', `${rebuilt.durationMs} ms`],
            ]),
      );
    } finally {
      log.close();
    }
  } finally {
    lock.release();
  }
  return EXIT_STATUS.ok;
}
