/**
 * Looks how much room the record has left, and says what that means for what is recorded.
 *
 * Does not:  write into the record (running.ts, suspend.ts), or decide what a level means (domain).
 */
import {
  DEFAULT_DISK_POLICY,
  judgeDiskLevel,
  limitGrowth,
  type DiskLevel,
  type DiskPolicy,
  type DiskSpace,
} from '../domain/disk-policy.ts';
import { NsauditError } from '../domain/errors.ts';
import type { GrowthPolicy } from '../domain/growth-policy.ts';
import { US_PER_SECOND } from '../domain/time.ts';
import { measureSpace } from '../store/measure-disk.ts';

export interface DiskChange {
  readonly previousLevel: DiskLevel;
  readonly level: DiskLevel;
}

export interface DiskWatch {
  readonly level: DiskLevel;
  /** Nothing is to be recorded. */
  isSuspended(): boolean;
  /** Before the last change. */
  readonly previousLevel: DiskLevel;
  /** As it was at the last look; null where the file system could not be asked. */
  readonly space: DiskSpace | null;
  /** What is counted instead of listed at this level. */
  readonly growth: GrowthPolicy;
  /** Looks again when a second has passed, and says a change in one line. `nowUs`: of the timeline. */
  look(nowUs: number): DiskChange | null;
}

interface DiskWatchOptions {
  readonly directory: string;
  readonly diskPolicy?: DiskPolicy;
  readonly growth: GrowthPolicy;
  readonly onNotice: (line: string) => void;
}

const LOOK_US = US_PER_SECOND;

export function startDiskWatch({
  directory,
  diskPolicy = DEFAULT_DISK_POLICY,
  growth,
  onNotice,
}: DiskWatchOptions): DiskWatch {
  let level: DiskLevel = 'ample';
  let previousLevel: DiskLevel = 'ample';
  let space: DiskSpace | null = null;
  let dueUs = Number.NEGATIVE_INFINITY;
  return {
    get level() {
      return level;
    },
    isSuspended: () => level === 'suspended',
    get previousLevel() {
      return previousLevel;
    },
    get space() {
      return space;
    },
    get growth() {
      return limitGrowth(level, growth);
    },
    look(nowUs) {
      if (nowUs < dueUs) {
        return null;
      }
      dueUs = nowUs + LOOK_US;
      space = tryMeasure(directory);
      const judged = space === null ? level : judgeDiskLevel(level, space, diskPolicy);
      if (judged === level) {
        return null;
      }
      previousLevel = level;
      level = judged;
      onNotice(describe(directory, level, space));
      return { previousLevel, level };
    },
  };
}

/** What cannot be asked says nothing; writing will tell. */
function tryMeasure(directory: string): DiskSpace | null {
  try {
    return measureSpace(directory);
  } catch (error) {
    if (error instanceof NsauditError) {
      return null;
    }
    throw error;
  }
}

const MEANING: Readonly<Record<DiskLevel, string>> = {
  ample: 'everything is recorded',
  low: 'everything is still recorded; free some space',
  reduced:
    'processes that come and go are counted and not listed, births and ends are recorded; free some space',
  suspended: 'nothing is recorded until there is room again; free some space',
};

function describe(directory: string, level: DiskLevel, space: DiskSpace | null): string {
  const mebibytes = Math.floor((space?.freeBytes ?? 0) / 1_048_576);
  return `disk space is ${level}: ${mebibytes} MiB are free in ${directory}; ${MEANING[level]}.`;
}
