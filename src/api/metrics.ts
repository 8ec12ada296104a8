/** What Prometheus may ask for: one registry per app, filled from the history when it is scraped. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { NAMESPACE_TYPES } from '../domain/namespace-type.ts';
import { fromRfc3339, US_PER_SECOND } from '../domain/time.ts';
import type { History, Status } from '../history/history.ts';

export interface Metrics {
  readonly contentType: string;
  /**
   * The text exposition of this moment.
   *
   * Errors: those of `History.status`; a scrape that fails shows as `up 0`, half an answer would not show.
   */
  render(): Promise<string>;
  /** `route` is the template of the path, so that the number of series stays bounded. */
  observeRequest(request: { route: string; code: number; durationMs: number }): void;
}

interface MetricsOptions {
  readonly history: History;
  readonly version: string;
  readonly subscriberCount: () => number;
}

/** Seconds; most answers take single milliseconds, a report over a long window takes seconds. */
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];

export function buildMetrics({ history, version, subscriberCount }: MetricsOptions): Metrics {
  const registry = new Registry();
  const durations = new Histogram({
    name: 'nsaudit_http_request_duration_seconds',
    help: 'Time from request to the end of the answer; event streams are not in it.',
    labelNames: ['route', 'code'],
    buckets: DURATION_BUCKETS,
    registers: [registry],
  });
  const build = new Gauge({
    name: 'nsaudit_build_info',
    help: 'Always 1; the labels say what runs.',
    labelNames: ['version', 'node'],
    registers: [registry],
  });
  build.set({ version, node: process.version }, 1);
  const subscribers = new Gauge({
    name: 'nsaudit_http_event_streams',
    help: 'Event streams that are open.',
    registers: [registry],
  });
  const setStatus = registerStatus(registry);
  return {
    contentType: registry.contentType,
    render() {
      setStatus(history.status());
      subscribers.set(subscriberCount());
      return registry.metrics();
    },
    observeRequest({ route, code, durationMs }) {
      durations.observe({ route, code: String(code) }, durationMs / 1_000);
    },
  };
}

function registerStatus(registry: Registry): (status: Status) => void {
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers: [registry] });
  const head = gauge('nsaudit_log_position', 'seq of the last event of the log.');
  const position = gauge('nsaudit_projection_position', 'seq of the last event that answers know.');
  const lastScan = gauge(
    'nsaudit_scan_last_success_timestamp_seconds',
    'Wall time of the start of the last scan; 0 before the first.',
  );
  const collecting = gauge('nsaudit_collecting', 'Whether a collector is watching: 1 or 0.');
  const suspended = gauge(
    'nsaudit_recording_suspended',
    'Whether nothing is recorded because the disk is full or fails: 1 or 0.',
  );
  const namespaces = new Gauge({
    name: 'nsaudit_namespaces',
    help: 'Namespaces that are alive, the initial ones among them.',
    labelNames: ['type'],
    registers: [registry],
  });
  const gaps = new Counter({
    name: 'nsaudit_gap_seconds_total',
    help: 'Time that was not watched since the log began.',
    registers: [registry],
  });
  const free = gauge('nsaudit_free_bytes', 'Room left on the file system of the record.');
  const sizes = new Gauge({
    name: 'nsaudit_db_bytes',
    help: 'Size of a database file.',
    labelNames: ['file'],
    registers: [registry],
  });
  const wals = new Gauge({
    name: 'nsaudit_wal_bytes',
    help: 'Size of the write-ahead log of a database; it grows while somebody reads one state for long.',
    labelNames: ['file'],
    registers: [registry],
  });
  return (status) => {
    const { freeBytes, logBytes, readBytes, logWalBytes, readWalBytes } = status.disk;
    free.set(freeBytes);
    sizes.set({ file: 'log.db' }, logBytes);
    sizes.set({ file: 'read.db' }, readBytes);
    wals.set({ file: 'log.db' }, logWalBytes);
    wals.set({ file: 'read.db' }, readWalBytes);
    head.set(status.head);
    position.set(status.position);
    collecting.set(status.isCollecting ? 1 : 0);
    suspended.set(status.suspendedAt === null ? 0 : 1);
    lastScan.set(toEpochSeconds(status.lastScanAt));
    for (const type of NAMESPACE_TYPES) {
      namespaces.set({ type }, status.namespaces[type]);
    }
    // The log knows the total; a counter of this library only knows how to grow.
    gaps.reset();
    gaps.inc(status.gapTotalUs / US_PER_SECOND);
  };
}

function toEpochSeconds(instant: string | null): number {
  return (instant === null ? 0 : (fromRfc3339(instant) ?? 0)) / US_PER_SECOND;
}
