import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NsauditError } from '../../src/domain/errors.ts';
import {
  createHostClock,
  createTimelineClock,
  openOwnHostClock,
} from '../../src/observe/host-clock.ts';
import { useProcTree } from './scan-tree.ts';

const tree = useProcTree();

const SECOND_US = 1_000_000;

/** A host whose clocks the test moves; /proc/uptime follows boot time, cut to 10 ms as the kernel does. */
function createHost({ monotonicUs = 100 * SECOND_US, suspendedUs = 0 } = {}): {
  clock: ReturnType<typeof createHostClock>;
  run(us: number): void;
  suspend(us: number): void;
  setWallUs(us: number): void;
  readonly bootTimeUs: number;
  readonly wallUs: number;
} {
  const now = { monotonicUs, suspendedUs, wallUs: 1_700_000_000 * SECOND_US + 123_456 };
  const writeUptime = (): void => {
    const ticks = Math.floor((now.monotonicUs + now.suspendedUs) / 10_000);
    tree.write('uptime', `${(ticks / 100).toFixed(2)} 2332.97\n`);
  };
  writeUptime();
  const clock = createHostClock({
    procRoot: tree.root,
    readMonotonicUs: () => now.monotonicUs,
    readWallMs: () => Math.floor(now.wallUs / 1_000),
  });
  return {
    clock,
    run(us) {
      now.monotonicUs += us;
      now.wallUs += us;
      writeUptime();
    },
    suspend(us) {
      now.suspendedUs += us;
      now.wallUs += us;
      writeUptime();
    },
    setWallUs(us) {
      now.wallUs = us;
    },
    get bootTimeUs() {
      return now.monotonicUs + now.suspendedUs;
    },
    get wallUs() {
      return now.wallUs;
    },
  };
}

describe('boot time', () => {
  test('is monotonic time to the microsecond as long as the host never slept', () => {
    const host = createHost();
    for (const us of [0, 1, 12_345, 9_999, 3 * SECOND_US + 7]) {
      host.run(us);
      expect(host.clock.bootTimeUs()).toBe(host.bootTimeUs);
    }
  });

  test('includes the time the host slept, to 10 ms', () => {
    const host = createHost();
    host.clock.bootTimeUs();
    host.suspend(3_600 * SECOND_US + 4_321);
    host.run(50);
    const wrongUs = host.bootTimeUs - host.clock.bootTimeUs();
    expect(wrongUs).toBeGreaterThanOrEqual(0);
    expect(wrongUs).toBeLessThanOrEqual(10_000);
  });

  test('includes the time the host slept before the clock was made', () => {
    const host = createHost({ suspendedUs: 7 * SECOND_US });
    const wrongUs = host.bootTimeUs - host.clock.bootTimeUs();
    expect(wrongUs).toBeGreaterThanOrEqual(0);
    expect(wrongUs).toBeLessThanOrEqual(10_000);
  });

  test('is behind monotonic time where a time namespace says so', () => {
    const host = createHost({ suspendedUs: -60 * SECOND_US });
    const wrongUs = host.bootTimeUs - host.clock.bootTimeUs();
    expect(wrongUs).toBeGreaterThanOrEqual(0);
    expect(wrongUs).toBeLessThanOrEqual(10_000);
  });

  test('never runs backwards and is never ahead of the truth, whatever the host does', () => {
    const steps = fc.array(
      fc.record({ us: fc.integer({ min: 0, max: 10 * SECOND_US }), doesSleep: fc.boolean() }),
      { minLength: 1, maxLength: 30 },
    );
    fc.assert(
      fc.property(steps, (taken) => {
        const host = createHost();
        let lastUs = 0;
        for (const { us, doesSleep } of taken) {
          host[doesSleep ? 'suspend' : 'run'](us);
          const nowUs = host.clock.bootTimeUs();
          expect(nowUs).toBeGreaterThanOrEqual(lastUs);
          expect(nowUs).toBeLessThanOrEqual(host.bootTimeUs);
          expect(host.bootTimeUs - nowUs).toBeLessThanOrEqual(10_000);
          lastUs = nowUs;
        }
      }),
      { numRuns: 30 },
    );
  });

  test('does not jump when the process had to wait between two readings', () => {
    tree.write('uptime', '100.00 0.00\n');
    const readings = [100 * SECOND_US, 103 * SECOND_US, 103 * SECOND_US + 5];
    const clock = createHostClock({
      procRoot: tree.root,
      readMonotonicUs: () => readings.shift() ?? Number.NaN,
    });
    expect(clock.bootTimeUs()).toBe(100 * SECOND_US);
    expect(clock.bootTimeUs()).toBe(103 * SECOND_US);
    expect(clock.bootTimeUs()).toBe(103 * SECOND_US + 5);
  });

  test('is refused, not invented, where uptime cannot be read', () => {
    const missing = createHostClock({ procRoot: `${tree.root}/missing` });
    expect(() => missing.bootTimeUs()).toThrow(NsauditError);
    tree.write('uptime', 'soon');
    const junk = createHostClock({ procRoot: tree.root });
    expect(() => junk.bootTimeUs()).toThrow(/uptime/);
  });
});

describe('the timeline', () => {
  test('is boot time plus the anchor of the boot', () => {
    const host = createHost();
    const clock = createTimelineClock(host.clock, 1_000);
    expect(clock.timelineUs()).toBe(host.bootTimeUs + 1_000);
    expect(clock.bootTimeUs()).toBe(host.bootTimeUs);
  });
});

describe('wall time', () => {
  test('is never off by more than the millisecond that Date shows', () => {
    const host = createHost();
    for (const us of [0, 777, 12_345, 1, SECOND_US]) {
      host.run(us);
      expect(Math.abs(host.clock.wallUs() - host.wallUs)).toBeLessThanOrEqual(1_000);
    }
  });

  test('comes closer with every reading', () => {
    const host = createHost();
    for (let reading = 0; reading < 200; reading += 1) {
      host.run(997);
      host.clock.wallUs();
    }
    expect(Math.abs(host.clock.wallUs() - host.wallUs)).toBeLessThanOrEqual(20);
  });

  test('follows the clock when somebody sets it, both ways', () => {
    const host = createHost();
    for (const toUs of [1_600_000_000 * SECOND_US, 1_800_000_000 * SECOND_US + 999]) {
      host.clock.wallUs();
      host.setWallUs(toUs);
      expect(Math.abs(host.clock.wallUs() - toUs)).toBeLessThanOrEqual(1_000);
    }
  });
});

test('boot time of the own host is that of the C library, and never runs backwards', () => {
  const clock = openOwnHostClock('/proc');
  const other = createHostClock({ procRoot: '/proc' });
  for (let turn = 0; turn < 1_000; turn++) {
    const beforeUs = clock.bootTimeUs();
    const betweenUs = other.bootTimeUs();
    // The other one is cut to 10 ms if this host ever slept.
    expect(betweenUs).toBeGreaterThanOrEqual(beforeUs - 10_000);
    expect(betweenUs).toBeLessThanOrEqual(clock.bootTimeUs());
  }
});
