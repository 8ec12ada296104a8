/**
 * Differential test: every namespace that lsns shows is one that a scan shows, with the same number of
 * processes, and the other way round as far as lsns looks.
 */
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { isNamespaceType } from '../../src/domain/namespace-type.ts';
import { createProcfsScanner } from '../../src/observe/procfs-scan.ts';
import { findObstacle, startLab, type Lab } from './lab.ts';

const hasLsns = spawnSync('lsns', ['--version']).status === 0;
const obstacle = findObstacle() ?? (hasLsns ? null : 'no lsns command');

/** Old and new lsns differ in numbers and strings, and nest children in the default form. */
const lsnsSchema = z.object({
  namespaces: z.array(
    z.object({ ns: z.coerce.number(), type: z.string(), nprocs: z.coerce.number() }),
  ),
});

let lab: Lab;

describe.skipIf(obstacle)(`compared with lsns${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`, () => {
  beforeAll(async () => {
    lab = startLab();
    await lab.run('spawn("net","uts")');
    await lab.run('spawn("user","mnt","ipc")');
    await lab.run('spawn("pid","cgroup",via="clone")');
    await lab.run('spawn_in_time()');
  });

  afterAll(() => lab.end());

  test('the same namespaces, with the same number of processes', () => {
    const scanner = createProcfsScanner({
      procRoot: '/proc',
      bootId: 'test',
      clock: { timelineUs: () => 0 },
    });
    // Processes come and go between the two looks; what both looks agree on twice is compared.
    let differences = ['not compared'];
    for (let attempt = 0; attempt < 5 && differences.length > 0; attempt += 1) {
      const before = countByNamespace(scanner);
      const listed = spawnSync('lsns', ['--json', '--list', '--output', 'NS,TYPE,NPROCS'], {
        encoding: 'utf8',
      });
      const after = countByNamespace(scanner);
      const theirs = new Map(
        lsnsSchema
          .parse(JSON.parse(listed.stdout))
          .namespaces.map(({ ns, type, nprocs }) => [`${type}:${ns}`, nprocs]),
      );
      differences = compare(theirs, before, after);
    }
    expect(differences).toEqual([]);
  });
});

function countByNamespace(scanner: ReturnType<typeof createProcfsScanner>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { links } of scanner.scan().processes) {
    for (const [type, inum] of Object.entries(links)) {
      counts.set(`${type}:${inum}`, (counts.get(`${type}:${inum}`) ?? 0) + 1);
    }
  }
  return counts;
}

/** lsns itself is one more process while it looks, and it lists namespaces without processes as well. */
function compare(
  theirs: Map<string, number>,
  before: Map<string, number>,
  after: Map<string, number>,
): string[] {
  const differences: string[] = [];
  for (const [key, count] of theirs) {
    const low = Math.min(before.get(key) ?? 0, after.get(key) ?? 0);
    const high = Math.max(before.get(key) ?? 0, after.get(key) ?? 0) + 1;
    if (count > 0 && (count < low || count > high)) {
      differences.push(`${key}: lsns ${count}, scans ${low} to ${high - 1}`);
    }
  }
  for (const key of after.keys()) {
    if (isNamespaceType(key.split(':')[0] ?? '') && !theirs.has(key) && before.has(key)) {
      differences.push(`${key}: not shown by lsns`);
    }
  }
  return differences;
}
