/** State directories, token files and the name of the program: what is taken from around the program. */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { findOwnCommand, quoteForShell } from '../../src/cli/own-command.ts';
import { readToken } from '../../src/cli/read-token.ts';
import { buildFakeHistory } from '../support/fake-history.ts';
import { runWords, type World } from './run-words.ts';

const scratch = mkdtempSync(join(tmpdir(), 'nsaudit-surroundings-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Which directory a command opens; empty when it does not come to that. */
async function findOpened(words: readonly string[], world: World): Promise<string> {
  let opened = '';
  await runWords(words, {
    ...world,
    history: buildFakeHistory(),
    onOpen: (directory) => {
      opened = directory;
    },
  });
  return opened;
}

/** Writes a token file of this mode. */
function writeToken(name: string, mode: number): string {
  const path = join(scratch, name);
  writeFileSync(path, 'secret-token-0123456789\n');
  chmodSync(path, mode);
  return path;
}

// An installed nsaudit changes what the defaults mean.
describe.skipIf(existsSync('/var/lib/nsaudit/log.db'))('the state directory', () => {
  const missing = join(scratch, 'missing');

  test.each<[string, readonly string[], World, string]>([
    [
      '--state-dir comes first',
      ['state', '--state-dir', missing],
      { environment: { NSAUDIT_STATE_DIR: '/other' } },
      missing,
    ],
    [
      'a relative one counts from where the program was started',
      ['state', '--state-dir', 'x'],
      {},
      '/nowhere/x',
    ],
    ['then NSAUDIT_STATE_DIR', ['state'], { environment: { NSAUDIT_STATE_DIR: missing } }, missing],
    [
      'then XDG_STATE_HOME',
      ['state'],
      { userId: 1000, environment: { XDG_STATE_HOME: missing } },
      `${missing}/nsaudit`,
    ],
    [
      'a relative XDG_STATE_HOME does not count',
      ['state'],
      { userId: 1000, environment: { XDG_STATE_HOME: 'x', HOME: missing } },
      `${missing}/.local/state/nsaudit`,
    ],
    [
      'then the home directory',
      ['state'],
      { userId: 1000, environment: { HOME: missing } },
      `${missing}/.local/state/nsaudit`,
    ],
    [
      'without HOME that of the password database',
      ['state'],
      { userId: 1000 },
      '/nowhere/home/.local/state/nsaudit',
    ],
  ])('%s', async (_title, words, world, expected) => {
    expect(await findOpened(words, world)).toBe(expected);
  });

  test('of root is the one of the system', async () => {
    const world = { userId: 0, environment: { HOME: missing } };
    expect(await findOpened(['state'], world)).toBe('/var/lib/nsaudit');
  });

  test('when only the other default place has a record, the error names it', async () => {
    const home = join(scratch, 'home');
    const directory = join(home, '.local/state/nsaudit');
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'log.db'), '');
    const { status, stdout, stderr } = await runWords(['state'], { environment: { HOME: home } });
    expect(stderr).toBe(
      `nsaudit: there is no record in /var/lib/nsaudit, but there is one in ${directory}: say --state-dir ${directory}\n`,
    );
    expect(stdout).toBe('');
    expect(status).toBe(69);
  });
});

describe('a token file', () => {
  const userId = process.getuid?.() ?? 0;

  test.each([0o600, 0o400])('of mode %o is read, without its line end', (mode) => {
    expect(readToken(writeToken(`token-${mode}`, mode), userId)).toBe('secret-token-0123456789');
  });

  test.each([0o644, 0o640, 0o604, 0o620, 0o610])('of mode %o is refused', (mode) => {
    const path = writeToken(`token-${mode}`, mode);
    expect(() => readToken(path, userId)).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining('chmod 600') }),
    );
  });

  test.skipIf(userId !== 0)('of somebody else is refused, except of root', () => {
    const path = writeToken('token-foreign', 0o600);
    expect(readToken(path, userId + 1)).toBe('secret-token-0123456789');
    chownSync(path, 1234, 1234);
    expect(() => readToken(path, userId)).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining('user 1234') }),
    );
  });

  test('that is missing is an I/O error that names it', () => {
    const path = join(scratch, 'no-token');
    expect(() => readToken(path, userId)).toThrow(
      expect.objectContaining({ code: 'io', message: `cannot read the token file ${path}.` }),
    );
  });
});

describe('the command that is printed to be typed', () => {
  const launcher = resolve(import.meta.dirname, '../../nsaudit');

  test('is the short name when the PATH leads here', () => {
    const bin = join(scratch, 'bin');
    mkdirSync(bin);
    symlinkSync(launcher, join(bin, 'nsaudit'));
    expect(findOwnCommand({ PATH: `/nonexistent:${bin}` })).toBe('nsaudit');
  });

  test('is the launcher with its whole path otherwise', () => {
    expect(findOwnCommand({ PATH: '/nonexistent' })).toBe(quoteForShell(launcher));
    expect(findOwnCommand({})).toBe(quoteForShell(launcher));
  });

  test('is not the nsaudit of somebody else', () => {
    const bin = join(scratch, 'foreign');
    mkdirSync(bin);
    writeFileSync(join(bin, 'nsaudit'), '#!/bin/sh\n', { mode: 0o755 });
    expect(findOwnCommand({ PATH: bin })).toBe(quoteForShell(launcher));
  });

  test.each([
    ['/a/b-c_d.e', '/a/b-c_d.e'],
    ['/a b', "'/a b'"],
    ["it's", "'it'\\''s'"],
    ['$(x)', "'$(x)'"],
    ['', "''"],
  ])('%j is quoted as %s', (word, quoted) => {
    expect(quoteForShell(word)).toBe(quoted);
  });
});
