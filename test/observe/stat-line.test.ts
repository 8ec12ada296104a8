import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseStatLine } from '../../src/observe/stat-line.ts';
import { toStatLine } from '../support/proc-tree.ts';

describe('a stat line', () => {
  test('is counted from the last parenthesis, whatever the process calls itself', () => {
    const names = [
      'sleep',
      'a) S 1 (b',
      ') R 0 0 0',
      '(((',
      '',
      'tab\tand space',
      'two\nlines',
      ')',
    ];
    for (const comm of names) {
      const line = toStatLine(77, {
        comm,
        state: 'Z',
        ppid: 5,
        threadCount: 3,
        startTimeTicks: 42,
      });
      expect(parseStatLine(line), comm).toEqual({
        comm,
        state: 'Z',
        ppid: 5,
        threadCount: 3,
        startTimeTicks: 42,
      });
    }
  });

  test('keeps its numbers for every comm, also one that is no UTF-8', () => {
    const bytes = fc.uint8Array({ maxLength: 64 });
    const ticks = fc.integer({ min: 0, max: 2 ** 45 });
    fc.assert(
      fc.property(bytes, ticks, fc.nat(), (comm, startTimeTicks, ppid) => {
        const line = toStatLine(1, { comm: Buffer.from(comm), startTimeTicks, ppid });
        expect(parseStatLine(line)).toMatchObject({ startTimeTicks, ppid, threadCount: 1 });
      }),
    );
  });

  test('shows what is no UTF-8 as U+FFFD', () => {
    const line = toStatLine(1, { comm: Buffer.from([0x61, 0xff, 0x62]) });
    expect(parseStatLine(line)?.comm).toBe('a\ufffdb');
  });

  test('is nothing that stops before the start time', () => {
    const whole = toStatLine(1, {}).toString('latin1');
    const end = whole.indexOf(' 1000 ');
    for (let length = 0; length <= end; length += 1) {
      expect(parseStatLine(Buffer.from(whole.slice(0, length))), `${length}`).toBeUndefined();
    }
    expect(parseStatLine(Buffer.from('no stat line at all'))).toBeUndefined();
    expect(parseStatLine(Buffer.from('1 )sleep( S 1'))).toBeUndefined();
  });
});
