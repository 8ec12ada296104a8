/** Golden bytes in, kernel records out. The layout itself is proved by kernel-layout.test.ts. */
import { expect, test } from 'vitest';
import type { NamespaceType } from '../../src/domain/namespace-type.ts';
import { createKernelDecoder, readHeader } from '../../src/observe/kernel-decode.ts';
import { createFactTexts } from '../../src/observe/kernel-facts.ts';
import { CLONE_FLAGS } from '../../src/observe/kernel-layout.ts';
import { eachLiveEntry } from '../../src/observe/kernel-unshared.ts';
import {
  rawBirth,
  rawLeft,
  rawMember,
  rawMounted,
  rawPath,
  rawUnmounted,
  rawUnshared,
  toRaw,
} from './raw-record.ts';

const ANCHOR_US = 1_700_000_000_000_000;
const ALL = 0x3ff;
const INUMS = [10, 11, 12, 13, 14, 15, 16, 17, 14, 15];
const decoder = () => createKernelDecoder(ANCHOR_US, createFactTexts('/nonexistent'));

function birthOf(type: NamespaceType, origin: number): unknown {
  const maker = { pid: 42, comm: 'maker' };
  const raw = rawBirth({ bootNs: 1n }, maker, { type, inum: 9, id: 8n }, 1, origin);
  return decoder().decode(toRaw(raw), 0)[0];
}

test('a birth carries who made it, when and how; facts of nobody are null', () => {
  const raw = toRaw(
    rawBirth(
      { bootNs: 12_345_678_999n },
      { pid: 42, comm: 'maker' },
      { type: 'net', inum: 4_026_532_268, id: 0xffff_ffff_ffff_fffen },
      3,
    ),
  );
  expect(decoder().decode(raw, 0)[0]).toEqual({
    kind: 'birth',
    atUs: ANCHOR_US + 12_345_678,
    namespace: {
      type: 'net',
      inum: 4_026_532_268,
      kernelNamespaceId: '18446744073709551614',
    },
    creator: {
      pid: 42,
      tid: 42,
      startTimeTicks: 1_000,
      threadStartTimeTicks: 1_000,
      comm: 'maker',
    },
    facts: {
      ppid: 7,
      comm: 'leader',
      exe: null,
      uid: 1_001,
      gid: 1_002,
      loginuid: null,
      session: 3,
      cgroup: null,
      containerId: null,
    },
    how: 'clone3',
    owner: { type: 'user', inum: 4_026_531_837, kernelNamespaceId: '7' },
    parent: null,
    ownerUid: null,
    isRecovered: false,
  });
});

test('a birth of a user namespace carries its owner uid, one of a pid namespace its parent', () => {
  const owner = { type: 'user', inum: 4_026_531_837, kernelNamespaceId: '7' };
  expect(birthOf('user', 1_000)).toMatchObject({ owner, parent: owner, ownerUid: 1_000 });
  expect(birthOf('user', 0)).toMatchObject({ owner, parent: owner, ownerUid: 0 });
  const parent = { type: 'pid', inum: 4_026_531_836, kernelNamespaceId: null };
  expect(birthOf('pid', 4_026_531_836)).toMatchObject({ owner, parent, ownerUid: null });
  expect(birthOf('net', 0)).toMatchObject({ owner, parent: null, ownerUid: null });
});

test('what a path record said is the exe of every later record with its number', () => {
  const one = decoder();
  const exe = toRaw(rawPath({ kind: 7, bootNs: 1n }, 5, ['unshare', 'bin', 'usr']));
  expect(one.learn(exe, 0)).toBe(true);
  const birth = rawBirth(
    { bootNs: 2n },
    { pid: 1, comm: 'a', exe: 5 },
    { type: 'uts', inum: 9, id: 0n },
    1,
  );
  expect(one.learn(toRaw(birth), 0)).toBe(false);
  expect(one.decode(toRaw(birth), 0)[0]).toMatchObject({
    facts: { exe: '/usr/bin/unshare' },
    namespace: { kernelNamespaceId: null },
    how: 'unshare',
  });
});

test('the path of a cgroup gives the container, also when the process is gone', () => {
  const one = decoder();
  const container = 'a1'.repeat(32);
  const names = [`docker-${container}.scope`, 'system.slice'];
  one.learn(toRaw(rawPath({ kind: 8, bootNs: 1n }, 4_294_967_312, names)), 0);
  const birth = rawBirth(
    { bootNs: 2n },
    { pid: 1, comm: 'a', cgroupId: 4_294_967_312 },
    { type: 'uts', inum: 9, id: 0n },
    1,
  );
  expect(one.decode(toRaw(birth), 0)[0]).toMatchObject({
    facts: { cgroup: `/system.slice/docker-${container}.scope`, containerId: container },
  });
});

test('a file that was deleted while it runs says so, and a path that was cut short is none', () => {
  const texts = createFactTexts('/nonexistent');
  const one = createKernelDecoder(0, texts);
  one.learn(toRaw(rawPath({ kind: 7, bootNs: 1n, flags: 2 }, 6, ['memfd:x'])), 0);
  one.learn(toRaw(rawPath({ kind: 7, bootNs: 1n, flags: 1 }, 7, ['x', 'y'])), 0);
  expect([texts.exe(6, 1, 1), texts.exe(7, 1, 1)]).toEqual(['/memfd:x (deleted)', null]);
});

test('a process is told with all its namespaces, and what its children get only where that differs', () => {
  const same = rawMember({ kind: 2, bootNs: 1n }, { pid: 8, comm: 'p' }, INUMS, 4, ALL);
  const joined = decoder().decode(toRaw(same), 0)[0];
  expect(joined).toMatchObject({ kind: 'joined', how: 'fork', hasOtherThreads: false });
  expect(joined).toHaveProperty('namespaces.length', 8);
  // The ids of the slots differ in these bytes, so both count as different namespaces.
  expect(joined).toMatchObject({
    forChildren: [
      { type: 'pid', inum: 14, kernelNamespaceId: '9' },
      { type: 'time', inum: 15, kernelNamespaceId: '10' },
    ],
  });
});

test('a thread is told with the slots in which it differs', () => {
  const raw = rawMember(
    { kind: 3, bootNs: 1n, flags: 1 },
    { pid: 8, tid: 9, comm: 't' },
    INUMS,
    1,
    1 << 3,
  );
  expect(decoder().decode(toRaw(raw), 0)[0]).toMatchObject({
    kind: 'moved',
    how: 'unshare',
    hasOtherThreads: true,
    task: { pid: 8, tid: 9, threadStartTimeTicks: 1_001 },
    namespaces: [{ type: 'net', inum: 13, kernelNamespaceId: '4' }],
    forChildren: [],
  });
});

const born = CLONE_FLAGS.user | CLONE_FLAGS.pid | CLONE_FLAGS.net;

test('a task that made namespaces is told after them, owners first, and each is born of its owner', () => {
  const raw = toRaw(rawUnshared({ bootNs: 5_000n }, { pid: 8, comm: 'm' }, INUMS, born));
  const [user, pid, net, moved, ...more] = decoder().decode(raw, 0);
  expect(more).toEqual([]);
  const creator = { pid: 8, comm: 'm' };
  const told = { kind: 'birth', atUs: ANCHOR_US + 5, how: 'unshare', creator, isRecovered: false };
  expect(user).toMatchObject({ ...told, namespace: { inum: 16 }, owner: { inum: 4_026_531_837 } });
  // A new pid namespace is that of the children; the slots are told apart by their ids.
  expect(pid).toMatchObject({
    ...told,
    namespace: { inum: 14, kernelNamespaceId: '9' },
    owner: { inum: 16 },
  });
  expect(net).toMatchObject({ ...told, namespace: { type: 'net', inum: 13 }, owner: { inum: 16 } });
  expect(moved).toMatchObject({ kind: 'moved', atUs: ANCHOR_US + 5, task: creator });
  expect(readHeader(raw, 0)).toMatchObject({ kind: 9, count: 3 });
});

test('what is kept in the map of live namespaces of such a task reads as the same births', () => {
  const raw = toRaw(rawUnshared({ bootNs: 5_000n }, { pid: 8, comm: 'm' }, INUMS, born));
  const [keys, kept]: [bigint[], unknown[]] = [[], []];
  const one = decoder();
  eachLiveEntry(raw, 0, (key, value) => {
    keys.push(key.readBigUInt64LE());
    kept.push(one.decodeRecovered(toRaw(value), 0));
  });
  const told = one.decode(raw, 0).filter(({ kind }) => kind === 'birth');
  expect(keys).toEqual([7n, 9n, 4n]);
  expect(kept).toEqual(told.map((birth) => ({ ...birth, isRecovered: true })));
});

test('a namespace type that the kernel lacks is left out', () => {
  const inums = INUMS.map((inum, slot) => (slot === 5 || slot === 9 ? 0 : inum));
  const raw = rawMember({ kind: 2, bootNs: 1n }, { pid: 8, comm: 'p' }, inums, 4, ALL);
  expect(decoder().decode(toRaw(raw), 0)[0]).toHaveProperty('namespaces.length', 7);
});

test('names are cut at the zero byte, and bytes that are not UTF-8 become U+FFFD', () => {
  const raw = rawLeft({ bootNs: 1n, flags: 1 }, 8, 'fifteen-letters');
  raw[50] = 0xff;
  expect(decoder().decode(toRaw(raw), 0)[0]).toMatchObject({
    kind: 'left',
    isLast: true,
    task: { comm: 'fi\uFFFDteen-letters' },
  });
});

test('a kind of a later version is left out, not misread', () => {
  const raw = toRaw(rawMember({ kind: 99, bootNs: 1n }, { pid: 8, comm: 'p' }, INUMS, 4, ALL));
  expect(decoder().decode(raw, 0)).toEqual([]);
  expect(readHeader(raw, 0)).toMatchObject({ kind: 99, cpu: 0, seq: 1, bootNs: 1 });
});

test('a mount is told with its path in its mount namespace and its id, and its end by that id', () => {
  const namespace = { type: 'net', inum: 4_026_532_268, kernelNamespaceId: '9' };
  const names = ['blue net', 'netns', 'run'];
  const [mounted] = decoder().decode(toRaw(rawMounted({ bootNs: 5_000n }, 70, names)), 0);
  expect(mounted).toEqual({
    kind: 'mounted',
    atUs: ANCHOR_US + 5,
    namespace,
    mountNamespace: { type: 'mnt', inum: 4_026_532_269, kernelNamespaceId: '10' },
    mountId: 70,
    path: '/run/netns/blue net',
  });
  const cut = rawMounted({ bootNs: 5_000n, flags: 1 }, 70, names);
  expect(decoder().decode(toRaw(cut), 0)[0]).toMatchObject({ path: null });
  const [unmounted] = decoder().decode(toRaw(rawUnmounted({ bootNs: 6_000n }, 70)), 0);
  expect(unmounted).toEqual({ kind: 'unmounted', atUs: ANCHOR_US + 6, namespace, mountId: 70 });
});
