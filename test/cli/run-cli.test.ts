import { describe, expect, test } from 'vitest';
import { NsauditError, type ErrorCode } from '../../src/domain/errors.ts';
import type { Answer, CoverageJson, LifespanJson } from '../../src/domain/json.ts';
import type { History } from '../../src/history/history.ts';
import { buildFakeHistory, makeLifespan } from '../support/fake-history.ts';
import { runWords } from './run-words.ts';
import { EVENTS } from './sample-answers.ts';

/** A fake history whose `state` answers with these rows and this coverage. */
function answering(
  data: readonly LifespanJson[],
  coverage: Partial<CoverageJson> = {},
): { history: History } {
  const history = buildFakeHistory();
  const usual = history.state({});
  const answer: Answer<LifespanJson> = {
    ...usual,
    data,
    coverage: { ...usual.coverage, ...coverage },
  };
  return { history: { ...history, state: () => answer } };
}

function failing(error: unknown): { history: History } {
  const history: History = {
    ...buildFakeHistory(),
    state() {
      throw error;
    },
  };
  return { history };
}

describe('exit status', () => {
  test.each([
    ['usage', 2],
    ['pruned', 5],
    ['policy', 3],
    ['integrity', 4],
    ['incomplete', 5],
    ['unavailable', 69],
    ['io', 74],
    ['busy', 75],
  ] satisfies [ErrorCode, number][])('an error of code %s exits %d', async (code, status) => {
    const outcome = await runWords(['state'], failing(new NsauditError(code, 'it went wrong.')));
    expect(outcome).toEqual({ status, stdout: '', stderr: 'nsaudit: it went wrong.\n' });
  });

  test('nothing matched exits 0, or 1 when asked to tell', async () => {
    expect((await runWords(['state'], answering([]))).status).toBe(0);
    expect((await runWords(['state', '--exit-status'], answering([]))).status).toBe(1);
    const found = answering([makeLifespan(1)]);
    expect((await runWords(['state', '--exit-status'], found)).status).toBe(0);
  });

  test('a lifespan that does not exist is an answer on stderr, not an error', async () => {
    const world = { history: buildFakeHistory() };
    const words = ['history', '#999'];
    const expected = { stdout: '', stderr: 'nsaudit: there is no lifespan 999.\n' };
    expect(await runWords(words, world)).toEqual({ status: 0, ...expected });
    expect(await runWords([...words, '--exit-status'], world)).toEqual({ status: 1, ...expected });
  });

  const gap = {
    from: '2026-11-22T10:00:00.000000Z',
    to: '2026-11-22T10:01:00.000000Z',
    reason: 'killed',
  };
  test.each<[string, Partial<CoverageJson>, number]>([
    ['was watched', {}, 0],
    ['was partly watched', { state: 'partly-watched' }, 3],
    ['was not watched', { state: 'not-watched' }, 3],
    ['touches a gap', { gaps: [gap] }, 3],
    ['was watched without reading everything', { complete: false }, 0],
  ])('--strict when the time %s', async (_when, coverage, status) => {
    const world = answering([makeLifespan(1)], coverage);
    const strict = await runWords(['state', '--strict', '-o', 'csv', '-q'], world);
    const lax = await runWords(['state', '-o', 'csv', '-q'], world);
    expect(strict.status).toBe(status);
    expect(strict.stdout).toBe(lax.stdout);
    expect(strict.stderr).toMatch(status === 0 ? /^$/ : /^nsaudit: --strict: [^\n]*\n$/);
    expect(lax).toMatchObject({ status: 0, stderr: '' });
  });

  test('an unwatched time outranks an empty answer', async () => {
    const world = answering([], { state: 'not-watched' });
    expect((await runWords(['state', '--strict', '--exit-status'], world)).status).toBe(3);
  });
});

describe('errors are one line', () => {
  test('a fault of our own says so, and shows where only when asked to', async () => {
    const error = new TypeError('x is not a function');
    const usual = await runWords(['state'], failing(error));
    expect(usual.status).toBe(70);
    expect(usual.stderr).toMatch(
      /^nsaudit: internal error: TypeError: x is not a function; [^\n]+\n$/,
    );
    const debug = await runWords(['state'], {
      ...failing(error),
      environment: { NSAUDIT_DEBUG: '1' },
    });
    expect(debug.stderr).toContain('run-cli.test.ts');
  });

  test('the cause is told in one clause when the sentence lacks it', async () => {
    const cause = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    const { stderr } = await runWords(
      ['state'],
      failing(new NsauditError('io', 'cannot write x.', { cause })),
    );
    expect(stderr).toBe('nsaudit: cannot write x (ENOSPC: no space left on device).\n');
  });

  test('the cause is not told twice', async () => {
    const cause = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
    const message = 'x may not be read: permission denied (EACCES).';
    const { stderr } = await runWords(
      ['state'],
      failing(new NsauditError('io', message, { cause })),
    );
    expect(stderr).toBe(`nsaudit: ${message}\n`);
  });

  test('what it quotes cannot act on a terminal', async () => {
    const { stderr } = await runWords(['history', 'x\u001b[2J\n\u202e']);
    expect(stderr).toContain('"x\\x1b[2J\\n\\u202e"');
  });
});

describe('remarks', () => {
  test('coverage is said on stderr in every format that cannot carry it, unless -q', async () => {
    const world = answering([makeLifespan(1)], { state: 'not-watched' });
    for (const format of ['table', 'ndjson', 'csv', 'markdown']) {
      const { stderr } = await runWords(['state', '-o', format], world);
      expect(stderr, format).toMatch(/^not watched: /);
      expect((await runWords(['state', '-q', '-o', format], world)).stderr).toBe('');
    }
    const { stdout, stderr } = await runWords(['state', '-o', 'json'], world);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({ coverage: { state: 'not-watched' } });
  });

  test('an empty answer about an unwatched time is not passed off as a no', async () => {
    const { stderr } = await runWords(['state'], answering([], { state: 'not-watched' }));
    expect(stderr).toContain('nothing matched.');
    expect(stderr).toContain('what is missing here may still have existed');
  });

  test('further rows are announced with the option that continues', async () => {
    const { stderr } = await runWords(['state', '-n', '1'], { history: buildFakeHistory() });
    expect(stderr).toContain('--cursor row-1\n');
    const next = await runWords(['state', '-n', '1', '--cursor', 'row-1', '-o', 'ndjson'], {
      history: buildFakeHistory(),
    });
    expect(JSON.parse(next.stdout)).toMatchObject({ lifespan: '34' });
  });
});

describe('a record that nobody has gone on with', () => {
  const world = { history: buildFakeHistory(), nowUs: 1_795_342_625_000_000 + 3_600_000_000 };

  test('does not answer about now as if it were now', async () => {
    const { stderr, status } = await runWords(['state'], world);
    expect(stderr).toMatch(/^not watched since 2026-11-22T10:17:03\.000042Z, for 1h01m: [^\n]+\n/);
    expect(status).toBe(0);
  });

  test('fails --strict, reports included', async () => {
    expect((await runWords(['state', '--strict'], world)).status).toBe(3);
    const report = await runWords(['report', 'summary', '--strict'], world);
    expect(report.status).toBe(3);
    expect(report.stdout).toContain('not watched since');
  });

  test.each([
    ['state', '--at', '2026-11-22 10:17'],
    ['coverage', '--until', '2026-11-22 10:17'],
  ])('answers about an earlier instant as ever: %s %s %s', async (...words) => {
    const { stderr, status } = await runWords([...words, '--strict'], world);
    expect(stderr).not.toContain('not watched since');
    expect(status).toBe(0);
  });
});

describe('fields', () => {
  const world = { history: buildFakeHistory() };

  test('are the columns of a table, in the order asked for', async () => {
    const { stdout } = await runWords(['state', '--fields', 'type,inum', '--no-header'], world);
    expect(stdout.split('\n')[0]).toBe('net  4026532268');
  });

  test('keep their nesting in JSON', async () => {
    const words = ['state', '--fields', 'born.by,lifespan,creator.uid', '-n1'];
    const json = await runWords([...words, '-o', 'json'], world);
    const ndjson = await runWords([...words, '-o', 'ndjson'], world);
    const row = {
      born: { by: '2026-11-22T10:17:03.000042Z' },
      lifespan: '12',
      creator: { uid: 1000 },
    };
    expect(JSON.parse(json.stdout)).toMatchObject({ at: expect.anything(), data: [row] });
    expect(JSON.parse(ndjson.stdout)).toEqual(row);
  });

  test('a compound field stands for its parts outside tables', async () => {
    const { stdout } = await runWords(['state', '--fields', 'born', '-o', 'csv', '-n1'], world);
    expect(stdout.split('\r\n')[0]).toBe('born.after,born.by,born.evidence');
  });
});

describe('events --follow', () => {
  test('starts with the last ten, prints each later event once, and stops with exit 0', async () => {
    const history = buildFakeHistory(25);
    const stop = new AbortController();
    let writes = 0;
    const { status, stdout } = await runWords(['events', '-f', '-o', 'ndjson'], {
      history,
      signal: stop.signal,
      onWrite() {
        writes += 1;
        if (writes === 3) {
          stop.abort();
        } else {
          history.append(2);
        }
      },
    });
    const seqs = stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { seq: number }).seq);
    expect(status).toBe(0);
    expect(seqs).toEqual([16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29]);
  });

  test('keeps its columns where they were, whatever comes later', async () => {
    const history = buildFakeHistory(1);
    const stop = new AbortController();
    const { stdout } = await runWords(['events', '-f'], {
      history,
      signal: stop.signal,
      onWrite(text) {
        history.append(11);
        if (/^ +2 /.test(text)) {
          stop.abort();
        }
      },
    });
    const lines = stdout.trimEnd().split('\n');
    const columns = lines.map((line) => line.search(/EVENT|namespace/));
    expect(lines).toHaveLength(13);
    expect(new Set(columns).size).toBe(1);
  });

  test('writes one header, also when nothing is there yet', async () => {
    const stop = new AbortController();
    const { stdout } = await runWords(['events', '-f', '--after', '3', '-o', 'csv'], {
      history: buildFakeHistory(3),
      signal: stop.signal,
      onWrite: () => stop.abort(),
    });
    expect(stdout).toMatch(/^seq,event,version,at,[^\r\n]*\r\n$/);
  });
});

test('an event of a newer catalogue is printed, without a summary', async () => {
  const [first] = EVENTS;
  const history = buildFakeHistory();
  const unknown = { ...first, seq: 1, event: 'namespace.dreamt', version: 7, at: 'x' };
  const answer = { ...history.events({}), data: [unknown] };
  const { status, stdout } = await runWords(['events', '--no-header'], {
    history: { ...history, events: () => answer },
  });
  expect(status).toBe(0);
  expect(stdout).toContain('namespace.dreamt');
});

test('the version is that of the package', async () => {
  const { status, stdout } = await runWords(['--version']);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^nsaudit \d+\.\d+\.\d+\n$/);
});
