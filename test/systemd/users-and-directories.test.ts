/**
 * The user, the group and the directories that the units rely on, created by systemd's own tools in a root
 * of our own: nothing of the host is touched.
 */
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createOfflineRoot,
  isInstalled,
  run,
  skipNotice,
  type OfflineRoot,
} from './offline-root.ts';
import { readUnit, UNIT_DIRECTORY } from './unit-file.ts';

const withoutSysusers = isInstalled('systemd-sysusers') ? [] : ['systemd-sysusers'];
const withoutTmpfiles = [
  ...withoutSysusers,
  ...(isInstalled('systemd-tmpfiles') ? [] : ['systemd-tmpfiles']),
  ...(process.getuid?.() === 0 ? [] : ['root']),
];

let root: OfflineRoot;

beforeAll(() => {
  root = createOfflineRoot();
});

afterAll(() => {
  root.remove();
});

describe('users and directories', () => {
  const users = join(UNIT_DIRECTORY, 'nsaudit.sysusers.conf');

  it.skipIf(withoutSysusers.length > 0)(
    `${skipNotice(withoutSysusers)}the user and the group that the units name are created, without a shell`,
    () => {
      const result = run('systemd-sysusers', '--dry-run', `--root=${root.path}`, users);
      expect(result.status).toBe(0);
      expect(result.stderr).toMatch(
        /^Creating group 'nsaudit' with GID \d+\.\nCreating user 'nsaudit' /,
      );
      expect(result.stderr).not.toMatch(/unknown|invalid|fail|ignor/i);
    },
  );

  it.skipIf(withoutTmpfiles.length > 0)(
    `${skipNotice(withoutTmpfiles)}the directories get the modes that the units rely on, and stray file modes are set right`,
    () => {
      mkdirSync(join(root.path, 'etc'), { recursive: true });
      expect(run('systemd-sysusers', `--root=${root.path}`, users).status).toBe(0);
      const state = join(root.path, 'var/lib/nsaudit');
      mkdirSync(state, { recursive: true, mode: 0o700 });
      for (const name of ['log.db', 'log.db-wal', 'log.db-shm', 'signing-key']) {
        writeFileSync(join(state, name), '', { mode: 0o600 });
      }
      const tmpfiles = join(UNIT_DIRECTORY, 'nsaudit.tmpfiles.conf');
      const result = run('systemd-tmpfiles', '--create', `--root=${root.path}`, tmpfiles);
      expect(result).toEqual({ status: 0, stdout: '', stderr: '' });

      const gid = Number(
        /^nsaudit:x:(\d+):/m.exec(readFileSync(join(root.path, 'etc/group'), 'utf8'))?.[1],
      );
      const look = (path: string) => {
        const { mode, uid, gid: group } = statSync(join(root.path, path));
        return `${(mode & 0o7777).toString(8)} ${uid === 0 ? 'root' : 'other'}:${group === gid ? 'nsaudit' : 'other'}`;
      };
      const stateMode = readUnit('nsaudit-collector.service').values('StateDirectoryMode')[0];
      expect(look('var/lib/nsaudit')).toBe(`${stateMode} root:nsaudit`);
      expect(look('var/lib/nsaudit/log.db')).toBe('640 root:nsaudit');
      expect(look('var/lib/nsaudit/log.db-wal')).toBe('640 root:nsaudit');
      expect(look('var/lib/nsaudit/log.db-shm')).toBe('640 root:nsaudit');
      expect(look('var/lib/nsaudit/signing-key')).toBe('600 root:other');
      expect(look('var/lib/nsaudit-reports')).toBe('750 other:nsaudit');
      expect(look('var/lib/nsaudit-backups')).toBe('700 other:nsaudit');
      expect(look('run/nsaudit')).toBe('755 root:other');
    },
  );
});
