/**
 * Pid namespaces that go on after their init has ended, and into which the kernel forks nobody any more.
 *
 * Real: the kernel, the namespaces, fork and its refusal, the collector. Modelled: nothing.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openHistory } from '../../src/history/open-history.ts';
import { until } from './holders.ts';
import {
  findKernelObstacle,
  findObstacle,
  startLab,
  startWatcher,
  TESTED_PROFILE,
  type Lab,
  type Watcher,
} from './lab.ts';
import { expectEndWithin, lastLife } from './lives.ts';

const PROFILES = [
  [TESTED_PROFILE, true, findKernelObstacle()],
  ['procfs', false, findObstacle()],
] as const;
const SCAN_MS = 50;
const TEST_MS = 400_000;

let lab: Lab;
let watcher: Watcher;

for (const [profile, isTold, obstacle] of PROFILES) {
  const notRun = obstacle ? ` — NOT RUN: ${obstacle}` : '';
  describe.skipIf(obstacle)(`the init of a pid namespace, by ${profile}${notRun}`, () => {
    beforeEach(async () => {
      lab = startLab();
      watcher = await startWatcher(SCAN_MS, { profile });
      await watcher.scans(1);
    });

    afterEach(async () => {
      await lab.end();
      await watcher.stop();
    });

    test(
      'when it has ended, fork is refused, and the namespace that goes on says since when',
      { timeout: TEST_MS },
      async () => {
        await lab.run('unshare("pid")');
        const init = (await lab.run<{ pid: number }>('spawn_born()')).result.pid;
        const inum = (await lab.run<number>(`link("pid", ${init})`)).result;
        const other = (await lab.run<{ pid: number }>('spawn_born()')).result.pid;
        await until(watcher, (each) => lastLife(each, 'pid', inum) !== undefined);
        await watcher.scans(2);
        await lab.run(`end(${other})`);
        await watcher.scans(3);
        expect(lastLife(watcher.read(), 'pid', inum)?.initEnded).toBeNull();

        const ending = await lab.run(`end(${init})`);
        expect((await lab.run<string | null>('fork_refused()')).result).toBe('ENOMEM');
        const record = await until(
          watcher,
          (each) => (lastLife(each, 'pid', inum)?.initEnded ?? null) !== null,
        );
        const life = lastLife(record, 'pid', inum);
        expectEndWithin(record, life?.initEnded ?? null, ending, 'init');
        expect(life?.initEnded?.after === life?.initEnded?.by, 'exact where told').toBe(isTold);
        await watcher.scans(3);
        // What it gives its children holds it.
        expect(lastLife(watcher.read(), 'pid', inum)).toMatchObject({ gone: null, unheld: null });
        const history = openHistory({ stateDirectory: watcher.stateDirectory });
        const shown = history.state({ types: ['pid'] }).data.find((each) => each.inum === inum);
        history.close();
        expect(shown).toMatchObject({ state: 'held', initEnded: { after: expect.any(String) } });
      },
    );
  });
}
