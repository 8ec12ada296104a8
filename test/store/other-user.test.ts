/** Another user and a state directory: real files, and a real process without privileges. */
import { chmodSync, chownSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Scratch } from '../support/state-on-disk.ts';
import { asStranger, missingForConfinement, STRANGER } from '../systemd/confined-process.ts';
import { skipNotice } from '../systemd/offline-root.ts';
import { runChild } from './child-program.ts';
import { refusing, snapshot, writeLog } from './disk.ts';

const missing = missingForConfinement();

async function writeOwned(directory: string, uid: number, gid: number): Promise<void> {
  await writeLog(directory, [3, 40, 2]);
  for (const path of [directory, ...readdirSync(directory).map((name) => `${directory}/${name}`)]) {
    chownSync(path, uid, gid);
  }
}

interface Trouble {
  readonly title: string;
  readonly make: (directory: string) => Promise<void> | void;
  readonly does: 'read' | 'append';
  readonly says: RegExp;
}

const RUN_AS = String.raw`permission denied \(EACCES\); run as the user it belongs to, or as root`;

const TROUBLES: readonly Trouble[] = [
  {
    title: 'writes what belongs to somebody else',
    make: (directory) => writeOwned(directory, 0, STRANGER),
    does: 'append',
    says: new RegExp(`belongs to uid 0, not to uid ${STRANGER}; run as that user or as root`),
  },
  {
    title: 'reads without being in the group',
    make: (directory) => writeOwned(directory, 0, 0),
    does: 'read',
    says: new RegExp(`may not be read: ${RUN_AS}, or ask for membership of the group`),
  },
  {
    title: 'reads a log without read permission',
    make: async (directory) => {
      await writeOwned(directory, STRANGER, STRANGER);
      chmodSync(`${directory}/log.db`, 0o000);
    },
    does: 'read',
    says: new RegExp(`log.db may not be read: ${RUN_AS}`),
  },
  {
    title: 'writes a log without write permission',
    make: async (directory) => {
      await writeOwned(directory, STRANGER, STRANGER);
      chmodSync(`${directory}/log.db`, 0o440);
    },
    does: 'append',
    says: new RegExp(`log.db may not be written: ${RUN_AS}`),
  },
  {
    title: 'writes into a directory without write permission',
    make: (directory) => {
      mkdirSync(directory);
      chownSync(directory, STRANGER, STRANGER);
      chmodSync(directory, 0o550);
    },
    does: 'append',
    says: new RegExp(`may not be written: ${RUN_AS}`),
  },
  {
    title: 'creates a directory where nothing may be created',
    make: () => {},
    does: 'append',
    says: new RegExp(`cannot be created: ${RUN_AS}`),
  },
  {
    title: 'reads below a directory that is closed',
    make: async (directory) => {
      await writeOwned(directory, STRANGER, STRANGER);
      chmodSync(dirname(directory), 0o700);
    },
    does: 'read',
    says: new RegExp(`cannot be looked at: ${RUN_AS}`),
  },
  {
    title: 'writes below a directory that is closed',
    make: (directory) => chmodSync(dirname(directory), 0o700),
    does: 'append',
    says: new RegExp(`cannot be looked at: ${RUN_AS}`),
  },
];

/** Below a directory that everybody may enter. What the child printed, and whether anything changed on disk. */
async function ask({ make, does }: Pick<Trouble, 'make' | 'does'>) {
  using scratch = new Scratch();
  chmodSync(scratch.path, 0o755);
  const directory = scratch.join('state');
  await make(directory);
  const before = snapshot(scratch.path);
  const lines = await runChild(does, [directory, 'run-1', '1'], ['setpriv', ...asStranger()]);
  return { directory, lines, before, after: snapshot(scratch.path) };
}

describe.skipIf(missing.length > 0)(`${skipNotice(missing)}a user without privileges`, () => {
  test.each(TROUBLES)(
    'who $title is refused, and nothing changes',
    async ({ says, ...trouble }) => {
      const { directory, lines, before, after } = await ask(trouble);
      expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
        refusing('io', directory, says),
      ]);
      expect(after).toEqual(before);
    },
  );

  test('who is in the group reads after a clean close, because the side files stayed', async () => {
    const { lines, before, after } = await ask({
      make: (directory) => writeOwned(directory, 0, STRANGER),
      does: 'read',
    });
    expect(lines).toEqual(['45']);
    expect(after).toEqual(before);
  });
});
