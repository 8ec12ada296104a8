/** What an older program does with what a newer one wrote: it says so in one sentence, and changes nothing. */
import { copyFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { snapshot } from '../store/disk.ts';
import { at, Auditor, process } from '../support/scan-builder.ts';
import { Scratch, withState, writeState } from '../support/state-on-disk.ts';
import { runWords } from './run-words.ts';

/** Two scans of a few processes. */
async function record(scratch: Scratch): Promise<string> {
  const auditor = new Auditor();
  auditor.scan({ second: 10, processes: [process(2)] });
  auditor.scan({ second: 11, processes: [process(2), process(50, { net: 5_000 })] });
  await writeState(
    scratch.join('state'),
    auditor.log.map((event) => [event]),
  );
  return scratch.join('state');
}

function setVersion(path: string, version: number): void {
  const db = new Database(path);
  db.pragma(`user_version = ${version}`);
  db.close();
}

const COMMANDS: readonly (readonly string[])[] = [
  ['state'],
  ['events'],
  ['report', 'summary'],
  ['verify'],
  ['rebuild'],
  ['prune', '--before', 'now', '--without-witness', '--yes'],
  ['prune', '--before', 'now', '--dry-run'],
  ['collect', '--once', '--profile', 'procfs'],
];

describe('a log.db of a newer version', () => {
  test.each(COMMANDS)('is refused with exit 69 and left as it is: %s %s', async (...words) => {
    using scratch = new Scratch();
    const state = await record(scratch);
    setVersion(`${state}/log.db`, 99);
    const before = snapshot(state);
    const { status, stdout, stderr } = await runWords([...words, '--state-dir', state]);
    expect({ status, stdout }).toEqual({ status: 69, stdout: '' });
    expect(stderr).toMatch(
      /^nsaudit: [^\n]*log\.db has format version 99 and this nsaudit knows versions up to \d+; use the newer nsaudit that wrote it\.\n$/,
    );
    expect(snapshot(state)).toEqual(before);
  });

  test('is neither backed up nor, as a backup, taken for one that was tampered with', async () => {
    using scratch = new Scratch();
    const state = await record(scratch);
    setVersion(`${state}/log.db`, 99);
    copyFileSync(`${state}/log.db`, scratch.join('copy.db'));
    const target = scratch.join('backup.db');
    for (const words of [
      ['backup', target, '--state-dir', state],
      ['verify', scratch.join('copy.db')],
    ]) {
      const { status, stderr } = await runWords(words);
      expect(status).toBe(69);
      expect(stderr).toMatch(/format version 99/);
    }
  });
});

describe('a read.db of another version', () => {
  test.each([1, 99])(
    'of version %i is refused by readers, and built anew by a start',
    async (version) => {
      using scratch = new Scratch();
      const state = await record(scratch);
      setVersion(`${state}/read.db`, version);
      const before = snapshot(`${state}/read.db`);
      const { status, stderr } = await runWords(['state', '--state-dir', state]);
      expect(status).toBe(69);
      expect(stderr).toMatch(/^nsaudit: [^\n]*read\.db has format version \d+[^\n]*\.\n$/);
      expect(snapshot(`${state}/read.db`)).toEqual(before);
      await withState(state, ({ projection }) => {
        expect(projection.rebuildReason).toMatch(new RegExp(`format version ${version}, not`));
      });
      const again = await runWords([
        'state',
        '--state-dir',
        state,
        '-o',
        'json',
        '--at',
        `@${at(11) / 1e6}`,
      ]);
      expect(again.status).toBe(0);
    },
  );
});
