/** What `nsaudit doctor` says without the kernel of this host: of another procfs, and of made-up findings. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Examination } from '../../src/cli/examine-host.ts';
import { examinePrivileges, findPrivilegeProblems } from '../../src/cli/examine-privileges.ts';
import { formatExamination } from '../../src/cli/format-examination.ts';
import { buildFakeHistory } from '../support/fake-history.ts';
import { createProcTree, type ProcTree } from '../support/proc-tree.ts';
import { runWords } from './run-words.ts';

describe('of another procfs', () => {
  let tree: ProcTree;

  beforeEach(() => {
    tree = createProcTree();
    tree.write('sys/kernel/random/boot_id', '5e98bcd4-8de7-4e45-babe-ffdf1b3658aa\n');
    tree.write('sys/kernel/osrelease', '6.1.0-test\n');
    tree.write('self/status', 'CapEff:\t0000000000080004\n');
  });
  afterEach(() => tree.remove());

  const doctor = async (...words: string[]) =>
    await runWords(['doctor', '--proc-root', tree.root, ...words], { history: buildFakeHistory() });

  test('the kernel is not tried, and that is no problem by itself', async () => {
    const { status, stdout } = await doctor('-o', 'json');
    const { problems, ...found } = JSON.parse(stdout) as Examination;
    expect(status).toBe(0);
    expect(found).toMatchObject({
      profile: 'procfs',
      profileReason: expect.stringContaining('may be of another'),
      hooks: [],
      ringBytes: null,
      inventory: { isAvailable: false },
      handles: { isAvailable: false },
      kernel: '6.1.0-test',
    });
    expect(found.minimumLifetimeUs).toBe(found.record?.coverage.minimumLifetimeUs);
    expect(problems.join()).not.toMatch(/kernel|CAP_(?!DAC)/);
  });

  test('text has one line for each thing, and no line is blank but the one before the verdict', async () => {
    const { stdout } = await doctor();
    expect(stdout).toMatch(/^profile +procfs$/m);
    expect(stdout.split('\n').filter((line) => line.trim() === '')).toHaveLength(2);
  });
});

const FOUND: Examination = {
  version: '1',
  node: '20',
  kernel: '6.1.0',
  profile: 'trampoline',
  profileReason: 'The highest there is.',
  hooks: [
    { name: 'fexit/copy_net_ns', state: 'attached' },
    { name: 'fentry/put_ipc_ns', state: 'missing in this kernel' },
  ],
  ringBytes: { life: 65_536, holders: 16_777_216 },
  inventory: { isAvailable: false, reason: 'We are not in the initial pid namespace.' },
  handles: { isAvailable: true, reason: null },
  minimumLifetimeUs: 0,
  capabilities: { held: ['sys_ptrace'], missing: ['sys_admin'] },
  hidepid: null,
  stateDirectory: '/var/lib/nsaudit',
  pins: {
    root: '/pins',
    directories: [
      { path: '/pins/aa', hookCount: 4, readerPid: 77, isOfThisRecord: true },
      { path: '/pins/bb', hookCount: 2, readerPid: null, isOfThisRecord: false },
    ],
    reason: null,
  },
  record: null,
  disk: { ...buildFakeHistory().status().disk, level: 'low' },
  problems: [],
};

test('every hook, ring, pin and reason is in the text', () => {
  const text = formatExamination(FOUND);
  for (const line of [
    /^hooks +fexit\/copy_net_ns$/m,
    /^hooks not there +fentry\/put_ipc_ns: missing in this kernel$/m,
    /^ring sizes +64 KiB for births and ends, 16 MiB for holders$/m,
    /^inventory +read in procfs: We are not in the initial pid namespace\.$/m,
    /^last reference +asked of the kernel by handle$/m,
    /^minimum lifetime +none: every birth is told$/m,
    /^pins +\/pins\/aa, 4 hooks, of this record, process 77 reads them$/m,
    /^ +\/pins\/bb, 2 hooks, of another record, no collector reads them$/m,
    /^disk space +low: 4\.8 MiB of 8\.6 MiB free$/m,
    /^files +log\.db 0\.4 MiB and 0\.0 MiB in its write-ahead log, read\.db 0\.3 MiB and 0\.0 MiB$/m,
    /^ballast +0\.2 MiB$/m,
    /^Nothing is wrong\.$/m,
  ]) {
    expect(text).toMatch(line);
  }
});

test('what the kernel told and nobody received is counted', () => {
  const status = buildFakeHistory().status();
  const { coverage } = buildFakeHistory().state({});
  const record = { ...status, coverage, gapCount: 3, lossCount: 2, lostCount: 1_234 };
  expect(formatExamination({ ...FOUND, record })).toMatch(
    /^lost +1234 records of the kernel, in 2 of the gaps$/m,
  );
});

describe('privileges', () => {
  test('CAP_SYS_ADMIN stands in for CAP_BPF and CAP_PERFMON, and not the other way round', () => {
    expect(examinePrivileges(['sys_admin']).held).toEqual(['bpf', 'perfmon', 'sys_admin']);
    expect(examinePrivileges(['bpf', 'perfmon']).missing).toContain('sys_admin');
  });

  test('each thing that cannot be done is one sentence, and those of the kernel count on its own host only', () => {
    const none = examinePrivileges([]);
    const sentences = findPrivilegeProblems(none, { isOwnHost: true });
    expect(sentences.map((sentence) => /CAP_\w+/.exec(sentence)?.[0])).toEqual([
      'CAP_SYS_PTRACE',
      'CAP_BPF',
      'CAP_SYS_ADMIN',
    ]);
    expect(findPrivilegeProblems(none, { isOwnHost: false })).toHaveLength(1);
  });
});

test('there is nothing to unpin where there is no BPF file system: one sentence, and unavailable', async () => {
  const scratch = mkdtempSync(join(tmpdir(), 'nsaudit-doctor-'));
  try {
    const { status, stdout, stderr } = await runWords(['doctor', '--unpin', '--pin-dir', scratch]);
    expect({ status, stdout }).toEqual({ status: 69, stdout: '' });
    expect(stderr).toMatch(/^nsaudit: .* is not on a BPF file system, .*\n$/);
  } finally {
    rmSync(scratch, { recursive: true });
  }
});
