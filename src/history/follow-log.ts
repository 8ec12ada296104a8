/** The log, opened when it is first needed, and again when another file has taken its place. */
import { statSync } from 'node:fs';
import { NsauditError } from '../domain/errors.ts';
import { openLogReader, type EventLogReader } from '../store/event-log-reader.ts';
import { requireNotPruned } from '../store/log-cut.ts';
import { toStateFiles } from '../store/state-directory.ts';
import type { Head } from './read-head.ts';

export interface LogFollower {
  /**
   * The log that read.db was folded from.
   *
   * Errors: those of openLogReader; NsauditError `integrity` when it is another log.
   */
  current(head: Pick<Head, 'logId'>): EventLogReader;
  close(): void;
}

export function followLog(stateDirectory: string): LogFollower {
  const { logPath } = toStateFiles(stateDirectory);
  let opened: { reader: EventLogReader; inode: bigint } | undefined;
  const close = () => {
    opened?.reader.close();
    opened = undefined;
  };
  return {
    current({ logId }) {
      const inode = statSync(logPath, { bigint: true, throwIfNoEntry: false })?.ino ?? -1n;
      if (opened?.inode !== inode) {
        close();
        opened = { reader: openLogReader(stateDirectory), inode };
      }
      if (opened.reader.logId !== logId) {
        throw new NsauditError(
          'integrity',
          `read.db in ${stateDirectory} was folded from log ${logId}, and log.db is ${opened.reader.logId}; run nsaudit rebuild.`,
        );
      }
      return opened.reader;
    },
    close,
  };
}

/**
 * The instant of an event on the timeline.
 *
 * Errors: NsauditError `usage` when the log has no event of that seq, `pruned` when it has none any more.
 */
export function findEventUs(log: EventLogReader, seq: number): number {
  const [event] = seq > 0 ? log.readEvents({ after: seq - 1, limit: 1 }) : [];
  if (event?.seq !== seq) {
    requireNotPruned(log, seq);
    throw new NsauditError(
      'usage',
      `there is no event ${seq} in the log: it has events 1 to ${log.head().position}.`,
    );
  }
  return event.at;
}
