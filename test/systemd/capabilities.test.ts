/**
 * The capabilities of the collector unit are enough to read everything a scan of procfs reads, and none of
 * the two that are there for it can be left out. Measured: uid 0 confined to exactly these capabilities reads what belongs to a
 * process of another user, to one of root with all capabilities, and to one inside a user namespace.
 */
import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  asRootWith,
  asStranger,
  end,
  missingForConfinement,
  runConfined,
  startConfined,
} from './confined-process.ts';
import { skipNotice } from './offline-root.ts';
import { listCapabilities, readUnit } from './unit-file.ts';

const missing = missingForConfinement();

const capabilities = listCapabilities(readUnit('nsaudit-collector.service'));

/** The other two are for kernel events: kernel-profiles.test.ts. */
const READING = ['sys_ptrace', 'dac_read_search'];

/** Prints each failed read as `label operation: errno`; prints nothing when all succeed. */
const READ_EVERYTHING = `
  const fs = require('node:fs');
  const reads = {
    'ns/*': (at) => ['net', 'user', 'pid_for_children'].map((type) => fs.readlinkSync(at + '/ns/' + type)),
    'task/*/ns/*': (at) => fs.readdirSync(at + '/task').map((tid) => fs.readlinkSync(at + '/task/' + tid + '/ns/net')),
    'fd/*': (at) => fs.readdirSync(at + '/fd').map((fd) => fs.readlinkSync(at + '/fd/' + fd)),
    'task/*/fd': (at) => fs.readdirSync(at + '/task').map((tid) => fs.readdirSync(at + '/task/' + tid + '/fd')),
    exe: (at) => fs.readlinkSync(at + '/exe'),
    mountinfo: (at) => fs.readFileSync(at + '/mountinfo'),
    stat: (at) => fs.readFileSync(at + '/stat'),
    status: (at) => fs.readFileSync(at + '/status'),
    cgroup: (at) => fs.readFileSync(at + '/cgroup'),
  };
  for (const target of process.argv.slice(1)) {
    const [label, pid] = target.split('=');
    for (const [name, read] of Object.entries(reads)) {
      try { read('/proc/' + pid); } catch (error) { console.log(label + ' ' + name + ': ' + error.code); }
    }
  }`;

const WAIT = ['sh', '-c', 'echo started; exec sleep 60'];

describe.skipIf(missing.length > 0)(
  `${skipNotice(missing)}the capabilities of the collector`,
  () => {
    const children: Record<string, ChildProcess> = {};

    beforeAll(async () => {
      children['stranger'] = await startConfined(asStranger(), ...WAIT);
      children['root'] = await startConfined(['--no-new-privs'], ...WAIT);
      children['user-namespace'] = await startConfined(
        asStranger(),
        'unshare',
        '--user',
        '--map-root-user',
        '--net',
        ...WAIT,
      );
    });

    afterAll(async () => {
      await Promise.all(Object.values(children).map((child) => end(child, 'SIGKILL')));
    });

    function readWith(granted: readonly string[]): readonly string[] {
      const targets = Object.entries(children).map(([label, child]) => `${label}=${child.pid}`);
      const result = runConfined(asRootWith(granted), READ_EVERYTHING, ...targets);
      expect(result.stderr).toBe('');
      expect(targets).toHaveLength(3);
      return result.stdout.split('\n').filter((line) => line !== '');
    }

    it('are enough to read the links, descriptors and mounts of every process', () => {
      expect(readWith(capabilities)).toEqual([]);
    });

    it.each(READING)('cannot do without %s', (left) => {
      const failures = readWith(capabilities.filter((name) => name !== left));
      expect(failures).toContain('stranger fd/*: EACCES');
    });

    it('only CAP_SYS_PTRACE lets root read the links of a root that can do more', () => {
      expect(readWith(['dac_read_search'])).toContain('root ns/*: EACCES');
    });

    it('mountinfo, stat, status and cgroup need none', () => {
      expect(readWith([]).filter((line) => /(mountinfo|stat|status|cgroup):/.test(line))).toEqual(
        [],
      );
    });
  },
);
