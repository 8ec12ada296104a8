import { describe, expect, test } from 'vitest';
import { createGuestReport } from './guest-report.ts';

function read(pieces: readonly string[]): { lines: string[]; exitCode: number | null } {
  const lines: string[] = [];
  const report = createGuestReport((line) => lines.push(line));
  for (const piece of pieces) {
    report.take(piece);
  }
  report.end();
  return { lines, exitCode: report.exitCode() };
}

describe('what a guest reports', () => {
  test('the output of its command is handed on, and its exit status is not part of it', () => {
    expect(read(['one\ntwo\n\u001Eexit 3\n'])).toEqual({ lines: ['one', 'two'], exitCode: 3 });
  });

  test('it does not matter where what arrives is cut', () => {
    const sent = 'one\ntwo\n\u001Eexit 12\n';
    expect(read(sent.split(''))).toEqual(read([sent]));
  });

  test('a guest that ends without saying so has no exit status, and its last words are not lost', () => {
    expect(read(['one\nand th'])).toEqual({ lines: ['one', 'and th'], exitCode: null });
    expect(read(['exit 0\n'])).toEqual({ lines: ['exit 0'], exitCode: null });
  });
});
