/** Births that were counted instead of listed, in the questions about births. */
import { describe, expect, test } from 'vitest';
import { emptyBirthBooks, openBirthBooks } from '../../src/domain/birth-books.ts';
import { startDraft } from '../../src/domain/draft.ts';
import { at } from '../support/scan-builder.ts';
import { others, process, recordHost, text, wall, type RecordedHost } from './recorded-host.ts';

const CREATOR = {
  pid: 4_711,
  startTimeTicks: 900,
  ppid: 1,
  comm: 'storm',
  exe: '/usr/bin/storm',
  uid: 1_000,
  gid: 1_000,
  loginuid: 1_000,
  session: null,
  cgroup: null,
  containerId: null,
  how: 'unshare',
  evidence: 'kernel-event',
} as const;

/** 500 uts namespaces that one process makes from second 12.2 on, one a millisecond, each for 0.1 ms. */
function addStorm(host: RecordedHost): void {
  const books = openBirthBooks<null>(emptyBirthBooks(), {
    perMinuteMax: 0,
    shortLifeUs: 1_000_000,
  });
  for (let index = 0; index < 500; index += 1) {
    const bornUs = at(12.2) + index * 1_000;
    const kernelNamespaceId = String(10_000 + index);
    const life = { type: 'uts', kernelNamespaceId, creator: CREATOR, bornUs } as const;
    books.admit(`uts:${index}`, life, null);
    books.end(`uts:${index}`, bornUs + 100);
  }
  const draft = startDraft(host.auditor.known.position, at(12.9));
  books.addStorms({ atUs: at(12.9), everyUs: 0 }, draft);
  host.append(draft.events);
}

async function record(): Promise<RecordedHost> {
  const host = await recordHost();
  host.watch(10, 11, others);
  host.scan({ second: 12, processes: [...others, process(50, { uts: 77 })] });
  addStorm(host);
  host.watch(13, 15, [...others, process(50, { uts: 77 })]);
  return host;
}

const window = { since: text(11.5), until: text(15) };

describe('births that were counted', () => {
  test('are told with their exact number, who made them, and first and last', async () => {
    const { history } = await record();
    expect(history.query({ name: 'storms', parameters: window }).data).toMatchObject([
      {
        type: 'uts',
        count: 500,
        creators: 'one',
        uid: 1_000,
        pid: 4_711,
        comm: 'storm',
        exe: '/usr/bin/storm',
        from: text(12.2),
        to: text(12.6991),
        first_kernel_namespace_id: '10000',
        last_kernel_namespace_id: '10499',
      },
    ]);
  });

  test('are with the births of their creator, and said to be counted', async () => {
    const { history } = await record();
    const creators = history.query({ name: 'creators', parameters: window }).data;
    expect(creators).toMatchObject([
      { comm: 'storm', born: 500, stormed: 500, types: 'uts', seen_by: 'kernel-event' },
      { comm: 'test', born: 1, stormed: 0 },
    ]);
    const ofNet = history.query({ name: 'creators', parameters: { ...window, type: 'net' } });
    expect(ofNet.data).toEqual([]);
  });

  test('are born, ended and short-lived, and alive no more', async () => {
    const { history } = await record();
    const count = (more: Record<string, string>) =>
      history
        .query({ name: 'counts-by-type', parameters: { ...window, ...more } })
        .data.find((row) => row['type'] === 'uts');
    const born = { alive: 2, born: 501, ended: 500, stormed: 500 };
    expect(count({})).toMatchObject({ ...born, short_lived: 500, possibly_short_lived: 0 });
    expect(count({ threshold_us: '50' })).toMatchObject({
      ...born,
      short_lived: 0,
      possibly_short_lived: 500,
    });
    expect(count({ until: text(12.1) })).toMatchObject({ born: 1, ended: 0, stormed: 0 });
  });

  test('are in the summary', async () => {
    const { history } = await record();
    const { data } = history.report({ name: 'summary', since: wall(11.5), until: wall(15) });
    expect(data[0]?.rows).toContainEqual(
      expect.objectContaining({ type: 'uts', born: 501, stormed: 500 }),
    );
    expect(data[1]?.rows[0]).toMatchObject({ comm: 'storm', born: 500, stormed: 500 });
  });

  test('are no lifespans, and leave the count of lives of an inum as it was', async () => {
    const host = await record();
    const { lifespans, incarnations } = host.auditor.known;
    expect([...lifespans.values()].filter(({ type }) => type === 'uts')).toHaveLength(2);
    expect([...incarnations.values()].every((lives) => lives === 1)).toBe(true);
  });
});
