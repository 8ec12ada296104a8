/**
 * `nsaudit state --tree` over a real record, against what lsns says of the same namespaces while they are
 * there; and once more when all of them have ended, for the time before.
 */
import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Profile } from '../../src/collector/profile.ts';
import { runWords } from '../cli/run-words.ts';
import {
  findKernelObstacle,
  findObstacle,
  startLab,
  startWatcher,
  TESTED_PROFILE,
  type Lab,
  type Watcher,
} from './lab.ts';

/** In the kernel profiles scans take a small share of a core and no more: on a slow machine they are seconds apart. */
const PATIENCE_MS = 150_000;
const TEST_MS = 400_000;
const hasLsns = spawnSync('lsns', ['--version']).status === 0;
const noLsns = hasLsns ? null : 'no lsns command';

/** Old and new lsns differ in numbers and strings. */
const lsnsSchema = z.object({
  namespaces: z.array(
    z.object({
      ns: z.coerce.number(),
      type: z.string(),
      pns: z.coerce.number(),
      ons: z.coerce.number(),
      pid: z.coerce.number().nullable(),
    }),
  ),
});

const profiles: [name: string, profile: Profile | 'auto', obstacle: string | null][] = [
  ['procfs', 'procfs', findObstacle() ?? noLsns],
  ['kernel events', TESTED_PROFILE, findKernelObstacle() ?? noLsns],
];

/** `type:[inum]` by what stands below it. */
type Edges = ReadonlyMap<string, string>;

/** Of the namespaces that these processes are in: what each stands below, by the rule of the tree. */
function askLsns(pids: readonly number[]): Edges {
  const { stdout } = spawnSync('lsns', ['--json', '--list', '--output', 'NS,TYPE,PNS,ONS,PID'], {
    encoding: 'utf8',
  });
  const { namespaces } = lsnsSchema.parse(JSON.parse(stdout));
  const edges = new Map<string, string>();
  for (const { ns, type, pns, ons, pid } of namespaces) {
    if (pid !== null && pids.includes(pid)) {
      const isBelowParent = type === 'user' || type === 'pid';
      edges.set(`${type}:[${ns}]`, isBelowParent ? `${type}:[${pns}]` : `user:[${ons}]`);
    }
  }
  return edges;
}

async function drawTree(stateDirectory: string, ...words: readonly string[]): Promise<Edges> {
  const { status, stdout, stderr } = await runWords(
    ['state', '--tree', '--no-header', '--state-dir', stateDirectory, ...words],
    { nowUs: Date.now() * 1_000 },
  );
  expect({ status, stderr }).toMatchObject({ status: 0 });
  const edges = new Map<string, string>();
  const path: string[] = [];
  for (const line of stdout.trimEnd().split('\n')) {
    const found = /^([ |`-]*)([a-z]+:\[\d+\]|unknown)/.exec(line);
    const [, lead = '', name = ''] = found ?? [];
    path.length = lead.length / 2;
    edges.set(name, path.at(-1) ?? 'top');
    path.push(name);
  }
  return edges;
}

function differences(ours: Edges, theirs: Edges): string[] {
  return [...theirs]
    .filter(([name, above]) => ours.get(name) !== above)
    .map(([name, above]) => `${name}: lsns below ${above}, ours below ${ours.get(name)}`);
}

describe.each(profiles)('state --tree, by %s', { timeout: TEST_MS }, (_name, profile, obstacle) => {
  let lab: Lab;
  let watcher: Watcher;

  beforeEach(() => {
    lab = startLab();
  });

  afterEach(async () => {
    await lab.end();
    await watcher.stop();
  });

  test.skipIf(obstacle)(
    `is what lsns says, and stays so for that time when all have ended${obstacle === null ? '' : ` — NOT RUN: ${obstacle}`}`,
    async () => {
      watcher = await startWatcher(100, { profile });
      const made = (
        await lab.run<{ pid: number; outer: number; inner: number }>('spawn_nested(54321)')
      ).result;
      const hidden = (await lab.run<{ pid: number; outer: number }>('spawn_nested_users()')).result;
      await lab.run(`enter_inner_user(${hidden.pid})`);
      const others = (await lab.run<{ pid: number }>('spawn("net","uts","ipc","mnt")')).result;
      const theirs = askLsns([made.outer, made.inner, hidden.pid, others.pid]);
      expect(theirs.size).toBe(3 + 3 + 1 + 4);

      const deadline = Date.now() + PATIENCE_MS;
      let ours = await drawTree(watcher.stateDirectory);
      while (differences(ours, theirs).length > 0 && Date.now() < deadline) {
        await watcher.scans(1);
        ours = await drawTree(watcher.stateDirectory);
      }
      expect(differences(ours, theirs)).toEqual([]);
      // Nobody is in it, so lsns shows it without a process.
      expect(ours.get(`user:[${hidden.outer}]`)).toMatch(/^user:/);

      const then = new Date().toISOString();
      await watcher.scans(1);
      for (const pid of [made.pid, hidden.pid, others.pid]) {
        await lab.run(`end(${pid})`);
      }
      let left = await drawTree(watcher.stateDirectory);
      while ([...theirs.keys()].some((name) => left.has(name)) && Date.now() < deadline) {
        await watcher.scans(1);
        left = await drawTree(watcher.stateDirectory);
      }
      const past = await drawTree(watcher.stateDirectory, '--at', then);
      expect(differences(past, theirs)).toEqual([]);
      expect(past.get(`user:[${hidden.outer}]`)).toBe(ours.get(`user:[${hidden.outer}]`));
    },
  );
});
