/** The documents name everything there is: a command, option, route, event or query that README.md lacks fails here. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { COMMAND_NAMES } from '../src/cli/commands.ts';
import { OPTIONS } from '../src/cli/options.ts';
import { EVENT_NAMES } from '../src/domain/event.ts';
import { HOLDER_KINDS } from '../src/domain/holder.ts';
import { REPORT_NAMES } from '../src/history/history.ts';

const root = resolve(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const architecture = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');

function listRoutes(): string[] {
  const directory = join(root, 'src/api/routes');
  return readdirSync(directory).flatMap((file) =>
    [...readFileSync(join(directory, file), 'utf8').matchAll(/path: '([^']+)'/g)].map(
      (match) => match[1] ?? '',
    ),
  );
}

/** Cells of the first table after `start` in ARCHITECTURE.md. */
function listRows(start: string): string[][] {
  const lines = architecture.slice(architecture.indexOf(start)).split('\n');
  const table = lines.slice(lines.findIndex((line) => line.startsWith('|')));
  const rows = table.slice(
    0,
    table.findIndex((line) => !line.startsWith('|')),
  );
  return rows
    .map((row) =>
      row
        .split('|')
        .map((cell) => cell.trim())
        .slice(1, -1),
    )
    .filter((cells) => !cells.every((cell) => /^-*$/.test(cell)));
}

const queries = readdirSync(join(root, 'queries')).map((file) => file.replace('.sql', ''));

describe('README.md names', () => {
  test.each([...COMMAND_NAMES])('the command %s', (name) => {
    expect(readme).toContain(`\`${name}`);
  });

  test.each(OPTIONS.map(({ name }) => name))('the option --%s', (name) => {
    expect(readme).toContain(`--${name}`);
  });

  test.each(listRoutes())('the route %s', (route) => {
    expect(readme).toContain(`\`${route}\``);
  });

  test.each([...EVENT_NAMES])('the event %s', (name) => {
    expect(readme).toContain(`\`${name}\``);
  });

  test.each(queries)('the query %s', (name) => {
    expect(readme).toContain(`\`${name}\``);
  });

  test.each([...REPORT_NAMES])('the report %s', (name) => {
    expect(readme).toContain(`\`${name}\``);
  });
});

describe('ARCHITECTURE.md', () => {
  test('routes were found to compare with', () => {
    expect(listRoutes().length).toBeGreaterThan(10);
  });

  test('names every room', () => {
    const rooms = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    for (const { name } of rooms) {
      expect(architecture).toContain(`\`src/${name}\``);
    }
  });

  const pitfalls = listRows('## Pitfalls').filter(([number]) => /^\d+$/.test(number ?? ''));
  const kinds = listRows('Real holders of every kind').filter(([kind]) => kind !== 'kind');

  test('has one test for each pitfall and one for each kind of holder', () => {
    expect(pitfalls.map(([number]) => Number(number))).toEqual(pitfalls.map((_, row) => row + 1));
    expect(pitfalls).toHaveLength(28);
    for (const titles of [pitfalls.map((cells) => cells[2]), kinds.map((cells) => cells[1])]) {
      expect(new Set(titles).size).toBe(titles.length);
    }
    const named = kinds.map(([kind = '']) => /^[\w-]+/.exec(kind)?.[0]);
    expect(new Set(named)).toEqual(new Set(HOLDER_KINDS));
  });

  test.each([...pitfalls, ...kinds].map((cells) => cells.slice(-2)))(
    'names a test that is there: %s',
    (title = '', file = '') => {
      const source = readFileSync(join(root, file.replaceAll('`', '')), 'utf8');
      expect(source).toContain(title);
    },
  );

  test('names only test files that exist', () => {
    const named = [...architecture.matchAll(/`(test\/[\w./-]+\.test\.ts)`/g)].map(
      (match) => match[1] ?? '',
    );
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});
