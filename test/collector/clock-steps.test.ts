/**
 * A wall clock that is set by hours, and a boot that begins in 1970. Real: collector, databases, boot time. The
 * wall clock is the test's own: the host's belongs to everybody.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import type { AuditEvent } from '../../src/domain/event.ts';
import { only } from '../support/scan-builder.ts';
import { ProcCollector } from './proc-collector.ts';

const HOUR_US = 3_600_000_000;
const SECOND_US = 1_000_000;
const realNow = Date.now;
let offsetMs = 0;

afterEach(() => {
  vi.restoreAllMocks();
  offsetMs = 0;
});

function takeOverWallClock(): void {
  vi.spyOn(Date, 'now').mockImplementation(() => realNow() + offsetMs);
}

function expectInOrder(events: readonly AuditEvent[]): void {
  const instants = events.map(({ at }) => at);
  expect(instants).toEqual(instants.toSorted((left, right) => left - right));
  const durations = events.flatMap((event) => {
    if ('from' in event && 'to' in event && typeof event.to === 'number') {
      return [event.to - Number(event.from)];
    }
    return event.event === 'namespace.born' ? [event.born.by - (event.born.after ?? 0)] : [];
  });
  expect(durations.length).toBeGreaterThan(0);
  expect(Math.min(...durations)).toBeGreaterThanOrEqual(0);
}

test('steps of an hour either way are recorded, and turn no order, duration or bound around', async () => {
  using collector = new ProcCollector();
  takeOverWallClock();
  const startedMs = performance.now();
  let scans = 0;
  let goalScans = Number.POSITIVE_INFINITY;
  const abort = new AbortController();
  const running = collector.run({
    signal: abort.signal,
    onScan() {
      scans += 1;
      if (scans >= goalScans) {
        abort.abort();
      }
    },
  });
  await vi.waitUntil(() => scans > 2, 20_000);
  offsetMs = 3_600_000;
  let seen = scans;
  await vi.waitUntil(() => scans > seen + 2, 20_000);
  offsetMs = -3_600_000;
  seen = scans;
  await vi.waitUntil(() => scans > seen + 2, 20_000);
  collector.tree.removeProcess(5);
  await sleep(50);
  goalScans = scans + 3;
  await running;
  const tookUs = (performance.now() - startedMs) * 1_000;

  const events = collector.readLog();
  expectInOrder(events);
  const steps = only(events, 'clock.stepped').map((step) => step.offsetUs - step.previousOffsetUs);
  expect(steps).toHaveLength(2);
  expect(Math.abs((steps[0] ?? 0) - HOUR_US)).toBeLessThan(SECOND_US);
  expect(Math.abs((steps[1] ?? 0) + 2 * HOUR_US)).toBeLessThan(SECOND_US);
  expect((events.at(-1)?.at ?? 0) - (events[0]?.at ?? 0)).toBeLessThan(tookUs + SECOND_US);
  expect(only(events, 'observation.gap')).toEqual([]);
}, 90_000);

test('a boot whose wall clock says 1970 goes on after the one before, and says how wrong the clock is', async () => {
  using collector = new ProcCollector();
  takeOverWallClock();
  await collector.run({ once: true });
  const before = collector.readLog();
  const lastUs = before.at(-1)?.at ?? 0;
  offsetMs = -realNow() + 86_400_000;
  collector.boot('00000000-8de7-4e45-babe-ffdf1b3658aa');
  await collector.run({ once: true });
  const after = collector.readLog().slice(before.length);
  expectInOrder([...before, ...after]);
  const [boot] = only(after, 'boot.started');
  expect(boot?.anchor).toBeGreaterThan(lastUs);
  expect(boot?.offsetUs).toBeLessThan(-365 * 24 * HOUR_US);
  expect(only(after, 'namespace.disappeared').map(({ reason }) => reason)).toEqual(
    Array(8).fill('reboot'),
  );
  for (const { gone } of only(after, 'namespace.disappeared')) {
    expect(gone.by).toBe(boot?.anchor);
    expect(gone.after).toBeLessThanOrEqual(lastUs);
  }
  expect(only(after, 'observation.gap')).toMatchObject([{ reason: 'reboot' }]);
}, 60_000);
