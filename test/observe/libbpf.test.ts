/**
 * The access layer against the libraries of this host. Without libbpf.so.1 only the first part runs.
 *
 * Struct sizes and offsets are compared with the kernel's own headers through a C compiler, where both are there.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openLibbpf } from '../../src/observe/libbpf.ts';
import { PROGRAM_INFO } from '../../src/observe/libbpf.ts';
import { KernelCallError, nameErrno, openLibc } from '../../src/observe/libc.ts';

const scratch = mkdtempSync(join(tmpdir(), 'nsaudit-libbpf-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const libc = openLibc();
const libbpf = openLibbpf();
const missing = 'missing' in libbpf ? libbpf.missing : null;

describe('libc', () => {
  test('errno numbers of either sign become names, and an unknown one stays a number', () => {
    expect([1, -1, 28, 116].map(nameErrno)).toEqual(['EPERM', 'EPERM', 'ENOSPC', 'ESTALE']);
    expect(nameErrno(-524)).toBe('errno 524');
  });

  test('what is missing is one sentence, not an exception', () => {
    expect('missing' in libc ? libc.missing : 'There.').toMatch(/^[A-Z].*\.$/);
  });

  test.runIf('bootNs' in libc)(
    'the boot clock runs forwards and never behind the monotonic one',
    () => {
      if ('missing' in libc) {
        return;
      }
      const before = libc.bootNs();
      expect(before).toBeGreaterThanOrEqual(process.hrtime.bigint() - 1_000_000_000n);
      expect(libc.bootNs()).toBeGreaterThanOrEqual(before);
    },
  );

  test.runIf('bootNs' in libc)('a system call answers its result, or the negative errno', () => {
    if ('missing' in libc) {
      return;
    }
    const closeNumber = { x64: 3, arm64: 57 }[process.arch as 'x64'];
    expect(libc.systemCall(closeNumber, 99_999)).toBe(-9);
    expect(libc.openByHandleAt(-1, Buffer.alloc(8), 0)).toBeLessThan(0);
  });
});

describe(`libbpf${missing === null ? '' : ` - NOT RUN: ${missing}`}`, () => {
  test.skipIf(missing !== null)('a refusal names the call, the errno and what libbpf said', () => {
    if ('missing' in libbpf) {
      return;
    }
    const open = (): unknown => libbpf.openObject(join(scratch, 'none.o'));
    expect(open).toThrow(KernelCallError);
    expect(open).toThrow(/^open: ENOENT \(libbpf: elf: failed to open .*none\.o/);
    expect(libbpf.takeLog()).toBe('');
  });

  test.skipIf(missing !== null)('nothing is pinned where nothing is', () => {
    expect('missing' in libbpf ? null : libbpf.getPinned(join(scratch, 'none'))).toBeNull();
  });

  const canCompile =
    existsSync('/usr/include/linux/bpf.h') && spawnSync('gcc', ['-v']).status === 0;
  test.runIf(canCompile)('struct bpf_prog_info is read where the kernel writes it', () => {
    const source = join(scratch, 'offsets.c');
    writeFileSync(
      source,
      `#include <linux/bpf.h>
      #include <stddef.h>
      #include <stdio.h>
      #define AT(field) offsetof(struct bpf_prog_info, field)
      int main(void) { printf("%zu %zu %zu", AT(run_time_ns), AT(run_cnt), AT(recursion_misses)); }`,
    );
    execFileSync('gcc', ['-o', join(scratch, 'offsets'), source]);
    const printed = execFileSync(join(scratch, 'offsets'), { encoding: 'utf8' });
    const { runTimeNs, runCount, missedRuns } = PROGRAM_INFO;
    expect(printed.split(' ').map(Number)).toEqual([runTimeNs, runCount, missedRuns]);
  });
});
