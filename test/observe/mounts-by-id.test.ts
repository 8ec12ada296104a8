/** Where the kernel's list of mounts would be of another root; real lists are in test/kernel/hidden-mounts.test.ts. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createMountsByIdReader, isKernelTooOld } from '../../src/observe/mounts-by-id.ts';

/** What a mount namespace is told to be, whose own /proc/self/mountinfo says this. */
function readWhere(mountinfo: string) {
  const procRoot = mkdtempSync(join(tmpdir(), 'nsaudit-mounts-'));
  onTestFinished(() => rmSync(procRoot, { recursive: true, force: true }));
  mkdirSync(join(procRoot, 'self/ns'), { recursive: true });
  writeFileSync(join(procRoot, 'self/ns/mnt'), '');
  writeFileSync(join(procRoot, 'self/mountinfo'), mountinfo);
  const reader = createMountsByIdReader(procRoot);
  return reader.read({ inum: 1, kernelNamespaceId: null, path: join(procRoot, 'gone') });
}

test('a system that lives in its initial ramdisk is not asked for lists of mounts, which would be of another root', () => {
  const told = readWhere(
    '1 1 0:2 / / rw - rootfs rootfs rw\n20 1 0:21 / /proc rw - proc proc rw\n',
  );
  expect(told).toEqual({ reason: 'root of the kernel' });
  expect('reason' in told && isKernelTooOld(told.reason)).toBe(true);
});

test('a system with a root of its own is asked', () => {
  const told = readWhere(
    '23 1 0:2 / / rw - ext4 /dev/vda rw\n24 23 0:21 / /proc rw - proc proc rw\n',
  );
  expect('reason' in told && isKernelTooOld(told.reason)).toBe(false);
});
