import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { plainColumn } from '../../src/cli/columns.ts';
import { formatCsv, formatTable, toJsonLine } from '../../src/cli/format-rows.ts';
import { parseCsv } from './parse-csv.ts';

const columns = [
  plainColumn<{ name: string; count: number }>('name', ''),
  plainColumn<{ name: string; count: number }>('count', '', { align: 'right' }),
];

describe('csv', () => {
  test('whatever a value is, it is read back unchanged', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1 }), (names) => {
        const rows = names.map((name, count) => ({ name, count }));
        const read = parseCsv(formatCsv(columns, rows));
        expect(read).toEqual([
          ['name', 'count'],
          ...rows.map(({ name, count }) => [name, String(count)]),
        ]);
      }),
    );
  });

  test('lines end with CRLF and only what needs quotes has them', () => {
    const rows = [
      { name: 'plain', count: 1 },
      { name: '=cmd|a,"b"', count: 2 },
    ];
    expect(formatCsv(columns, rows)).toBe('name,count\r\nplain,1\r\n"=cmd|a,""b""",2\r\n');
  });
});

describe('tables', () => {
  test('every line splits at two spaces into as many cells as there are columns', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (names) => {
        const rows = names.map((name, count) => ({ name, count }));
        const lines = formatTable(columns, rows).split('\n').slice(0, -1);
        expect(lines).toHaveLength(rows.length + 1);
        for (const line of lines) {
          expect(line.trim().split(/ {2,}/)).toHaveLength(columns.length);
        }
      }),
    );
  });

  test('numbers stand right, text left, and wide characters count twice', () => {
    const rows = [
      { name: '名前', count: 7 },
      { name: 'abcdef', count: 1234 },
    ];
    expect(formatTable(columns, rows)).toBe('NAME    COUNT\n名前        7\nabcdef   1234\n');
  });
});

test('a line of JSON is the same value, without characters that a terminal acts on', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const line = toJsonLine({ text });
      expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      expect((JSON.parse(line) as { text: string }).text).toBe(text);
    }),
  );
});
