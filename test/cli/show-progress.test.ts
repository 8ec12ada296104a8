/** What long work shows: on a real terminal (script(1) of util-linux makes one), and where there is none. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeProgress } from '../../src/cli/show-progress.ts';
import { fillLog, withLog } from '../bench/fill-log.ts';
import { MAIN_FILE, startProgram } from './built-program.ts';

const run = promisify(execFile);
const EVENTS = 3_000;
const ERASE = '\r\u001b[K';

let folder: string;
let words: string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nsaudit-progress-'));
  words = ['--state-dir', await record('state')];
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A new record of that name; gives its directory. */
async function record(name: string): Promise<string> {
  const directory = join(folder, name);
  await withLog(directory, (log) =>
    fillLog(log, { events: EVENTS, batchEvents: 500, tickUs: 1_000_000 }),
  );
  return directory;
}

/** What a terminal gets to see of a command: both streams. */
async function onTerminal(command: readonly string[]): Promise<string> {
  const where = command.includes('--state-dir') ? [] : words;
  const line = [process.execPath, MAIN_FILE, ...command, ...where].join(' ');
  const { stdout } = await run('script', ['-qec', line, '/dev/null']);
  return stdout;
}

describe('on a terminal', () => {
  test.each([
    ['rebuild', 'rebuild', ['rebuild']],
    ['verify', 'verify', ['verify']],
    ['backup', 'verify', ['backup', 'copy.db']],
  ])(
    '%s shows how many of how many events are done, and removes it',
    async (_name, what, [command = '', file]) => {
      const seen = await onTerminal([command, ...(file === undefined ? [] : [join(folder, file)])]);
      const [before, ...lines] = seen.split(ERASE);
      expect(before).toBe('');
      expect(lines[0]).toBe(`${what}: 1000 of ${EVENTS} events (33 %)`);
      expect(lines.at(-2)).toMatch(
        new RegExp(
          `^${what}: ${EVENTS} of ${EVENTS} events \\(100 %\\), \\d+ a second, finishing$`,
        ),
      );
      // What stands there at the end is the answer alone.
      expect(lines.at(-1)).toMatch(/^(?:file|verdict) /);
    },
  );

  test('prune shows how far verifying is, then how far rebuilding is, and removes both', async () => {
    const seen = await onTerminal([
      'prune',
      '--before',
      'seq:501',
      '--without-witness',
      '--yes',
      '--state-dir',
      await record('pruned'),
    ]);
    const [before, ...lines] = seen.split(ERASE);
    expect(before).toBe('');
    expect(lines[0]).toBe(`verify: 1000 of ${EVENTS} events (33 %)`);
    const last = (what: string) => lines.findLast((line) => line.startsWith(`${what}: `));
    // What is left, and the event that tells of the pruning.
    for (const [what, events] of [
      ['verify', EVENTS],
      ['rebuild', EVENTS + 1],
    ] as const) {
      expect(last(what)).toMatch(new RegExp(`^${what}: ${events} of ${events} events \\(100 %\\)`));
    }
    const firstRebuild = lines.findIndex((line) => line.startsWith('rebuild: '));
    expect(lines.slice(firstRebuild).some((line) => line.startsWith('verify: '))).toBe(false);
    expect(lines.at(-1)).toMatch(/^file /);
  });

  test('--quiet shows nothing of it', async () => {
    expect(await onTerminal(['verify', '--quiet'])).not.toContain('\u001b');
  });
});

test.each(['rebuild', 'verify'])('without a terminal %s shows nothing of it', async (command) => {
  const { status, stdout, stderr } = await startProgram([command, ...words]).finished;
  expect(status).toBe(0);
  expect(`${stdout}${stderr}`).not.toContain('\u001b');
  expect(`${stdout}${stderr}`).not.toContain('\r');
  expect(stderr).not.toContain(' events (');
});

describe('rate and remaining time', () => {
  const first = { doneEvents: 1_000, atUs: 5_000_000 };

  test('are those since the first report', () => {
    const seen = { doneEvents: 3_000, atUs: 6_000_000 };
    expect(describeProgress(first, seen, 10_000)).toBe(
      '3000 of 10000 events (30 %), 2000 a second, about 4 s left',
    );
  });

  test.each([
    ['before there is a second report', first],
    ['while the clock stands', { ...first, doneEvents: 2_000 }],
    ['when the clock was set back', { doneEvents: 2_000, atUs: 1 }],
  ])('are not told %s', (_when, seen) => {
    expect(describeProgress(first, seen, 10_000)).not.toContain('second');
  });
});
