import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import type { AuditEvent } from '../../src/domain/event.ts';
import { answerSchema, lifespanJsonSchema } from '../../src/domain/json.ts';
import { only, OTHER_BOOT, unreadableProcess } from '../support/scan-builder.ts';
import { at, inNet, NET, others, process, recordHost, text, wall } from './recorded-host.ts';

const answer = answerSchema(lifespanJsonSchema);

function namespacesOf(rows: readonly z.infer<typeof lifespanJsonSchema>[]) {
  return rows.filter(({ initial }) => !initial).map(({ type, inum }) => `${type}:${inum}`);
}

describe('which namespaces there were at an instant', () => {
  test('a namespace between its bounds is possible, not certain', async () => {
    const host = await recordHost();
    host.watch(10, 11, [...others]);
    host.watch(12, 13, [...others, inNet(50)]);
    host.watch(14, 16, [...others]);
    const certaintyAt = (second: number) =>
      host.history.state({ at: wall(second), types: ['net'] }).data.find(({ inum }) => inum === NET)
        ?.certainty ?? null;
    // Born after the start of scan 11 and by the end of scan 12; gone from the start of 13, by the end of 14.
    expect(certaintyAt(11)).toBeNull();
    expect(certaintyAt(11.000001)).toBe('possible');
    expect(certaintyAt(12.099999)).toBe('possible');
    expect(certaintyAt(12.1)).toBe('certain');
    expect(certaintyAt(13)).toBe('certain');
    expect(certaintyAt(13.000001)).toBe('possible');
    expect(certaintyAt(14.099999)).toBe('possible');
    expect(certaintyAt(14.1)).toBeNull();
  });

  test('at every bound, and a microsecond beside it, it is what the log says', async () => {
    const host = await recordHost();
    host.watch(10, 11, others);
    host.watch(12, 14, [...others, inNet(50), process(51, { uts: 77, ipc: 78 })]);
    host.watch(15, 17, [...others, process(52, { uts: NET })]);
    host.watch(18, 22, [...others, inNet(53, { startTimeTicks: 1_750 })]);
    const lives = foldLives(host.auditor.log);
    const edges = lives.flatMap(({ after, by, goneAfter, goneBy }) => [
      after,
      by,
      goneAfter,
      goneBy,
    ]);
    const instants = [...new Set(edges.flatMap((us) => (us === null ? [] : [us - 1, us, us + 1])))];
    expect(instants.length).toBeGreaterThan(20);
    for (const us of instants.filter((instant) => instant <= at(22.1))) {
      const found = host.history
        .state({ at: { kind: 'wall', wallUs: us } })
        .data.map(({ lifespan, certainty }) => `${lifespan} ${certainty}`);
      expect(found, `at ${us}`).toEqual(
        lives.flatMap((life) => {
          const certainty = judge(life, us);
          return certainty === null ? [] : [`${life.id} ${certainty}`];
        }),
      );
    }
  });

  test('without an instant it is the end of the last scan, also when nothing has happened since', async () => {
    const host = await recordHost();
    host.watch(10, 30, [...others, inNet(50)]);
    const state = answer.parse(host.history.state({}));
    expect(state.at).toBe(text(30.1));
    expect(state.coverage).toMatchObject({ state: 'watched', from: text(30.1), to: text(30.1) });
    expect(namespacesOf(state.data)).toEqual([`net:${NET}`]);
    expect(host.history.state({ at: { kind: 'now' } })).toEqual(state);
  });

  test('initial namespaces are among them and say so', async () => {
    const host = await recordHost();
    host.watch(10, 11, [...others, inNet(50)]);
    const { data } = host.history.state({});
    expect(data.filter(({ initial }) => initial)).toHaveLength(8);
    expect(data).toHaveLength(9);
  });

  test('`all` adds what had ended by then in the same boot, in the order of birth', async () => {
    const host = await recordHost();
    host.watch(10, 11, others);
    host.watch(12, 13, [...others, inNet(50)]);
    host.watch(14, 16, others);
    host.watch(17, 18, [...others, process(51, { uts: 77 })]);
    const all = (second: number) =>
      host.history
        .state({ at: wall(second), all: true })
        .data.filter(({ initial }) => !initial)
        .map(({ inum, state, certainty }) => `${inum} ${state} ${certainty}`);
    expect(all(15)).toEqual([`${NET} ended certain`]);
    expect(all(16.5)).toEqual([`${NET} ended certain`, '77 held possible']);
    expect(all(18)).toEqual([`${NET} ended certain`, '77 held certain']);
    expect(namespacesOf(host.history.state({ at: wall(18) }).data)).toEqual(['uts:77']);
  });

  test('of another boot nothing is added', async () => {
    const host = await recordHost();
    host.watch(10, 12, [...others, inNet(50)]);
    host.stop(13);
    host.start({ second: 5, boot: OTHER_BOOT, wallUs: at(1_000) });
    host.scan({ second: 1_001, processes: others, bootId: OTHER_BOOT });
    const { data } = host.history.state({ all: true, at: wall(1_001.1) });
    expect(new Set(data.map(({ boot }) => boot))).toEqual(new Set([OTHER_BOOT]));
    expect(data).toHaveLength(8);
  });

  test('holders.now is the count at the instant, holders.ever the count until now', async () => {
    const host = await recordHost();
    host.watch(10, 11, others);
    host.watch(12, 13, [...others, inNet(50), inNet(51), inNet(52)]);
    host.watch(14, 15, [...others, inNet(50)]);
    host.watch(16, 17, [...others, inNet(50), inNet(53)]);
    const holdersAt = (second: number) =>
      host.history.state({ at: wall(second), types: ['net'] }).data.find(({ inum }) => inum === NET)
        ?.holders;
    expect(holdersAt(12.5)).toEqual({ now: 3, ever: 4 });
    expect(holdersAt(15)).toEqual({ now: 1, ever: 4 });
    expect(holdersAt(17.1)).toEqual({ now: 2, ever: 4 });
    expect(host.history.state({}).data.find(({ inum }) => inum === NET)?.holders.now).toBe(2);
  });

  test('later than the last scan nothing is certain and nothing was watched', async () => {
    const host = await recordHost();
    host.watch(10, 12, [...others, inNet(50)]);
    const { data, coverage, at: asked } = host.history.state({ at: wall(60) });
    expect(asked).toBe(text(60));
    expect(coverage.state).toBe('not-watched');
    expect(new Set(data.map(({ certainty }) => certainty))).toEqual(new Set(['possible']));
  });

  test('types are a filter on both forms of the question', async () => {
    const host = await recordHost();
    host.watch(10, 12, [...others, inNet(50), process(51, { uts: 77, ipc: 78 })]);
    for (const all of [false, true]) {
      const { data } = host.history.state({ types: ['uts', 'net'], all });
      expect(namespacesOf(data).toSorted()).toEqual([`net:${NET}`, 'uts:77']);
    }
  });

  test('a namespace that only something unreadable may hold stays', async () => {
    const host = await recordHost();
    host.watch(10, 12, [...others, inNet(50)]);
    host.watch(13, 16, [...others, unreadableProcess(50)]);
    expect(namespacesOf(host.history.state({}).data)).toEqual([`net:${NET}`]);
  });
});

describe('pages', () => {
  test.each([false, true])(
    'a cursor continues exactly where the page ended, also when rows are added (all: %s)',
    async (all) => {
      const host = await recordHost();
      host.watch(10, 11, [...others, ...many(1000, 1007)]);
      const first = host.history.state({ limit: 4, all });
      host.watch(12, 16, [...others, ...many(1003, 1020)]);
      const rows = [...first.data];
      let next = first.page.next;
      while (next !== null) {
        const page = host.history.state({ limit: 4, cursor: next, all });
        expect(page.at).toBe(first.at);
        rows.push(...page.data);
        next = page.page.next;
      }
      const whole = host.history.state({ at: { kind: 'wall', wallUs: at(11.1) }, all });
      expect(rows.map(({ lifespan }) => lifespan)).toEqual(
        whole.data.map(({ lifespan }) => lifespan),
      );
      // Seen first by the scan after the instant, and so possibly there at it.
      expect(rows).toHaveLength(8 + 20);
    },
  );

  test('a cursor of another question is refused, and so is what is no cursor', async () => {
    const host = await recordHost();
    host.watch(10, 11, others);
    const { next } = host.history.state({ limit: 2 }).page;
    expect(next).not.toBeNull();
    const cursor = next ?? '';
    expect(() => host.history.state({ limit: 2, cursor, types: ['net'] })).toThrow(
      /another question/,
    );
    expect(() => host.history.state({ limit: 2, cursor, at: wall(10) })).toThrow(
      /another question/,
    );
    expect(() => host.history.process({ pid: 4, cursor })).toThrow(/another question/);
    for (const bad of [
      '',
      'x',
      '!!',
      Buffer.from('{}').toString('base64url'),
      cursor.slice(0, -4),
    ]) {
      expect(() => host.history.state({ cursor: bad })).toThrow(/is no cursor/);
    }
  });

  test('a relative time means on every page what it meant on the first', async () => {
    const host = await recordHost();
    host.watch(10, 14, others);
    const first = host.history.state({ limit: 2, at: relative(12) });
    const second = host.history.state({
      limit: 2,
      at: relative(13),
      cursor: first.page.next ?? '',
    });
    expect(second.at).toBe(first.at);
  });

  test.each([0, -1, 1001, 1.5, Number.NaN])('a limit of %s is refused', async (limit) => {
    const host = await recordHost();
    host.watch(10, 11, others);
    expect(() => host.history.state({ limit })).toThrow(/limit/);
  });
});

/** Processes in uts namespaces of their own, by inum. */
function many(from: number, to: number) {
  return Array.from({ length: to - from }, (_, index) =>
    process(100 + from + index, { uts: from + index }),
  );
}

function relative(second: number) {
  return { ...wall(second), isRelative: true as const };
}

interface Life {
  readonly id: number;
  readonly after: number | null;
  readonly by: number;
  readonly goneAfter: number | null;
  readonly goneBy: number | null;
}

/** The lives as the events tell them, without any database. */
function foldLives(log: readonly AuditEvent[]): Life[] {
  const ends = new Map(
    only(log, 'namespace.disappeared').map((event) => [event.lifespan, event.gone]),
  );
  return only(log, 'namespace.born').map(({ lifespan, born }) => ({
    id: lifespan,
    after: born.after,
    by: born.by,
    goneAfter: ends.get(lifespan)?.after ?? null,
    goneBy: ends.get(lifespan)?.by ?? null,
  }));
}

/** after < birth <= by, after <= end < by. */
function judge(life: Life, us: number): 'certain' | 'possible' | null {
  const isBornPossibly = us >= life.by || (life.after !== null && us > life.after);
  if (!isBornPossibly || (life.goneBy !== null && us >= life.goneBy)) {
    return null;
  }
  const isAliveCertainly = life.goneBy === null || us <= (life.goneAfter ?? 0);
  return us >= life.by && isAliveCertainly ? 'certain' : 'possible';
}
