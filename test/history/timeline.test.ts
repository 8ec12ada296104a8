import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { answerSchema } from '../../src/domain/json.ts';
import { NAMESPACE_TYPES } from '../../src/domain/namespace-type.ts';
import type { TimelineJson } from '../../src/history/history.ts';
import {
  boundTo,
  inNet,
  NET,
  others,
  process,
  recordHost,
  text,
  wall,
  type RecordedHost,
} from './recorded-host.ts';

const answer = answerSchema(
  z.strictObject({
    at: z.string(),
    after: z.string().nullable(),
    what: z.enum(['born', 'unheld', 'ended', 'holder-gained', 'holder-lost', 'gap']),
    lifespan: z.string().nullable(),
    type: z.enum(NAMESPACE_TYPES).nullable(),
    inum: z.number().nullable(),
    detail: z.string(),
    seq: z.number().nullable(),
  }),
);

const target = { kind: 'inum', inum: NET, type: null } as const;

async function story(): Promise<RecordedHost> {
  const host = await recordHost();
  host.watch(10, 11, others);
  const mountNamespaces = boundTo('/run/netns/blue');
  host.scan({ second: 12, processes: [...others, inNet(50)], mountNamespaces });
  host.scan({ second: 13, processes: others, mountNamespaces });
  host.watch(14, 16, others);
  host.stop(17);
  host.start({ second: 30 });
  host.watch(31, 32, others);
  host.watch(33, 35, [...others, process(51, { uts: NET }, { facts: null })]);
  return host;
}

function lines(rows: readonly TimelineJson[]): string[] {
  return rows.map(({ at, what, detail }) => `${at.slice(17, 21)} ${what}: ${detail}`);
}

describe('what happened on the host', () => {
  test('births, ends and gaps, in the order of the instant by which each had happened', async () => {
    const host = await story();
    const { data } = answer.parse(host.history.timeline({}));
    const initial = data.filter(({ detail }) => detail === 'initial namespace');
    expect(initial).toHaveLength(8);
    expect(lines(data.slice(8))).toEqual([
      '12.1 born: by test[50], uid 0',
      '14.1 ended: vanished',
      '17.0 gap: nobody watched for 14.000 s: stopped',
      '33.1 born: creator not seen',
    ]);
    expect(data[8]).toMatchObject({ after: text(11), type: 'net', inum: NET });
    expect(data[8]?.lifespan).toBe(String(data[8]?.seq));
  });

  test('types leave gaps in, because nothing is known of any type in them', async () => {
    const host = await story();
    const { data } = host.history.timeline({ types: ['uts'], since: wall(11) });
    expect(data.map(({ what, type }) => `${what} ${type ?? ''}`)).toEqual(['gap ', 'born uts']);
  });

  test('a window has what had happened by an instant in it', async () => {
    const host = await story();
    const { data, coverage } = host.history.timeline({ since: wall(14), until: wall(20) });
    expect(data.map(({ what }) => what)).toEqual(['ended', 'gap']);
    expect(coverage.state).toBe('partly-watched');
  });

  test('pages go on where they ended, also among things of one instant', async () => {
    const host = await story();
    const whole = host.history.timeline({}).data;
    const rows: TimelineJson[] = [];
    let cursor: string | undefined;
    do {
      const { data, page } = host.history.timeline({ limit: 3, cursor });
      rows.push(...data);
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
    expect(rows).toEqual(whole);
  });
});

describe('what happened to the lives of a target', () => {
  test('its lives in turn, each with those who came and went', async () => {
    const host = await story();
    const { data } = answer.parse(host.history.timeline({ target }));
    expect(lines(data)).toEqual([
      '12.1 born: by test[50], uid 0',
      '12.1 holder-gained: process test[50]',
      '12.1 holder-gained: bind-mount /run/netns/blue',
      '13.1 holder-lost: process test[50]',
      '14.1 holder-lost: bind-mount /run/netns/blue',
      '14.1 unheld: last visible holder gone',
      '14.1 ended: vanished',
      '33.1 born: creator not seen',
      '33.1 holder-gained: process ?[51]',
    ]);
    expect(new Set(data.map(({ lifespan }) => lifespan)).size).toBe(2);
  });

  test('in a window and of a type', async () => {
    const host = await story();
    const within = host.history.timeline({ target, since: wall(13), until: wall(14) }).data;
    expect(within.map(({ what }) => what)).toEqual(['holder-lost']);
    const ofType = host.history.timeline({ target, types: ['uts'] }).data;
    expect(ofType.map(({ what }) => what)).toEqual(['born', 'holder-gained']);
  });

  test('pages go on where they ended, across lives', async () => {
    const host = await story();
    const whole = host.history.timeline({ target }).data;
    const rows: TimelineJson[] = [];
    let cursor: string | undefined;
    do {
      const { data, page } = host.history.timeline({ target, limit: 2, cursor });
      rows.push(...data);
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
    expect(rows).toEqual(whole);
  });
});
