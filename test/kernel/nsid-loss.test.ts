/**
 * Notices of network namespace ids that find no room in the socket: the kernel answers ENOBUFS, and that is an event.
 *
 * Real: the kernel, the socket with the smallest buffer there is, the collector. Modelled: nothing.
 */
import { expect, test } from 'vitest';
import { openHistory } from '../../src/history/open-history.ts';
import { until } from './holders.ts';
import { findObstacle, startLab, startWatcher } from './lab.ts';

const obstacle = findObstacle();

test.skipIf(obstacle)(
  `lost notices are a gap of their own source, closed by the next list, and no time without watching${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`,
  { timeout: 400_000 },
  async () => {
    const lab = startLab();
    const watcher = await startWatcher(300, { nsidBufferBytes: 1 });
    try {
      await watcher.scans(2);
      const given = await lab.run('give_ids(40)');
      const record = await until(watcher, ({ events }) =>
        events.some(({ event }) => event === 'observation.gap_closed'),
      );
      const gaps = record.events.filter((event) => event.event === 'observation.gap');
      expect(gaps.length).toBeGreaterThan(0);
      for (const gap of gaps) {
        expect(gap).toMatchObject({ source: 'nsids', reason: 'lost', lost: null });
        expect(gap.from).toBeLessThanOrEqual(record.anchorUs + given.afterUs);
        expect(gap.to).toBeGreaterThanOrEqual(record.anchorUs + given.beforeUs);
      }
      const closed = record.events.find((event) => event.event === 'observation.gap_closed');
      expect(closed).toMatchObject({ source: 'nsids', gap: gaps[0]?.seq });
      const history = openHistory({ stateDirectory: watcher.stateDirectory });
      const { coverage } = history.state({ at: { kind: 'seq', seq: gaps[0]?.seq ?? 0 } });
      const rows = history.coverage({}).data.filter(({ kind }) => kind === 'gap');
      history.close();
      expect(rows[0]).toMatchObject({ source: 'nsids', reason: 'lost' });
      expect(coverage.gaps).toEqual([]);
    } finally {
      await lab.end();
      await watcher.stop();
    }
  },
);
