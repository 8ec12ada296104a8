/**
 * Makes text that somebody else chose (names of programs, paths, cgroups) safe to show.
 *
 * A process may call itself anything. Unescaped, a name could move the cursor, recolour a terminal,
 * forge a table row or turn the reading direction around, and so hide itself from whoever looks for it.
 */

/**
 * Control and format characters, separators other than the space, surrogates without a partner, the
 * backslash that escapes are written with, and every space that could be taken for the end of a column.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\\]|(?! )\p{Zs}|^ | $|(?<= ) /gu;

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

/** One line of visible text; what is escaped can be read back: `\n`, `\x1b`, `\u202e`, `\\`. */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, (character) => SHORT_ESCAPES[character] ?? toEscape(character));
}

function toEscape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const digits = code.toString(16);
  if (code <= 0xff) {
    return `\\x${digits.padStart(2, '0')}`;
  }
  return code <= 0xffff ? `\\u${digits.padStart(4, '0')}` : `\\u{${digits}}`;
}

/** East Asian wide and full-width characters and emoji, which take two cells. Approximates Unicode UAX 11. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const COMBINING = /^\p{M}$/u;

/** Cells that escaped text takes in a terminal. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    width += COMBINING.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  }
  return width;
}
