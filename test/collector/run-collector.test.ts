/**
 * The loop on a fake proc tree: order of start and stop, cadence, what a new start makes of the old end.
 *
 * Real: collector, databases, clocks. Modelled: what the kernel shows in /proc.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CollectorOptions } from '../../src/collector/collector-options.ts';
import { runCollector } from '../../src/collector/run-collector.ts';
import { fromStoredEvent, type AuditEvent } from '../../src/domain/event.ts';
import { DEFAULT_GROWTH_POLICY } from '../../src/domain/growth-policy.ts';
import { openLogReader } from '../../src/store/event-log-reader.ts';
import { createProcTree, type ProcTree } from '../support/proc-tree.ts';
import { only } from '../support/scan-builder.ts';

/** Enough to make a scan take longer than the shortest interval there is. */
const MANY_PROCESSES = 300;

let tree: ProcTree;
let scratch: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'nsaudit-collector-'));
  tree = createProcTree();
  tree.write('sys/kernel/random/boot_id', '5e98bcd4-8de7-4e45-babe-ffdf1b3658aa\n');
  tree.write('sys/kernel/osrelease', '6.1.0-test\n');
  tree.link('uptime', '/proc/uptime');
  tree.write('self/status', 'CapEff:\t0000000000080004\n');
  tree.write('self/mountinfo', '');
  addProcesses(1, 10);
});

function addProcesses(first: number, last: number): void {
  for (let pid = first; pid <= last; pid += 1) {
    tree.addProcess(pid);
  }
}

afterEach(() => {
  tree.remove();
  rmSync(scratch, { recursive: true, force: true });
});

async function collect(options: Partial<CollectorOptions> = {}): Promise<string[]> {
  const lines: string[] = [];
  await runCollector({
    stateDirectory: join(scratch, 'state'),
    procRoot: tree.root,
    machineIdPath: join(scratch, 'machine-id'),
    toolVersion: 'test',
    profile: 'procfs',
    isOwnHost: false,
    pinDirectory: null,
    keepHooks: false,
    growth: DEFAULT_GROWTH_POLICY,
    scanIntervalMs: 10,
    forMs: null,
    once: false,
    initialHolders: 'count',
    signal: new AbortController().signal,
    onReady: (line) => lines.push(line),
    onNotice: (line) => lines.push(line),
    ...options,
  });
  return lines;
}

function readLog(): AuditEvent[] {
  const reader = openLogReader(join(scratch, 'state'));
  try {
    return reader.readEvents({ after: 0, limit: 1_000 }).map(fromStoredEvent);
  } finally {
    reader.close();
  }
}

describe('the collector', () => {
  test('one look records a boot, a start, every namespace, its coverage and a stop, in this order', async () => {
    const lines = await collect({ once: true });
    const names = readLog().map(({ event }) => event);
    expect(names.slice(0, 2)).toEqual(['boot.started', 'collector.started']);
    expect(names.filter((name) => name === 'namespace.born')).toHaveLength(8);
    expect(names.slice(-3)).toEqual(['coverage.changed', 'holders.churned', 'collector.stopped']);
    expect(lines.at(-1)).toMatch(/^ready profile=procfs /);
  });

  test('scans slower than their interval do not pile up, and coverage shows the real cadence', async () => {
    addProcesses(11, MANY_PROCESSES);
    let scans = 0;
    await collect({ forMs: 1_500, onScan: () => (scans += 1) });
    const stretches = only(readLog(), 'coverage.changed');
    const stretch = stretches.at(-1);
    expect(stretches.reduce((sum, { scans: count }) => sum + count, 0)).toBe(scans);
    const slowest = stretch?.scanDurationUsMax ?? 0;
    expect(slowest).toBeGreaterThan(10_000);
    expect(stretch?.scanIntervalUsMedian).toBeGreaterThan(10_000);
    expect(scans).toBeLessThan(1_500 / 10);
    expect(only(readLog(), 'observation.gap')).toEqual([]);
  });

  test('a profile that cannot be had is said, and the log says what ran instead', async () => {
    const lines = await collect({ once: true, profile: 'trampoline' });
    expect(lines.some((line) => line.includes('trampoline'))).toBe(true);
    expect(only(readLog(), 'collector.started')).toMatchObject([{ profile: 'procfs', hooks: [] }]);
  });

  test('a second run goes on in the same log and records the time between as a gap', async () => {
    await collect({ once: true });
    await collect({ forMs: 300 });
    const events = readLog();
    expect(only(events, 'boot.started')).toHaveLength(1);
    expect(only(events, 'namespace.born')).toHaveLength(8);
    expect(only(events, 'observation.gap')).toMatchObject([{ reason: 'stopped' }]);
    expect(only(events, 'observation.gap_closed')).toMatchObject([{ inferred: 0, recovered: 8 }]);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_event, index) => index + 1));
  });
});
