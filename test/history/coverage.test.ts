import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { answerSchema, unreadableJsonSchema } from '../../src/domain/json.ts';
import { OTHER_BOOT, unreadableProcess } from '../support/scan-builder.ts';
import {
  at,
  inNet,
  NET,
  others,
  recordHost,
  text,
  wall,
  type RecordedHost,
} from './recorded-host.ts';

const answer = answerSchema(
  z.strictObject({
    seq: z.number(),
    kind: z.enum(['watched', 'gap']),
    from: z.string(),
    to: z.string(),
    source: z.string(),
    scans: z.number().nullable(),
    minimumLifetimeUs: z.number().nullable(),
    scanIntervalUsMedian: z.number().nullable(),
    scanDurationUsMax: z.number().nullable(),
    complete: z.boolean().nullable(),
    unreadable: z.array(unreadableJsonSchema),
    reason: z.string().nullable(),
    lost: z.number().nullable(),
  }),
);

/** Watches from 10 to 20.1, is stopped at 21, starts again at 40 and watches from 41 to 45.1. */
async function withGap(): Promise<RecordedHost> {
  const host = await recordHost();
  host.watch(10, 20, [...others, inNet(50)]);
  host.stop(21);
  host.start({ second: 40 });
  host.watch(41, 45, [...others, inNet(50)]);
  return host;
}

function judge(host: RecordedHost, since: number, until: number) {
  return host.history.coverage({ since: wall(since), until: wall(until) }).coverage;
}

describe('how well was watched', () => {
  test('an instant inside a gap answers not-watched, never an empty watched list', async () => {
    const host = await withGap();
    const { coverage, data } = host.history.state({ at: wall(30), types: ['uts'] });
    expect(coverage.state).toBe('not-watched');
    expect(coverage.lastScan).toBeNull();
    expect(coverage.minimumLifetimeUs).toBeNull();
    expect(coverage.complete).toBe(false);
    expect(coverage.gaps).toEqual([{ from: text(21), to: text(41), reason: 'stopped' }]);
    expect(data.filter(({ initial }) => !initial)).toEqual([]);
  });

  test('an instant of a written stretch and one of the growing stretch were watched', async () => {
    const host = await withGap();
    for (const second of [10, 10.1, 15, 20.1, 41, 44.123456, 45.1]) {
      const { coverage } = host.history.state({ at: wall(second) });
      expect(coverage, `at ${second}`).toMatchObject({
        state: 'watched',
        complete: true,
        gaps: [],
      });
    }
  });

  test.each([1, 9.999999, 20.100001, 21, 40.999999, 45.100001, 1_000])(
    'nothing says that %s s was watched',
    async (second) => {
      const host = await withGap();
      expect(host.history.state({ at: wall(second) }).coverage.state).toBe('not-watched');
    },
  );

  test.each([
    [11, 19, 'watched'],
    [10, 20.1, 'watched'],
    [41, 45.1, 'watched'],
    [9, 15, 'partly-watched'],
    [15, 25, 'partly-watched'],
    [15, 43, 'partly-watched'],
    [44, 46, 'partly-watched'],
    [22, 40, 'not-watched'],
    [20.1, 41, 'not-watched'],
    [46, 90, 'not-watched'],
    [1, 9, 'not-watched'],
  ])('the window from %s to %s s was %s', async (since, until, state) => {
    const host = await withGap();
    expect(judge(host, since, until).state).toBe(state);
  });

  test('the whole record is watched until a gap is in it', async () => {
    const host = await recordHost();
    host.watch(10, 20, others);
    const target = { kind: 'inum', inum: NET, type: null } as const;
    const before = host.history.lifespans({ target }).coverage;
    expect(before).toMatchObject({ state: 'watched', from: text(10), to: text(20.1), gaps: [] });
    host.stop(21);
    host.start({ second: 40 });
    host.watch(41, 42, others);
    const after = host.history.lifespans({ target }).coverage;
    expect(after).toMatchObject({ state: 'partly-watched', from: text(10), to: text(42.1) });
    expect(after.gaps).toHaveLength(1);
  });

  test('a silence of the collector is a gap, also when it was never stopped', async () => {
    const host = await recordHost();
    host.watch(10, 15, others);
    host.watch(200, 202, others);
    expect(judge(host, 14, 201).gaps).toEqual([
      { from: text(15.1), to: text(200), reason: 'stalled' },
    ]);
    expect(host.history.state({ at: wall(100) }).coverage.state).toBe('not-watched');
  });

  test('what could not be read is said, and makes the coverage incomplete', async () => {
    const host = await recordHost();
    host.watch(10, 12, others);
    const hole = { reason: 'EACCES', count: 1, example: '/proc/50/ns/net' };
    const processes = [...others, unreadableProcess(50)];
    for (const second of [13, 14, 15]) {
      host.scan({ second, processes, unreadable: hole });
    }
    expect(host.history.state({}).coverage).toMatchObject({
      state: 'watched',
      complete: false,
      unreadable: [{ source: 'links', ...hole }],
    });
    expect(host.history.state({ at: wall(11) }).coverage).toMatchObject({
      complete: true,
      unreadable: [],
    });
    expect(judge(host, 11, 14)).toMatchObject({ state: 'watched', complete: false });
  });

  test('the shortest life that cannot be missed follows the real cadence', async () => {
    const host = await recordHost();
    for (const second of [10, 11, 12, 17, 18]) {
      host.scan({ second, processes: others });
    }
    host.stop(19);
    expect(judge(host, 10, 18.1).minimumLifetimeUs).toBe(5_100_000);
  });

  test('after a rebuild, which forgets the pulse, now is the end of the last written stretch', async () => {
    const host = await recordHost();
    host.watch(10, 20, others);
    host.stop(21);
    await host.rebuild();
    const { at: now, coverage } = host.history.state({});
    expect(now).toBe(text(20.1));
    expect(coverage.state).toBe('watched');
    expect(host.history.status()).toMatchObject({ isCollecting: false, lastScanAt: null });
  });
});

describe('the rows of coverage', () => {
  test('stretches and gaps in order, the growing stretch last', async () => {
    const host = await withGap();
    const { data } = answer.parse(host.history.coverage({}));
    expect(data.map(({ kind, from, to, reason }) => [kind, from, to, reason])).toEqual([
      ['watched', text(10), text(10.1), null],
      ['watched', text(10.1), text(20.1), null],
      ['gap', text(21), text(41), 'stopped'],
      ['watched', text(41), text(41.1), null],
      ['watched', text(41.1), text(45.1), null],
    ]);
    expect(data[1]).toMatchObject({ scans: 10, minimumLifetimeUs: 1_100_000, complete: true });
    expect(data.at(-1)).toMatchObject({ scans: null, seq: host.auditor.known.position });
  });

  test('a window has the rows that touch it', async () => {
    const host = await withGap();
    const { data } = host.history.coverage({ since: wall(20.5), until: wall(41) });
    expect(data.map(({ kind }) => kind)).toEqual(['gap']);
  });

  test('pages go on where they ended', async () => {
    const host = await withGap();
    const whole = host.history.coverage({}).data;
    const rows = [];
    let cursor: string | undefined;
    do {
      const { data, page } = host.history.coverage({ limit: 2, cursor });
      rows.push(...data);
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
    expect(rows).toEqual(whole);
  });
});

describe('times', () => {
  test('a clock step: people mean wall time, and each moment is told in the wall time it had', async () => {
    const host = await recordHost();
    host.watch(10, 12, others);
    // The wall clock is set an hour ahead after the scan at 12.
    host.stepClock(12.5, at(12.5) + 3_600_000_000);
    host.watch(13, 15, [...others, inNet(50)]);
    const [life] = host.lives();
    expect(life?.born).toMatchObject({ after: text(12), by: text(3_613.1) });
    const found = host.history.state({ at: wall(3_614), types: ['net'] });
    expect(found.at).toBe(text(3_614));
    expect(found.coverage.state).toBe('watched');
    expect(found.data.some(({ inum }) => inum === NET)).toBe(true);
    // A time that the clock jumped over is the moment of the jump.
    const skipped = host.history.state({ at: wall(2_000), types: ['net'] });
    expect(skipped.data.find(({ inum }) => inum === NET)?.certainty).toBe('possible');
  });

  test('boot is the start of the running boot, seq:N the instant of event N', async () => {
    const host = await recordHost();
    host.watch(10, 12, [...others, inNet(50)]);
    host.start({ second: 5, boot: OTHER_BOOT, wallUs: at(100) });
    host.scan({ second: 101, processes: others, bootId: OTHER_BOOT });
    expect(host.history.state({ at: { kind: 'boot' } }).at).toBe(text(95));
    const [born] = host.lives();
    const seq = Number(born?.lifespan);
    expect(host.history.state({ at: { kind: 'seq', seq } }).at).toBe(born?.born.by);
  });

  test('an event that is not in the log is refused as a time', async () => {
    const host = await recordHost();
    host.watch(10, 12, others);
    for (const seq of [0, 9_999]) {
      expect(() => host.history.state({ at: { kind: 'seq', seq } })).toThrow(
        expect.objectContaining({
          code: 'usage',
          message: expect.stringContaining(`event ${seq}`),
        }),
      );
    }
  });
});
