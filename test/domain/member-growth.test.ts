/**
 * How much of log.db a fork storm in one container costs.
 *
 * Real: the rules, the store, the files. Modelled: the storm and the clock. The facts about the processes
 * are as long as those of a Docker container.
 */
import { statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { AuditEvent } from '../../src/domain/event.ts';
import { DEFAULT_GROWTH_POLICY } from '../../src/domain/growth-policy.ts';
import { OneSet } from '../support/one-set.ts';
import { Auditor, only, process } from '../support/scan-builder.ts';
import { createAppender, openTestLog, Scratch } from '../support/state-on-disk.ts';

const FORKS_PER_SECOND = 1_000;
const SECONDS = 60;
const TICKS_PER_SECOND = 10;
const LIMIT_BYTES = 1_000_000;

const CONTAINER_ID = 'c0ffee'.padEnd(64, '0123456789');
const FACTS = {
  ppid: 1_234_567,
  exe: '/usr/bin/dash',
  uid: 100_000,
  gid: 100_000,
  loginuid: 4_294_967_294,
  session: 4_294_967,
  cgroup: `/system.slice/docker-${CONTAINER_ID}.scope`,
  containerId: CONTAINER_ID,
};

/** By how much log.db grows when the second list of batches follows the first. */
async function measureGrowthBytes(
  before: readonly (readonly AuditEvent[])[],
  during: readonly (readonly AuditEvent[])[],
): Promise<number> {
  using scratch = new Scratch();
  const sizes: number[] = [];
  for (const [index, batches] of [before, during].entries()) {
    const log = await openTestLog(scratch.path);
    const append = createAppender(log, `run-${index}`);
    batches.filter((events) => events.length > 0).forEach((events) => append(events));
    log.close();
    sizes.push(statSync(scratch.join('log.db')).size);
  }
  return (sizes[1] ?? 0) - (sizes[0] ?? 0);
}

function countMembers(events: readonly AuditEvent[]): { listed: number; counted: number } {
  return {
    listed: only(events, 'holder.gained').length,
    counted: only(events, 'holders.churned').reduce((sum, { gained }) => sum + gained, 0),
  };
}

describe('1,000 forks a second in one container for a minute grow log.db by at most 1 MB', () => {
  test('when the kernel tells of each of them, in ten batches a second', async () => {
    const set = new OneSet(DEFAULT_GROWTH_POLICY, FACTS);
    set.join('sh');
    const before = set.log.length;
    const batches: AuditEvent[][] = [];
    for (let tick = 0; tick < SECONDS * TICKS_PER_SECOND; tick += 1) {
      const from = set.log.length;
      for (let fork = 0; fork < FORKS_PER_SECOND / TICKS_PER_SECOND; fork += 1) {
        const pid = set.join('sh');
        set.pass(500);
        set.leave(pid);
        set.pass(500);
      }
      set.reconcile();
      batches.push(set.log.slice(from));
    }
    const from = set.log.length;
    set.stop();
    batches.push(set.log.slice(from));
    const { listed, counted } = countMembers(batches.flat());
    expect(listed + counted).toBe(FORKS_PER_SECOND * SECONDS);
    const bytes = await measureGrowthBytes([set.log.slice(0, before)], batches);
    expect(bytes).toBeLessThanOrEqual(LIMIT_BYTES);
  });

  test('when scans a second apart see nine tenths of them', async () => {
    const auditor = new Auditor({ growth: DEFAULT_GROWTH_POLICY });
    const container = { net: 4_026_532_268, pid: 4_026_532_269, mnt: 4_026_532_270 };
    const facts = { ...FACTS, comm: 'sh' };
    const others = [process(2), process(3), process(4)];
    const main = process(50, container, { facts });
    auditor.scan({ second: 10, processes: others });
    auditor.scan({ second: 11, processes: [...others, main] });
    const before = [...auditor.log];
    const batches: AuditEvent[][] = [];
    for (let second = 12; second < 12 + SECONDS; second += 1) {
      const forked = Array.from({ length: (FORKS_PER_SECOND * 9) / 10 }, (_, index) =>
        process(1_000_000 + second * FORKS_PER_SECOND + index, container, {
          facts,
          startTimeTicks: second * 100 - 50,
        }),
      );
      batches.push(auditor.scan({ second, processes: [...others, main, ...forked] }));
    }
    batches.push(auditor.scan({ second: 12 + SECONDS, processes: [...others, main] }));
    batches.push(auditor.stop({ second: 13 + SECONDS }));
    const { listed, counted } = countMembers(batches.flat());
    expect(listed + counted).toBe(((FORKS_PER_SECOND * 9) / 10) * SECONDS);
    const bytes = await measureGrowthBytes([before], batches);
    expect(bytes).toBeLessThanOrEqual(LIMIT_BYTES);
  });
});
