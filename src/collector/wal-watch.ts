/**
 * Keeps the write-ahead logs from growing without bound. SQLite moves them into the database by itself,
 * unless somebody reads: what a long read transaction may still look at stays where it is.
 *
 * Promises:  beyond the bound the log is moved and emptied as soon as readers let it; while they do not,
 *            that is said when it begins, at every doubling, and when it is over.
 * Does not:  end a reader.
 * Proved by: test/collector/wal-watch.test.ts
 */
import type { DiskLevel } from '../domain/disk-policy.ts';
import { US_PER_SECOND } from '../domain/time.ts';
import { measureDisk } from '../store/measure-disk.ts';
import type { StateFiles } from '../store/state-directory.ts';

export interface WalWatch {
  /** Looks when it is time. `nowUs`: of the timeline. */
  look(nowUs: number, level: DiskLevel): void;
}

interface WalWatchOptions {
  readonly files: StateFiles;
  /** Moves what is in both write-ahead logs into their databases and empties the files, as far as readers let it. */
  readonly emptyWals: () => void;
  readonly onNotice: (line: string) => void;
  readonly boundBytes?: number;
}

/** As many as SQLite keeps of one that has been emptied (journal_size_limit). */
const BOUND_BYTES = 64 * 1_048_576;
/** With little room left, room in a write-ahead log is worth more than the time to move it. */
const TIGHT_BYTES = 4 * 1_048_576;
const LOOK_US = US_PER_SECOND;

export function startWalWatch({
  files,
  emptyWals,
  onNotice,
  boundBytes = BOUND_BYTES,
}: WalWatchOptions): WalWatch {
  let dueUs = Number.NEGATIVE_INFINITY;
  const saidBytes = new Map<string, number>();
  const tell = (name: string, bytes: number, bound: number): void => {
    const said = saidBytes.get(name);
    if (bytes <= bound) {
      if (saidBytes.delete(name)) {
        onNotice(`${name} is back to ${toMebibytes(bytes)} MiB.`);
      }
    } else if (said === undefined || bytes >= 2 * said) {
      saidBytes.set(name, bytes);
      onNotice(
        `${name} has grown to ${toMebibytes(bytes)} MiB, because a reader has held the same state for long; end whatever reads ${files.directory} without a pause.`,
      );
    }
  };
  return {
    look(nowUs, level) {
      if (nowUs < dueUs) {
        return;
      }
      dueUs = nowUs + LOOK_US;
      const bound = level === 'ample' ? boundBytes : Math.min(boundBytes, TIGHT_BYTES);
      const before = measureDisk(files);
      if (Math.max(before.logWalBytes, before.readWalBytes) > bound) {
        emptyWals();
      } else if (saidBytes.size === 0) {
        return;
      }
      const { logWalBytes, readWalBytes } = measureDisk(files);
      tell(`${files.logPath}-wal`, logWalBytes, bound);
      tell(`${files.readPath}-wal`, readWalBytes, bound);
    },
  };
}

function toMebibytes(bytes: number): number {
  return Math.ceil(bytes / 1_048_576);
}
