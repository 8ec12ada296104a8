/**
 * A host whose past is made by hand: scans of a small world go through the real rules, the real log and
 * the real projection into a state directory, and History is opened over it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { deriveEvents, type DerivePolicy } from '../../src/domain/derive-events.ts';
import { deriveClockStep, deriveStop } from '../../src/domain/derive-session.ts';
import type { AuditEvent } from '../../src/domain/event.ts';
import type { LifespanJson } from '../../src/domain/json.ts';
import { INITIAL_INUMS } from '../../src/domain/namespace-type.ts';
import type { TimeReference } from '../../src/domain/parse-time.ts';
import type {
  ObservedMountNamespace,
  ObservedProcess,
  SourceReport,
} from '../../src/domain/scan.ts';
import type { History } from '../../src/history/history.ts';
import { openHistory } from '../../src/history/open-history.ts';
import { openProjection, type Projection } from '../../src/projections/project.ts';
import { rebuildReadDatabase } from '../../src/projections/rebuild.ts';
import { openLog, type OpenLog } from '../../src/store/open-log.ts';
import {
  ANCHOR_US,
  at,
  Auditor,
  BOOT,
  process,
  scan,
  type ScanInput,
} from '../support/scan-builder.ts';

export const HOST = 'host-1';
export const NET = 4_026_532_268;

/** Processes that never leave the initial namespaces. */
export const others = [process(2), process(3), process(4)];

export function inNet(pid: number, more: Partial<ObservedProcess> = {}): ObservedProcess {
  return process(pid, { net: NET }, more);
}

/** The initial mount namespace with the net namespace NET bound to a path. */
export function boundTo(path: string, inum = NET): ObservedMountNamespace[] {
  const bindMounts = [{ path, type: 'net' as const, inum, mountIds: [] }];
  return [{ inum: INITIAL_INUMS.mnt, bindMounts, unreadable: null }];
}

/** A wall time, in seconds of the first boot. */
export function wall(second: number): TimeReference {
  return { kind: 'wall', wallUs: at(second) };
}

/** How a wall time is printed. */
export function text(second: number): string {
  const us = at(second);
  const ms = Math.floor(us / 1_000);
  return `${new Date(ms).toISOString().slice(0, -1)}${String(us - ms * 1_000).padStart(3, '0')}Z`;
}

export interface HostScan extends ScanInput {
  /** What the links source could not read. */
  readonly unreadable?: SourceReport['unreadable'][number];
}

export interface RecordedHost {
  readonly directory: string;
  readonly auditor: Auditor;
  readonly history: History;
  /** Scans, appends, folds and pulses, as the collector does. */
  scan(input: HostScan): void;
  /** Takes in what is there then without a scan, as kernel events tell it between two. */
  hear(input: HostScan): void;
  /** Scans once a second with the same processes. */
  watch(from: number, to: number, processes: readonly ObservedProcess[]): void;
  append(events: readonly AuditEvent[]): void;
  stop(second: number): void;
  /** Starts again, after a stop, a kill or in another boot. */
  start(input: { second: number; boot?: string; wallUs?: number }): void;
  stepClock(second: number, wallUs: number): void;
  /** Builds read.db anew; the old one is closed before, as the collector would be. */
  rebuild(): Promise<void>;
  /** Closes the writers; the record stays, and can be read. */
  end(): void;
  lives(inum?: number): readonly LifespanJson[];
}

/** Begins a record; the end of the test removes it. */
export async function recordHost(policy: Partial<DerivePolicy> = {}): Promise<RecordedHost> {
  const directory = mkdtempSync(join(tmpdir(), 'nsaudit-history-'));
  const log = await openLog({
    stateDirectory: directory,
    holder: { pid: 1, startedUs: ANCHOR_US, purpose: 'test' },
    host: HOST,
  });
  const auditor = new Auditor(policy);
  const store = createStore(
    log,
    await openProjection({ files: log.files, log: log.reader }),
    auditor,
  );
  store.save(0);
  let history: History | undefined;
  let hasEnded = false;
  onTestFinished(() => {
    history?.close();
    host.end();
    rmSync(directory, { recursive: true, force: true });
  });
  let lastScan = { scanStartedUs: 0, scanEndedUs: 0 };
  const takeIn = ({ unreadable, ...input }: HostScan) => {
    const seen = scan(input);
    const reports = seen.reports.map((report) =>
      report.source === 'links' && unreadable ? { ...report, unreadable: [unreadable] } : report,
    );
    const derived = deriveEvents(
      auditor.known,
      auditor.watch,
      { ...seen, reports },
      auditor.policy,
    );
    auditor.append(derived.events);
    auditor.watch = derived.watch;
    store.save(input.second);
    return seen;
  };
  const pulse = (watchedUs: number | null) =>
    store.projection.setLive({
      ...lastScan,
      position: auditor.known.position,
      scanIntervalUs: 1_000_000,
      watchedUs,
    });
  const host: RecordedHost = {
    directory,
    auditor,
    get history() {
      history ??= openHistory({ stateDirectory: directory, now: () => at(100_000) });
      return history;
    },
    scan(input) {
      const { startedAtUs: scanStartedUs, endedAtUs: scanEndedUs } = takeIn(input);
      lastScan = { scanStartedUs, scanEndedUs };
      pulse(null);
    },
    hear(input) {
      pulse(takeIn(input).endedAtUs);
    },
    async rebuild() {
      store.projection.close();
      await rebuildReadDatabase(log.files.readPath, log.reader);
      store.projection = await openProjection({ files: log.files, log: log.reader });
    },
    watch(from, to, processes) {
      for (let second = from; second <= to; second += 1) {
        host.scan({ second, processes });
      }
    },
    append(events) {
      auditor.append(events);
      store.save(0);
    },
    stop(second) {
      const { known, watch } = auditor;
      auditor.append(deriveStop(known, watch, { atUs: at(second), reason: 'SIGTERM' }));
      store.save(second);
    },
    start(input) {
      auditor.start(input);
      store.save(input.second);
    },
    stepClock(second, wallUs) {
      const reading = { bootTimeUs: Math.round(second * 1e6), wallUs };
      auditor.append(deriveClockStep(auditor.known, reading));
      store.save(second);
    },
    end() {
      if (!hasEnded) {
        hasEnded = true;
        store.projection.close();
        log.close();
      }
    },
    lives(inum = NET) {
      return host.history.lifespans({ target: { kind: 'inum', inum, type: null } }).data;
    },
  };
  return host;
}

function createStore(log: OpenLog, first: Projection, auditor: Auditor) {
  let stored = 0;
  const store = {
    projection: first,
    save(second: number) {
      const events = auditor.log.slice(stored);
      if (events.length === 0) {
        return;
      }
      stored = auditor.log.length;
      const { batchHash } = log.writer.appendBatch(events, {
        producer: 'test',
        producerSeq: stored,
        atUs: events.at(-1)?.at ?? 0,
        wallUs: at(second),
      });
      store.projection.apply(events, batchHash);
    },
  };
  return store;
}

export { at, BOOT, process };
