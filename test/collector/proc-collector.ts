/** A collector on a fake proc tree, with a state directory of its own. Real: collector, databases, clocks. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CollectorOptions } from '../../src/collector/collector-options.ts';
import { runCollector } from '../../src/collector/run-collector.ts';
import { fromStoredEvent, type AuditEvent } from '../../src/domain/event.ts';
import { DEFAULT_GROWTH_POLICY } from '../../src/domain/growth-policy.ts';
import { openLogReader } from '../../src/store/event-log-reader.ts';
import { createProcTree } from '../support/proc-tree.ts';

export class ProcCollector implements Disposable {
  readonly #scratch = mkdtempSync(join(tmpdir(), 'nsaudit-collector-'));
  readonly tree = createProcTree();
  readonly stateDirectory = join(this.#scratch, 'state');
  readonly machineIdPath = join(this.#scratch, 'machine-id');
  /** Everything it has said so far. */
  readonly said: string[] = [];

  constructor() {
    this.boot('5e98bcd4-8de7-4e45-babe-ffdf1b3658aa');
    this.tree.write('sys/kernel/osrelease', '6.1.0-test\n');
    this.tree.link('uptime', '/proc/uptime');
    this.tree.write('self/status', 'CapEff:\t0000000000080004\n');
    this.tree.write('self/mountinfo', '');
    for (let pid = 1; pid <= 5; pid += 1) {
      this.tree.addProcess(pid);
    }
  }

  boot(bootId: string): void {
    this.tree.write('sys/kernel/random/boot_id', `${bootId}\n`);
  }

  join(...names: string[]): string {
    return join(this.#scratch, ...names);
  }

  run(options: Partial<CollectorOptions> = {}): Promise<void> {
    const say = (line: string) => this.said.push(line);
    return runCollector({
      stateDirectory: this.stateDirectory,
      procRoot: this.tree.root,
      machineIdPath: this.machineIdPath,
      toolVersion: 'test',
      profile: 'procfs',
      isOwnHost: false,
      pinDirectory: null,
      keepHooks: false,
      growth: DEFAULT_GROWTH_POLICY,
      scanIntervalMs: 20,
      forMs: null,
      once: false,
      initialHolders: 'count',
      signal: new AbortController().signal,
      onReady: say,
      onNotice: say,
      ...options,
    });
  }

  readLog(stateDirectory = this.stateDirectory): AuditEvent[] {
    const reader = openLogReader(stateDirectory);
    try {
      return reader.readEvents({ after: 0, limit: 10_000 }).map(fromStoredEvent);
    } finally {
      reader.close();
    }
  }

  [Symbol.dispose](): void {
    this.tree.remove();
    rmSync(this.#scratch, { recursive: true, force: true });
  }
}
