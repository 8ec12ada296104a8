import { describe, expect, test } from 'vitest';
import { REPORT_NAMES, type Report } from '../../src/history/history.ts';
import {
  boundTo,
  HOST,
  inNet,
  NET,
  others,
  process,
  recordHost,
  text,
  wall,
} from './recorded-host.ts';

async function busyHost() {
  const host = await recordHost();
  host.watch(10, 11, others);
  host.scan({ second: 12, processes: [...others, inNet(50), process(51, { uts: 77, ipc: 78 })] });
  host.scan({
    second: 13,
    processes: [...others, inNet(50)],
    mountNamespaces: boundTo('/run/netns/blue'),
  });
  for (const second of [14, 15, 16]) {
    host.scan({ second, processes: others, mountNamespaces: boundTo('/run/netns/blue') });
  }
  return host;
}

function section(report: Report, title: string) {
  const found = report.data.find((part) => part.title === title);
  expect(found, title).toBeDefined();
  return found?.rows ?? [];
}

describe('reports', () => {
  test.each(REPORT_NAMES)('%s is headed by host, window, coverage and position', async (name) => {
    const host = await busyHost();
    const report = host.history.report({ name, since: wall(10), until: wall(16.1) });
    expect(report).toMatchObject({
      name,
      host: HOST,
      from: text(10),
      to: text(16.1),
      position: host.auditor.known.position,
      generatedAt: text(1e5),
      coverage: {
        state: 'watched',
        gaps: [],
      },
    });
    for (const { columns, rows, note } of report.data) {
      expect(note).toMatch(/[.]$/);
      for (const row of rows) {
        expect(Object.keys(row)).toEqual(columns);
      }
    }
  });

  test('without a window it is the 24 hours up to the last scan', async () => {
    const host = await busyHost();
    const { from, to, coverage } = host.history.report({ name: 'summary' });
    expect(to).toBe(text(16.1));
    expect(from).toBe(text(16.1 - 86_400));
    expect(coverage.state).toBe('partly-watched');
  });

  test('the summary counts by type what was alive, born and ended', async () => {
    const host = await busyHost();
    const report = host.history.report({ name: 'summary', since: wall(10), until: wall(16.1) });
    const byType = Object.fromEntries(
      section(report, 'Namespaces by type').map((row) => [row['type'], row]),
    );
    expect(byType['net']).toMatchObject({ alive: 2, born: 1, ended: 0 });
    expect(byType['uts']).toMatchObject({ alive: 1, born: 1, ended: 1, possibly_short_lived: 1 });
    expect(byType['time']).toMatchObject({ alive: 1, born: 0, ended: 0, short_lived: 0 });
    expect(section(report, 'Top creators')).toMatchObject([{ born: 3, uid: 0, comm: 'test' }]);
    expect(section(report, 'Leaks')).toEqual([{ type: 'net', leaks: 1 }]);
  });

  test('a leak is what lives on without a process, and the report says what holds it', async () => {
    const host = await busyHost();
    const [life] = host.lives();
    const [leaks] = host.history.report({ name: 'leaks' }).data;
    expect(leaks?.rows).toMatchObject([
      {
        lifespan: life?.lifespan,
        type: 'net',
        inum: NET,
        holders: 1,
        held_by: 'bind-mount /run/netns/blue',
        emptied_by: text(14.1),
      },
    ]);
    expect(host.history.report({ name: 'leaks', until: wall(13.5) }).data[0]?.rows).toEqual([]);
  });

  test('short lives are certain only when the longest possible one is short', async () => {
    const host = await busyHost();
    const [short] = host.history.report({ name: 'short-lived' }).data;
    expect(short?.rows.map((row) => [row['type'], row['certainty']])).toEqual([
      ['ipc', 'possible'],
      ['uts', 'possible'],
    ]);
    expect(short?.note).toContain('Only what lived longer than');
    const certain = host.history.query({
      name: 'short-lived',
      parameters: { threshold_us: '5000000' },
    });
    expect(new Set(certain.data.map((row) => row['certainty']))).toEqual(new Set(['certain']));
  });

  test('a report of a window with a gap says that its counts are the least there was', async () => {
    const host = await busyHost();
    host.stop(17);
    host.start({ second: 40 });
    host.watch(41, 42, others);
    const report = host.history.report({ name: 'summary', since: wall(10), until: wall(42) });
    expect(report.data[0]?.note).toContain('the least there was');
    expect(section(report, 'Longest gaps')).toMatchObject([
      { from: text(17), to: text(41), length_us: 24_000_000, reason: 'stopped' },
    ]);
    const unwatched = host.history.report({ name: 'creators', since: wall(18), until: wall(39) });
    expect(unwatched.coverage.state).toBe('not-watched');
    expect(unwatched.data[0]?.note).toContain('Nobody watched');
  });

  test('coverage tells the time watched by each source and what could not be read', async () => {
    const host = await busyHost();
    const hole = { reason: 'EACCES', count: 2, example: '/proc/9/ns/net' };
    host.scan({ second: 17, processes: others, unreadable: hole });
    const report = host.history.report({ name: 'coverage', since: wall(10), until: wall(17.1) });
    expect(section(report, 'Watched, by source')).toMatchObject([
      { source: 'procfs', from: text(10), to: text(17.1), watched_us: 7_100_000, complete: 0 },
    ]);
    expect(section(report, 'Could not be read')).toEqual([{ source: 'links', ...hole }]);
  });

  test('a report that does not exist is an error that lists those there are', async () => {
    const host = await busyHost();
    expect(() => host.history.report({ name: 'nonsense' as 'summary' })).toThrow(
      expect.objectContaining({
        code: 'not-found',
        message: expect.stringContaining('short-lived'),
      }),
    );
  });

  test('what was there when we first looked is not counted as born', async () => {
    const host = await recordHost();
    host.watch(10, 12, [...others, inNet(50)]);
    const report = host.history.report({ name: 'summary' });
    expect(section(report, 'Namespaces by type').every((row) => row['born'] === 0)).toBe(true);
  });
});
