/** The tree of `state --tree`, from rows to text. */
import { describe, expect, test } from 'vitest';
import {
  ASCII_STROKES,
  drawTree,
  listMissing,
  UTF8_STROKES,
  type Forest,
} from '../../src/cli/namespace-tree.ts';
import type { LifespanJson } from '../../src/domain/json.ts';
import { buildFakeHistory, makeLifespan } from '../support/fake-history.ts';
import { runWords } from './run-words.ts';

type Changes = Partial<LifespanJson>;

const row = (id: number, type: LifespanJson['type'], changes: Changes): LifespanJson =>
  makeLifespan(id, { type, inum: 4_026_531_000 + id, ...changes });
const initial = { initial: true } as const;
const below = (id: number): Changes => ({ owner: String(id), parent: String(id) });

const ROWS: readonly LifespanJson[] = [
  row(1, 'user', initial),
  row(2, 'pid', { ...initial, owner: '1' }),
  row(3, 'net', { ...initial, owner: '1' }),
  row(10, 'user', below(1)),
  row(11, 'user', below(10)),
  row(12, 'net', { owner: '11' }),
  row(13, 'pid', { owner: '11', parent: '2' }),
  row(14, 'pid', { owner: '11', parent: '13' }),
];

function draw(rows: readonly LifespanJson[], more: Partial<Forest> = {}, strokes = ASCII_STROKES) {
  const forest = { rows, outside: [], isWanted: () => true, ...more };
  return drawTree(forest, strokes).map(({ drawing }) => drawing);
}

describe('the tree', () => {
  test('has user and pid namespaces below their parent and all others below their owner', () => {
    expect(draw(ROWS)).toEqual([
      'user:[4026531001] (initial)',
      '|-net:[4026531003] (initial)',
      '|-pid:[4026531002] (initial)',
      '| `-pid:[4026531013]',
      '|   `-pid:[4026531014]',
      '`-user:[4026531010]',
      '  `-user:[4026531011]',
      '    `-net:[4026531012]',
    ]);
    expect(draw(ROWS, {}, UTF8_STROKES).slice(2, 5)).toEqual([
      '├─pid:[4026531002] (initial)',
      '│ └─pid:[4026531013]',
      '│   └─pid:[4026531014]',
    ]);
  });

  test('has everything once, below "unknown" where nobody knows where it belongs', () => {
    const lost = [
      row(20, 'net', { owner: null }),
      row(21, 'pid', { owner: '1', parent: null }),
      row(22, 'user', { owner: null, parent: null }),
      row(23, 'uts', { owner: '22' }),
      row(24, 'ipc', { owner: '999' }),
    ];
    const drawn = draw([...ROWS, ...lost]);
    expect(drawn.slice(-6)).toEqual([
      'unknown',
      '|-ipc:[4026531024]',
      '|-net:[4026531020]',
      '|-pid:[4026531021]',
      '`-user:[4026531022]',
      '  `-uts:[4026531023]',
    ]);
    expect(new Set(drawn).size).toBe(ROWS.length + lost.length + 1);
  });

  test('of some types has them and what stands above them', () => {
    expect(draw(ROWS, { isWanted: ({ type }) => type === 'net' })).toEqual([
      'user:[4026531001] (initial)',
      '|-net:[4026531003] (initial)',
      '`-user:[4026531010]',
      '  `-user:[4026531011]',
      '    `-net:[4026531012]',
    ]);
  });

  test('says of what is only there for others that it was not recorded then', () => {
    const [first, ...rest] = ROWS.filter(({ lifespan }) => lifespan !== '10');
    const rows = first ? [first, ...rest] : rest;
    expect(listMissing(rows)).toEqual(['10']);
    const outside = ROWS.filter(({ lifespan }) => lifespan === '10');
    expect(draw(rows, { outside })).toContain('`-user:[4026531010] (not recorded then)');
  });

  test('survives rows that stand in a circle', () => {
    const circle = [row(30, 'user', below(31)), row(31, 'user', below(30))];
    const drawn = draw([...ROWS, ...circle]);
    expect(drawn).toHaveLength(ROWS.length + circle.length + 1);
  });
});

describe('nsaudit state --tree', () => {
  test('is a table that begins with the tree, with lines only where the locale has them', async () => {
    const plain = await runWords(['state', '--tree'], { history: buildFakeHistory() });
    expect(plain.status).toBe(0);
    expect(plain.stdout).toMatch(/^NAMESPACE +LIFESPAN {2}STATE/);
    expect(plain.stdout).toMatch(/^`-uts:\[\d+\]/m);
    const drawn = await runWords(['state', '--tree', '--fields', 'lifespan'], {
      history: buildFakeHistory(),
      environment: { LANG: 'C.UTF-8' },
    });
    expect(drawn.stdout).toMatch(/^└─uts:\[\d+\] +56$/m);
    const told = await runWords(['state', '--tree'], {
      history: buildFakeHistory(),
      environment: { LANG: 'C.UTF-8', LC_ALL: 'C' },
    });
    expect(told.stdout).toBe(plain.stdout);
  });

  test.each(['json', 'ndjson', 'csv', 'markdown'])(
    'in %s has the rows as without',
    async (format) => {
      const words = ['state', '-o', format];
      const plain = await runWords(words, { history: buildFakeHistory() });
      const tree = await runWords([...words, '--tree'], { history: buildFakeHistory() });
      expect(tree).toEqual(plain);
    },
  );

  test('refuses a page: half a tree would say that the rest is not known', async () => {
    const { status, stderr } = await runWords(['state', '--tree', '-n', '5'], {
      history: buildFakeHistory(),
    });
    expect(status).toBe(2);
    expect(stderr).toContain('--tree');
  });
});
