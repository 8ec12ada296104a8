/**
 * Every question in every format, asked of a record that the collector made (recorded-state.ts), and
 * compared with what the HTTP API answers from the same record.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildApp } from '../../src/api/build-app.ts';
import { OUTPUT_FORMATS } from '../../src/cli/options.ts';
import type { Answer, HolderJson, LifespanJson } from '../../src/domain/json.ts';
import {
  REPORT_NAMES,
  type CoverageRowJson,
  type History,
  type ProcessJson,
  type QueryDescription,
} from '../../src/history/history.ts';
import { openHistory } from '../../src/history/open-history.ts';
import { parseCsv } from './parse-csv.ts';
import {
  BLUE_NET,
  BLUE_PATH,
  CONTAINER_NET,
  CONTAINER_PID,
  HOSTILE_COMM,
  PATIENCE_MS,
  recordState,
} from './recorded-state.ts';
import { runWords, type Outcome } from './run-words.ts';

const scratch = mkdtempSync(join(tmpdir(), 'nsaudit-end-to-end-'));
const stateDirectory = join(scratch, 'state');
let history: History;
let app: FastifyInstance;

async function ask(...words: string[]): Promise<Outcome> {
  return await runWords([...words, '--state-dir', stateDirectory], { nowUs: Date.now() * 1_000 });
}

async function askJson<Row>(...words: string[]): Promise<Answer<Row>> {
  const { status, stdout, stderr } = await ask(...words, '-o', 'json');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout) as Answer<Row>;
}

let collected: readonly Outcome[];

beforeAll(async () => {
  collected = await recordState(stateDirectory);
  history = openHistory({ stateDirectory });
  app = buildApp({ history, version: '0', nowUs: () => Date.now() * 1_000, listener: 'unix' });
}, PATIENCE_MS);

afterAll(async () => {
  await app.close();
  history.close();
  rmSync(scratch, { recursive: true, force: true });
});

/** The id of the life that the container's network namespace had. */
async function findContainerLife(): Promise<string> {
  const { data } = await askJson<LifespanJson>('history', String(CONTAINER_NET));
  return data[0]?.lifespan ?? 'none';
}

test('the collector says that it is ready, and nothing on stdout', () => {
  expect(collected).toHaveLength(2);
  for (const { status, stdout, stderr } of collected) {
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    expect(stderr).toMatch(/^ready /m);
  }
});

/** Questions as words and as URLs. */
const QUESTIONS: readonly (readonly [words: string, url: string])[] = [
  ['state', '/v1/state'],
  ['state --all -t net,uts -n 1', '/v1/state?all=true&type=net,uts&limit=1'],
  ['state --at seq:12', '/v1/state?at=seq:12'],
  [`history ${CONTAINER_NET}`, `/v1/inodes/${CONTAINER_NET}/lifespans`],
  [`history #LIFE`, '/v1/lifespans/LIFE'],
  ['holders #LIFE', '/v1/lifespans/LIFE/holders'],
  [`process ${CONTAINER_PID}`, `/v1/processes/${CONTAINER_PID}`],
  ['timeline', '/v1/timeline'],
  ['coverage', '/v1/coverage'],
  ['events', '/v1/events'],
  ['events --after 2 -n 3', '/v1/events?after=2&limit=3'],
  ['query', '/v1/queries'],
  ['query creators', '/v1/queries/creators'],
  ['query counts-by-type -p since=seq:3', '/v1/queries/counts-by-type?since=seq:3'],
];

describe('the command line and the API give the same JSON', () => {
  test.each(QUESTIONS)('%s = %s', async (words, url) => {
    const life = await findContainerLife();
    const printed = await ask(...words.replace('LIFE', life).split(' '), '-o', 'json');
    const answered = await app.inject(url.replace('LIFE', life));
    expect(printed.status).toBe(0);
    expect(answered.statusCode).toBe(200);
    expect(JSON.parse(printed.stdout)).toEqual(answered.json());
  });

  test.each(REPORT_NAMES)('report %s', async (name) => {
    const printed = await ask('report', name, '-o', 'json');
    const answered = await app.inject(`/v1/reports/${name}`);
    const report = JSON.parse(printed.stdout) as Record<string, unknown>;
    // Made at two moments.
    expect({ ...report, generatedAt: null }).toEqual({
      ...answered.json<object>(),
      generatedAt: null,
    });
  });
});

describe('every format has the rows of the JSON', () => {
  // One row of `process` is one line for each namespace.
  const asked = QUESTIONS.map(([words]) => words).filter((words) => !words.startsWith('process'));

  test.each(asked)('%s', async (question) => {
    const words = question.replace('LIFE', await findContainerLife()).split(' ');
    const { data } = await askJson(...words);
    const printed = new Map<string, Outcome>();
    for (const format of OUTPUT_FORMATS) {
      const outcome = await ask(...words, '-o', format);
      expect(outcome.status, format).toBe(0);
      printed.set(format, outcome);
    }
    const ndjson = printed.get('ndjson')?.stdout.trimEnd().split('\n') ?? [];
    const lines = (format: string) => printed.get(format)?.stdout.trimEnd().split('\n') ?? [];
    expect(data.length).toBeGreaterThan(0);
    expect(ndjson.map((line): unknown => JSON.parse(line))).toEqual(data);
    expect(parseCsv(printed.get('csv')?.stdout ?? '')).toHaveLength(data.length + 1);
    expect(lines('markdown')).toHaveLength(data.length + 2);
    const isInFull = question === 'history #LIFE';
    expect(isInFull ? 2 : lines('table').length).toBe(data.length + 1);
  });
});

describe('one thing leads to the next', () => {
  test('from an inode number to the life, its holders, their process and its namespaces', async () => {
    const { data: lives } = await askJson<LifespanJson>('history', `net:[${CONTAINER_NET}]`);
    expect(lives).toMatchObject([
      { type: 'net', inum: CONTAINER_NET, state: 'held', creator: { pid: CONTAINER_PID } },
    ]);
    const life = `#${lives[0]?.lifespan}`;
    const { data: holders } = await askJson<HolderJson>('holders', life);
    expect(holders.map(({ kind, pid, fd }) => ({ kind, pid, fd }))).toEqual(
      expect.arrayContaining([
        { kind: 'process', pid: CONTAINER_PID, fd: null },
        { kind: 'fd', pid: 300, fd: 7 },
      ]),
    );
    const { data: processes } = await askJson<ProcessJson>('process', String(CONTAINER_PID));
    const inums = processes.flatMap(({ namespaces }) => namespaces.map(({ inum }) => inum));
    expect(inums).toContain(CONTAINER_NET);
  });

  test('from a name to the namespace that bore it, and what still holds it', async () => {
    const { data } = await askJson<HolderJson>('holders', BLUE_PATH);
    expect(data).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ kind: 'bind-mount', path: BLUE_PATH }),
        expect.objectContaining({ kind: 'thread', tid: 301 }),
      ]),
    );
    const { data: lives } = await askJson<LifespanJson>('history', BLUE_PATH);
    expect(lives).toMatchObject([{ inum: BLUE_NET, names: [BLUE_PATH], gone: null }]);
  });

  test('what ended is told with bounds, and is shown only on request', async () => {
    const alive = await ask('state', '-t', 'uts');
    const all = await ask('state', '-t', 'uts', '--all');
    expect(alive.stdout).not.toContain('4026532270');
    expect(all.stdout).toMatch(/ 4026532270 +ended /);
    const { stdout } = await ask('history', '4026532270', '--no-header');
    expect(stdout).toMatch(/ \S+Z -\S+ +vanished /);
  });

  test('a process that hides in its name is found, and its name is shown escaped', async () => {
    const { stdout } = await ask('process', String(CONTAINER_PID), '--no-header');
    expect(stdout).toContain('x) 1\\n\\x1b[2J[4711]');
    expect(stdout).not.toContain(HOSTILE_COMM);
  });

  test('the times when nobody watched are gaps, and --strict minds them', async () => {
    const { data } = await askJson<CoverageRowJson>('coverage');
    expect(data.filter(({ kind }) => kind === 'gap')).toHaveLength(1);
    expect((await ask('timeline', '--strict', '-q')).status).toBe(3);
    expect((await ask('state', '--at', 'seq:12', '--strict', '-q')).status).toBe(0);
  });

  test('pages joined by their cursors are the whole answer', async () => {
    const { data: whole } = await askJson('events', '-n', '1000');
    const joined: unknown[] = [];
    let cursor: string | null = null;
    do {
      const page: string[] = cursor === null ? [] : ['--cursor', cursor];
      const answer: Answer<unknown> = await askJson('events', '-n', '5', ...page);
      joined.push(...answer.data);
      cursor = answer.page.next;
    } while (cursor !== null);
    expect(joined).toEqual(whole);
  });
});

describe('named queries', () => {
  test('each is listed with its parameters, and each that needs none runs', async () => {
    const { stdout } = await ask('query', '-o', 'ndjson');
    const queries = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as QueryDescription);
    const free = queries.filter(({ parameters }) =>
      parameters.every((parameter) => parameter.default !== null),
    );
    expect(free.length).toBeGreaterThan(0);
    for (const { name, columns } of free) {
      const outcome = await ask('query', name, '-o', 'csv', '-q');
      expect(outcome, name).toMatchObject({ status: 0, stderr: '' });
      expect(outcome.stdout.split('\r\n')[0]).toBe(columns.map((column) => column.name).join(','));
    }
  });

  test('one that lacks a parameter says which', async () => {
    const { status, stdout, stderr } = await ask('query', 'holder-count');
    expect(stderr).toMatch(/^nsaudit: [^\n]*lifespan[^\n]*\n$/);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });
});

describe('reports', () => {
  const cases = REPORT_NAMES.flatMap((name) =>
    ['table', 'markdown'].map((format) => ({ name, format })),
  );
  test.each(cases)('$name as $format is headed by what it rests on', async ({ name, format }) => {
    const { status, stdout } = await ask('report', name, '-o', format);
    expect(status).toBe(0);
    const head = stdout
      .split(/^\S*\s*$/m)
      .slice(0, 2)
      .join('');
    for (const title of ['host', 'window', 'coverage', 'gaps', 'unreadable', 'log position']) {
      expect(head).toMatch(new RegExp(`^(- )?${title}\\b`, 'm'));
    }
  });
});

describe('upkeep', () => {
  test('a backup verifies, and a state directory made of it answers the same', async () => {
    const other = join(scratch, 'restored');
    const file = join(other, 'log.db');
    mkdirSync(other);
    expect(await ask('backup', file)).toMatchObject({ status: 0 });
    expect(await ask('backup', file)).toMatchObject({ status: 2, stdout: '' });
    expect(await ask('verify', file)).toMatchObject({ status: 0 });
    const elsewhere = ['--state-dir', other];
    expect(await runWords(['state', ...elsewhere])).toMatchObject({ status: 69 });
    expect(await runWords(['rebuild', ...elsewhere])).toMatchObject({ status: 0 });
    const restored = await runWords(['history', '4026531837', '-o', 'ndjson', ...elsewhere]);
    const original = await ask('history', '4026531837', '-o', 'ndjson');
    expect(restored.stdout).toBe(original.stdout);
    expect(original.stdout).not.toBe('');
  });

  test('a rebuild changes no answer', async () => {
    const before = await askJson('timeline');
    expect(await ask('rebuild')).toMatchObject({ status: 0 });
    expect((await askJson('timeline')).data).toEqual(before.data);
  });

  test('doctor says what can be seen and how the record is', async () => {
    const { status, stdout } = await ask('doctor');
    expect(status).toBe(0);
    const titles = ['profile', 'privileges', 'pins', 'state directory', 'minimum lifetime', 'gaps'];
    for (const title of [...titles, 'inventory', 'last reference', 'lost']) {
      expect(stdout).toMatch(new RegExp(`^${title} `, 'm'));
    }
    expect(stdout).toContain('no collector is running');
    const json = await ask('doctor', '-o', 'json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      profile: expect.stringMatching(/^(?:trampoline|tracepoint|procfs)$/),
      stateDirectory,
      record: { isCollecting: false, lossCount: 0, lostCount: 0 },
    });
  });

  test('doctor has something to say where there is no record', async () => {
    const words = ['doctor', '--state-dir', join(scratch, 'missing')];
    const { status, stdout } = await runWords(words);
    expect(status).toBe(0);
    expect(stdout).toContain('does not exist');
  });
});
