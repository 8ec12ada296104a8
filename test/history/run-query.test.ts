import { describe, expect, test } from 'vitest';
import { inNet, NET, others, process, recordHost, text, wall } from './recorded-host.ts';

async function host() {
  const recorded = await recordHost();
  recorded.watch(10, 11, others);
  recorded.watch(12, 13, [...others, inNet(50), process(51, { uts: 77 })]);
  recorded.watch(14, 16, others);
  return recorded;
}

function usage(message: RegExp) {
  return expect.objectContaining({ code: 'usage', message: expect.stringMatching(message) });
}

describe('a named query', () => {
  test('takes times as everywhere else and prints instants without _us, ids as text', async () => {
    const { history, lives } = await host();
    const { data, at, coverage } = history.query({
      name: 'state-at',
      parameters: { at: text(13), type: 'net,uts' },
    });
    expect(at).toBe(text(13));
    expect(coverage.state).toBe('watched');
    const found = data.find((row) => row['inum'] === NET);
    expect(found).toMatchObject({
      lifespan: lives()[0]?.lifespan,
      born_after: text(11),
      born_by: text(12.1),
      gone_by: text(14.1),
      initial: 0,
    });
    expect(Object.keys(found ?? {})).not.toContain('born_by_us');
  });

  test('a relative time counts from the instant of asking', async () => {
    const { history } = await host();
    // The clock of these tests stands at second 100000.
    const { at } = history.query({ name: 'state-at', parameters: { at: '-99987s' } });
    expect(at).toBe(text(13));
  });

  test('takes a lifespan as a target or as an id', async () => {
    const { history, lives } = await host();
    const id = lives()[0]?.lifespan ?? '';
    for (const lifespan of [id, `#${id}`]) {
      const { data } = history.query({ name: 'lifespan', parameters: { lifespan } });
      expect(data).toMatchObject([{ id, inum: NET, names: '[]' }]);
    }
  });

  test('never gives more rows than the limit, asked for as option or as parameter', async () => {
    const { history } = await host();
    const rows = (parameters: Record<string, string>, limit?: number) =>
      history.query({ name: 'state-at', parameters, limit }).data.length;
    expect(rows({})).toBe(8);
    expect(rows({}, 3)).toBe(3);
    expect(rows({ limit: '2' })).toBe(2);
    expect(rows({ limit: '7' }, 3)).toBe(3);
    expect(() => rows({ limit: '1001' })).toThrow(usage(/limit "1001"/));
  });

  test('says how well the window it was asked about was watched', async () => {
    const { history } = await host();
    const inWindow = history.query({
      name: 'creators',
      parameters: { since: text(10), until: text(16) },
    });
    expect(inWindow.coverage).toMatchObject({ state: 'watched', from: text(10), to: text(16) });
    const before = history.query({
      name: 'creators',
      parameters: { since: text(1), until: text(5) },
    });
    expect(before.coverage.state).toBe('not-watched');
  });

  test('refuses what it cannot read, naming it and what is accepted', async () => {
    const { history } = await host();
    const run = (name: string, parameters: Record<string, string>) => () =>
      history.query({ name, parameters });
    expect(run('state-at', { at: '12/11/2026' })).toThrow(usage(/"12\/11\/2026".*RFC 3339/));
    expect(run('state-at', { type: 'nett' })).toThrow(usage(/"nett".*cgroup, ipc/));
    expect(run('state-at', { since: 'now' })).toThrow(
      usage(/"since".*at, type, observers, after, limit/),
    );
    expect(run('lifespan', {})).toThrow(usage(/needs the parameter lifespan/));
    expect(run('lifespan', { lifespan: 'net:[5]' })).toThrow(usage(/lifespan "net:\[5\]"/));
    expect(run('lifespans-of-inum', { inum: '1e3' })).toThrow(usage(/inum "1e3"/));
    expect(run('growing-stretch', { at: 'now' })).toThrow(usage(/it takes no parameters/));
  });

  test('that does not exist is an error that lists those there are', async () => {
    const { history } = await host();
    expect(() => history.query({ name: 'select', parameters: {} })).toThrow(
      expect.objectContaining({ code: 'not-found', message: expect.stringContaining('state-at') }),
    );
  });
});

test('a query without an end reaches to what kernel events told after the last scan', async () => {
  const recorded = await host();
  recorded.hear({ second: 17, processes: [...others, process(60, { ipc: 88 })] });
  const { history } = recorded;
  const given: Record<string, string> = { pid: '60', lifespan: '1', inum: '88' };
  const open = history.queries().flatMap(({ name, parameters }) => {
    const end = parameters.find((parameter) => parameter.default === 'now')?.name;
    const needed = parameters.filter((parameter) => parameter.default === null);
    const values = Object.fromEntries(needed.map((need) => [need.name, given[need.name] ?? '']));
    return end === undefined ? [] : [{ name, end, parameters: values }];
  });
  expect(open.map(({ name }) => name)).toContain('creators');
  for (const { name, end, parameters } of open) {
    const { data } = history.query({ name, parameters: { ...parameters, [end]: text(17.1) } });
    expect(history.query({ name, parameters }).data, name).toEqual(data);
  }
  const { data } = history.query({ name: 'creators', parameters: { since: text(16.5) } });
  expect(data).toMatchObject([{ born: 1, types: 'ipc' }]);
});

test('every query gives the same rows to the question that wraps it', async () => {
  const recorded = await host();
  const { history } = recorded;
  const ids = (name: string, parameters: Record<string, string>) =>
    history.query({ name, parameters }).data.map((row) => row['lifespan']);
  const at = text(13);
  expect(ids('state-at', { at })).toEqual(
    history.state({ at: wall(13) }).data.map(({ lifespan }) => lifespan),
  );
  expect(ids('lifespans-of-boot', { at: text(16) })).toEqual(
    history.state({ at: wall(16), all: true }).data.map(({ lifespan }) => lifespan),
  );
  expect(ids('lifespans-of-inum', { inum: String(NET) })).toEqual(
    recorded.lives().map(({ lifespan }) => lifespan),
  );
  expect(ids('process-namespaces', { pid: '50', at })).toEqual(
    history
      .process({ pid: 50, at: wall(13) })
      .data.flatMap(({ namespaces }) => namespaces.map(({ lifespan }) => lifespan)),
  );
});
