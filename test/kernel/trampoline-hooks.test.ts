/**
 * Which hooks the trampoline profile has on the kernels that are emulated (npm run test:vm). A program that
 * one of them refuses is left out in silence by design, so what each should have is written down here.
 */
import { release } from 'node:os';
import { describe, expect, test } from 'vitest';
import type { Examination } from '../../src/cli/examine-host.ts';
import { runWords } from '../cli/run-words.ts';
import { findKernelObstacle } from './lab.ts';

const BEFORE_NAMESPACE_TREE = [
  'fentry/__put_net',
  'fentry/__put_user_ns',
  'fentry/change_mnt_propagation',
  'fentry/ipcns_put',
  'fentry/netns_put',
  'fentry/nsfs_evict',
  'fentry/pidns_put',
  'fentry/proc_free_inum',
  'fentry/put_ipc_ns',
  'fentry/put_pid_ns',
  'fentry/userns_put',
  'fexit/__x64_sys_setns',
  'fexit/commit_tree',
  'fexit/copy_cgroup_ns',
  'fexit/copy_ipcs',
  'fexit/copy_mnt_ns',
  'fexit/copy_net_ns',
  'fexit/copy_pid_ns',
  'fexit/copy_time_ns',
  'fexit/copy_utsname',
  'fexit/create_user_ns',
  'fexit/ksys_unshare',
  'tp_btf/sched_process_exec',
  'tp_btf/sched_process_exit',
  'tp_btf/task_newtask',
];

/** By kernel series, of Debian's kernels for x86-64. */
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  '6.1': BEFORE_NAMESPACE_TREE,
  '6.12': BEFORE_NAMESPACE_TREE,
};

const series = /^\d+\.\d+/.exec(release())?.[0] ?? '';
const expected = EXPECTED[series];
const obstacle =
  expected === undefined
    ? `the hooks of Linux ${series} are not written down`
    : findKernelObstacle('trampoline');

describe.skipIf(obstacle)(
  `hooks in Linux ${series}${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`,
  () => {
    test('every hook that this kernel should have is attached and fires: none is refused, missing, silent or unproved', async () => {
      const words = ['doctor', '-o', 'json', '--state-dir', '/nowhere/of-this-test'];
      const { stdout, stderr } = await runWords(words);
      const { profile, profileReason, hooks } = JSON.parse(stdout) as Examination;
      expect(profile, `${profileReason} ${stderr}`).toBe('trampoline');
      // A state that is not `attached` has the kernel's reason, and so has what is printed of a difference.
      const found = hooks.map(({ name, state }) => `${name}: ${state}`);
      expect(found.toSorted()).toEqual(expected?.map((name) => `${name}: attached`));
    });
  },
);
