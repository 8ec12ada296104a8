import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeText, textWidth } from '../../src/cli/escape-text.ts';
import { escapeMarkdown } from '../../src/cli/format-rows.ts';

describe('text that somebody else chose', () => {
  test.each([
    ['plain /usr/bin/unshare', 'plain /usr/bin/unshare'],
    ['Grüße 名前 😀', 'Grüße 名前 😀'],
    ['a\nb\tc\r', 'a\\nb\\tc\\r'],
    ['\u001b[31mred\u0007', '\\x1b[31mred\\x07'],
    ['\u009b2J', '\\x9b2J'],
    ['evil\u202etxt.exe', 'evil\\u202etxt.exe'],
    ['\u2066x\u2069', '\\u2066x\\u2069'],
    ['zero\u200bwidth\ufeff', 'zero\\u200bwidth\\ufeff'],
    ['tag\u{e0041}', 'tag\\u{e0041}'],
    ['line\u2028separator', 'line\\u2028separator'],
    ['\ud800 alone', '\\ud800 alone'],
    ['back\\slash', 'back\\\\slash'],
    ['two  spaces', 'two \\x20spaces'],
    [' edges ', '\\x20edges\\x20'],
    ['no\u00a0break', 'no\\xa0break'],
    ['bad bytes \ufffd', 'bad bytes \ufffd'],
  ])('%j is shown as %s', (text, shown) => {
    expect(escapeText(text)).toBe(shown);
  });

  test('what is shown is one line without control or format characters and without two spaces in a row', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(escapeText(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]| {2}|^ | $/u);
      }),
    );
  });

  test('two different texts are never shown the same', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(text, text, (left, right) => {
        expect(escapeText(left) === escapeText(right)).toBe(left === right);
      }),
    );
  });

  test('markdown acts on none of it', () => {
    expect(escapeMarkdown('a|b`c`<img>![x](y)\n*_~&')).toBe(
      'a\\|b\\`c\\`\\<img\\>\\!\\[x\\](y)\\\\n\\*\\_\\~\\&',
    );
  });

  test('width counts cells, not code units', () => {
    expect(textWidth('abc')).toBe(3);
    expect(textWidth('名前')).toBe(4);
    expect(textWidth('😀')).toBe(2);
    expect(textWidth('e\u0301')).toBe(1);
  });
});
