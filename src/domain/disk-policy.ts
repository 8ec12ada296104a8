/**
 * What is given up, and when, as the disk of the record fills: first a warning, then the detail of holders,
 * then recording itself. Births and ends are the last to go. Pure.
 *
 * The three steps are those that auditd has (auditd.conf(5): space_left, admin_space_left, disk_full_action).
 */
import { z } from 'zod';
import type { GrowthPolicy } from './growth-policy.ts';

/**
 * In the order in which they come: all is well; space is low; members are counted instead of listed; nothing
 * is recorded until there is room again.
 */
const DISK_LEVELS = ['ample', 'low', 'reduced', 'suspended'] as const;
export const diskLevelSchema = z.enum(DISK_LEVELS);
export type DiskLevel = z.infer<typeof diskLevelSchema>;

/** The smaller of the two that are given counts. */
export interface DiskLimit {
  readonly bytes: number | null;
  /** Of the size of the file system. */
  readonly percent: number | null;
}

/** With less than this free, the level of that name begins. */
export type DiskPolicy = Readonly<Record<Exclude<DiskLevel, 'ample'>, DiskLimit>>;

const MIB = 1_048_576;

export const DEFAULT_DISK_POLICY: DiskPolicy = {
  low: { bytes: 512 * MIB, percent: 10 },
  reduced: { bytes: 128 * MIB, percent: 5 },
  suspended: { bytes: 32 * MIB, percent: 2 },
};

export interface DiskSpace {
  /** What a process without privileges may still use (statfs(2): f_bavail). */
  readonly freeBytes: number;
  /** 0 where the file system does not say. */
  readonly totalBytes: number;
}

/** A level is left only with so much more free than it begins at, so that it does not change with every batch. */
const LEAVE_FACTOR = 1.25;

/** The level now, after `previous`. A file system that does not say its size never fills. */
export function judgeDiskLevel(
  previous: DiskLevel,
  { freeBytes, totalBytes }: DiskSpace,
  policy: DiskPolicy,
): DiskLevel {
  if (totalBytes === 0) {
    return 'ample';
  }
  const previousIndex = DISK_LEVELS.indexOf(previous);
  const found = DISK_LEVELS.findLast((level, index) => {
    const factor = index <= previousIndex ? LEAVE_FACTOR : 1;
    return level !== 'ample' && freeBytes < factor * toBytes(policy[level], totalBytes);
  });
  return found ?? 'ample';
}

function toBytes({ bytes, percent }: DiskLimit, totalBytes: number): number {
  return Math.min(
    bytes ?? Number.POSITIVE_INFINITY,
    percent === null ? Number.POSITIVE_INFINITY : (totalBytes * percent) / 100,
  );
}

/** How much of the log others may cause at this level: with little space no member is listed that comes and goes. */
export function limitGrowth(level: DiskLevel, growth: GrowthPolicy): GrowthPolicy {
  const none = { burst: 0, perSecond: 0 };
  return level === 'reduced' || level === 'suspended'
    ? { ...growth, holders: none, movers: none }
    : growth;
}

const BALLAST_MAX_BYTES = 8 * MIB;
const BALLAST_LEAST_BYTES = 65_536;
const BALLAST_SHARE = 0.02;

/** How much is set aside to be able to write the last events: what a batch and both write-ahead logs need. */
export function sizeBallast({ totalBytes }: Pick<DiskSpace, 'totalBytes'>): number {
  const share = totalBytes === 0 ? BALLAST_MAX_BYTES : Math.floor(totalBytes * BALLAST_SHARE);
  return Math.max(BALLAST_LEAST_BYTES, Math.min(BALLAST_MAX_BYTES, share));
}

const UNIT_BYTES: Readonly<Record<string, number>> = {
  K: 1_024,
  M: MIB,
  G: 1_024 * MIB,
  T: 1_048_576 * MIB,
};

/** Reads `512M,128M,5%`: the limits of low, reduced and suspended. Undefined for anything else. */
export function parseDiskPolicy(text: string): DiskPolicy | undefined {
  const [low, reduced, suspended, ...rest] = text.split(',').map(parseLimit);
  return low && reduced && suspended && rest.length === 0 ? { low, reduced, suspended } : undefined;
}

function parseLimit(text: string): DiskLimit | undefined {
  const [, digits = '', unit = ''] = /^(\d{1,9}(?:\.\d+)?)([KMGT%])$/.exec(text.trim()) ?? [];
  const number = Number(digits);
  if (digits === '' || (unit === '%' && number > 100)) {
    return undefined;
  }
  return unit === '%'
    ? { bytes: null, percent: number }
    : { bytes: Math.round(number * (UNIT_BYTES[unit] ?? 1)), percent: null };
}
