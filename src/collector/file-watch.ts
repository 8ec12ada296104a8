/**
 * Notices when the files of the log are taken away below the collector: what it writes then goes where nobody
 * finds it, and the kernel says nothing.
 */
import { statSync } from 'node:fs';
import { NsauditError } from '../domain/errors.ts';
import { US_PER_SECOND } from '../domain/time.ts';
import { NotRecordedError, type Recorder } from './recorder.ts';

export interface FileWatch {
  /**
   * Looks again when a second has passed. `nowUs`: of the timeline.
   *
   * Errors: NsauditError `integrity` when log.db is not the file that was opened; NotRecordedError when its
   * -wal is not: what that held has been moved into log.db.
   */
  look(nowUs: number): void;
}

const LOOK_US = US_PER_SECOND;

export function startFileWatch({
  files,
  emptyWals,
}: Pick<Recorder, 'files' | 'emptyWals'>): FileWatch {
  const { logPath } = files;
  const walPath = `${logPath}-wal`;
  const [log, wal] = [identify(logPath), identify(walPath)];
  let dueUs = Number.NEGATIVE_INFINITY;
  return {
    look(nowUs) {
      if (nowUs < dueUs) {
        return;
      }
      dueUs = nowUs + LOOK_US;
      if (identify(logPath) !== log) {
        throw new NsauditError(
          'integrity',
          `${logPath} was moved, deleted or replaced while the collector wrote to it; what it wrote since is not in the file of that name: bring it back, or begin a new record.`,
        );
      }
      if (identify(walPath) !== wal) {
        emptyWals();
        throw new NotRecordedError(
          new NsauditError(
            'io',
            `${walPath} was deleted while the collector wrote to it; what it held was moved into log.db`,
          ),
        );
      }
    },
  };
}

/** Device and inode; null when there is no such file. */
function identify(path: string): string | null {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? null : `${found.dev}:${found.ino}`;
}
