/** What the canary makes of records; that it flies is shown by test/kernel/kernel-events.test.ts. */
import { expect, test } from 'vitest';
import type { KernelRecord } from '../../src/domain/kernel-record.ts';
import { NAMESPACE_TYPES, type NamespaceType } from '../../src/domain/namespace-type.ts';
import { watchCanary } from '../../src/observe/kernel-canary.ts';

const PID = 77;
const taskOf = (pid: number) => ({
  pid,
  tid: pid,
  startTimeTicks: 1,
  threadStartTimeTicks: 1,
  comm: 'node',
});
const namespaceOf = (type: NamespaceType, inum = 100) => ({
  type,
  inum: inum + NAMESPACE_TYPES.indexOf(type),
  kernelNamespaceId: null,
});
const birth = (type: NamespaceType, pid = PID): KernelRecord => ({
  kind: 'birth',
  atUs: 1,
  namespace: namespaceOf(type),
  creator: taskOf(pid),
  facts: null,
  how: 'unshare',
  owner: null,
  parent: null,
  ownerUid: null,
  isRecovered: false,
});
const end = (kind: 'unreferenced' | 'destroyed' | 'closed', type: NamespaceType): KernelRecord => ({
  kind,
  atUs: 2,
  namespace: namespaceOf(type),
});
const left = (pid = PID): KernelRecord => ({
  kind: 'left',
  atUs: 3,
  task: taskOf(pid),
  isLast: true,
});

test('a whole life of the canary is kept out, and proves every hook that spoke', () => {
  const canary = watchCanary(PID);
  const life = [
    ...NAMESPACE_TYPES.map((type) => birth(type)),
    left(),
    ...(['ipc', 'net', 'pid', 'user'] as const).map((type) => end('unreferenced', type)),
    ...NAMESPACE_TYPES.map((type) => end('destroyed', type)),
  ];
  expect(canary.sift(life)).toEqual([]);
  expect(canary.isComplete).toBe(true);
  expect(canary.findSilent(['fexit/copy_utsname', 'fentry/__put_net', 'fentry/netns_put'])).toEqual(
    [],
  );
  expect(canary.findSilent(['fexit/ksys_unshare'])).toEqual(['fexit/ksys_unshare']);
});

test('what others do stays, also when they get a number the canary had', () => {
  const canary = watchCanary(PID);
  canary.sift([birth('net'), left()]);
  const later = [birth('net', 5), end('destroyed', 'net'), left(5), birth('uts'), left()];
  expect(canary.sift(later)).toEqual(later);
});

test('a hook that says nothing of its type is silent', () => {
  const canary = watchCanary(PID);
  canary.sift([birth('uts'), left()]);
  expect(canary.isComplete).toBe(false);
  expect(
    canary.findSilent(['fexit/copy_utsname', 'fexit/copy_ipcs', 'tp_btf/task_newtask']),
  ).toEqual(['fexit/copy_ipcs']);
});

const place = { type: 'mnt' as const, inum: namespaceOf('mnt').inum, kernelNamespaceId: null };
const mountOf = (mountId: number, mountNamespace = place): KernelRecord => ({
  kind: 'mounted',
  atUs: 2,
  namespace: namespaceOf('uts'),
  mountNamespace,
  mountId,
  path: '/proc/version',
});
const unmountOf = (mountId: number, inum = 100): KernelRecord => ({
  kind: 'unmounted',
  atUs: 2,
  namespace: namespaceOf('uts', inum),
  mountId,
});
const MOUNT_ERRAND = {
  proofs: { 'fexit/commit_tree': 'mounted', 'fentry/nsfs_evict': 'closed uts' },
  signs: ['mounted', 'unmounted', 'closed uts'],
};

test('a mount of the canary is kept out from its beginning to its end, and those of others stay', () => {
  const canary = watchCanary(PID, MOUNT_ERRAND);
  const others = [mountOf(8, { ...place, inum: 9 }), unmountOf(8, 300), unmountOf(9, 300)];
  const own = [birth('mnt'), birth('uts'), mountOf(7), left()];
  expect(canary.sift([...own, ...others])).toEqual(others);
  expect(canary.isComplete).toBe(false);
  expect(canary.findSilent(Object.keys(MOUNT_ERRAND.proofs))).toEqual(['fentry/nsfs_evict']);
  expect(canary.sift([unmountOf(7), end('closed', 'uts')])).toEqual([]);
  expect(canary.isComplete).toBe(true);
});
