/**
 * A collector that has records of long ago still before it. Real: the session, the rules, log and projection.
 * Modelled: the rings, the clock, and what a scan sees.
 */
import { expect, test } from 'vitest';
import { KernelSession } from '../../src/collector/kernel-session.ts';
import { openRecorder } from '../../src/collector/recorder.ts';
import { fromStoredEvent, type AuditEvent } from '../../src/domain/event.ts';
import { DEFAULT_GROWTH_POLICY } from '../../src/domain/growth-policy.ts';
import type { KernelRecord } from '../../src/domain/kernel-record.ts';
import { INITIAL_INUMS } from '../../src/domain/namespace-type.ts';
import type { KernelEvents } from '../../src/observe/kernel-events.ts';
import { openLogReader } from '../../src/store/event-log-reader.ts';
import { at, birth, inside, moved, ns } from '../support/kernel-auditor.ts';
import { Auditor, BOOT, only, process, scan } from '../support/scan-builder.ts';
import { HOST, Scratch } from '../support/state-on-disk.ts';

const BIRTHS = 1_000;
const LISTED_MAX = 10;
/** The kernel gives an inum to the next namespace as soon as it is free: so many live at once. */
const INUMS = 3;

const storm: readonly KernelRecord[] = Array.from({ length: BIRTHS }, (_, index) => {
  const second = 2 + index / 1_000;
  const uts = ns('uts', 4026532100 + (index % INUMS), String(5_000 + index));
  return [birth(second, uts), moved(second, 50, inside(uts))];
}).flat();

const nothing = () => {};

/** Rings from which the records given are taken in their order, and nothing is ever lost. */
function createRings(records: readonly KernelRecord[]): KernelEvents {
  let taken = 0;
  return {
    profile: 'tracepoint',
    hooks: [],
    attachedAtUs: at(0),
    isTakenOver: false,
    refusals: [],
    notices: [],
    pump: nothing,
    pendingCount: 0,
    take(max) {
      const next = records.slice(taken, taken + max);
      taken += next.length;
      return next;
    },
    recover: () => [],
    remember: nothing,
    willForget: nothing,
    forget: nothing,
    stats: () => {
      throw new Error('no session asks for statistics');
    },
    close: nothing,
  };
}

/** The log of a collector that comes to the records of a storm only at that second of the boot. */
async function recordAt(second: number): Promise<AuditEvent[]> {
  using scratch = new Scratch();
  const clock = { bootTimeUs: () => 0, wallUs: () => at(second), timelineUs: () => at(second) };
  const recorder = await openRecorder({
    stateDirectory: scratch.path,
    hostId: HOST,
    bootId: BOOT,
    clock,
  });
  try {
    const { log, watch } = new Auditor();
    recorder.append(log, at(0));
    const session = new KernelSession({
      recorder,
      clock,
      events: createRings(storm),
      probe: null,
      scan: () => scan({ second, processes: [process(1)] }),
      bootId: BOOT,
      initial: INITIAL_INUMS,
      own: null,
      addAncestors: (records) => records,
      policy: { initialHolders: 'count', heartbeatUs: 60_000_000 },
      growth: () => ({
        ...DEFAULT_GROWTH_POLICY,
        births: { perMinuteMax: LISTED_MAX, shortLifeUs: 1_000_000 },
      }),
      isResumed: false,
      watch,
    });
    while ((await session.drain()) > 0) {
      // Until nothing is left.
    }
    await session.finish();
  } finally {
    recorder.close();
  }
  const reader = openLogReader(scratch.path);
  const events = reader.readEvents({ after: 0, limit: 100_000 }).map(fromStoredEvent);
  reader.close();
  return events;
}

test.each([
  ['at once', 3.1],
  ['minutes later', 300],
])('a storm that is told %s is listed up to the limit and counted beyond it', async (_, second) => {
  const events = await recordAt(second);
  const stormed = only(events, 'namespaces.stormed').reduce((sum, { count }) => sum + count, 0);
  const born = only(events, 'namespace.born').filter(({ type }) => type === 'uts');
  // Beyond the limit those are listed that were still there.
  expect(born).toHaveLength(LISTED_MAX + INUMS);
  expect(stormed).toBe(BIRTHS - LISTED_MAX - INUMS);
});
