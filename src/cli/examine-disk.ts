/** What `nsaudit doctor` finds out about the disk that the record is on. */
import { judgeDiskLevel, type DiskLevel, type DiskPolicy } from '../domain/disk-policy.ts';
import { NsauditError } from '../domain/errors.ts';
import { measureDisk, type DiskUse } from '../store/measure-disk.ts';
import { toStateFiles } from '../store/state-directory.ts';

export interface DiskExamination extends DiskUse {
  /** As a collector that starts now would judge it. */
  readonly level: DiskLevel;
}

/** A write-ahead log that stays larger is held by a reader. */
const WAL_BOUND_BYTES = 64 * 1_048_576;

/** Null when there is no such directory, or it cannot be looked at. */
export function examineDisk(stateDirectory: string, policy: DiskPolicy): DiskExamination | null {
  try {
    const use = measureDisk(toStateFiles(stateDirectory));
    return { ...use, level: judgeDiskLevel('ample', use, policy) };
  } catch (error) {
    if (error instanceof NsauditError) {
      return null;
    }
    throw error;
  }
}

export function findDiskProblems(disk: DiskExamination | null): readonly string[] {
  if (disk === null) {
    return [];
  }
  const { level, logWalBytes, readWalBytes } = disk;
  const meaning = MEANING[level];
  return [
    ...(meaning === null ? [] : [`disk space is ${level}: ${meaning}`]),
    ...(Math.max(logWalBytes, readWalBytes) > WAL_BOUND_BYTES
      ? ['a write-ahead log is large, because a reader holds one state for long: end that reader.']
      : []),
  ];
}

const MEANING: Readonly<Record<DiskLevel, string | null>> = {
  ample: null,
  low: 'free some before less is recorded.',
  reduced: 'processes that come and go are counted and not listed; free some.',
  suspended: 'nothing is recorded; free some.',
};
