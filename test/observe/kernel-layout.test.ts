/** The offsets that TypeScript reads at, against those a C compiler gives the same header. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { NAMESPACE_TYPES } from '../../src/domain/namespace-type.ts';
import {
  BIRTH,
  CONFIG,
  COUNTERS,
  CPU_STATE,
  END,
  EXE_IDENTITY,
  EXE_KEY,
  FLAG,
  HEADER,
  HOW_NAMES,
  KERNEL_ABI,
  LEFT,
  MEMBER,
  MOUNTED,
  PATH,
  RECORD_KIND,
  REF,
  REPEAT,
  REPEATED,
  REPEATS_MAX,
  SLOT,
  TASK,
  TOLD_LAST,
  TOTALS,
  UNMOUNTED,
  UNSHARED,
} from '../../src/observe/kernel-layout.ts';

const HEADERS = join(import.meta.dirname, '../../src/observe/bpf');
const scratch = mkdtempSync(join(tmpdir(), 'nsaudit-layout-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const canCompile = spawnSync('gcc', ['--version']).status === 0;

function toC(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function evaluate(expressions: readonly string[]): number[] {
  const source = join(scratch, 'layout.c');
  const program = join(scratch, 'layout');
  const prints = expressions.map((text) => `printf("%lld\\n", (long long)(${text}));`).join('\n');
  writeFileSync(
    source,
    `#include <stddef.h>
    #include <stdio.h>
    #undef NULL
    #include "records.h"
    int main(void) { ${prints} return 0; }`,
  );
  execFileSync('gcc', ['-w', '-I', HEADERS, '-o', program, source]);
  return execFileSync(program, { encoding: 'utf8' }).trim().split('\n').map(Number);
}

const STRUCTS: [name: string, layout: Readonly<Record<string, number>>][] = [
  ['record_header', HEADER],
  ['task_block', TASK],
  ['namespace_ref', REF],
  ['birth_record', BIRTH],
  ['task_record', MEMBER],
  ['unshared_record', UNSHARED],
  ['repeat', REPEAT],
  ['repeated_record', REPEATED],
  ['left_record', LEFT],
  ['end_record', END],
  ['path_record', PATH],
  ['mounted_record', MOUNTED],
  ['unmounted_record', UNMOUNTED],
  ['exe_key', EXE_KEY],
  ['exe_identity', EXE_IDENTITY],
  ['told_last', TOLD_LAST],
  ['config', CONFIG],
  ['counters', COUNTERS],
  ['cpu_state', CPU_STATE],
  ['totals', TOTALS],
];

test.runIf(canCompile).each(STRUCTS)(
  `struct %s is read where it is written${canCompile ? '' : ' — NOT RUN: no gcc'}`,
  (name, layout) => {
    const expressions = Object.keys(layout).map((field) =>
      field === 'bytes' ? `sizeof(struct ${name})` : `offsetof(struct ${name}, ${toC(field)})`,
    );
    expect(evaluate(expressions)).toEqual(Object.values(layout));
  },
);

test.runIf(canCompile)(
  `numbers mean the same on both sides${canCompile ? '' : ' — NOT RUN: no gcc'}`,
  () => {
    const pairs: [string, number][] = [
      ['NSAUDIT_ABI', KERNEL_ABI],
      ...NAMESPACE_TYPES.map((type, index): [string, number] => [
        `TYPE_${type.toUpperCase()}`,
        index,
      ]),
      ...Object.entries(RECORD_KIND).map(([kind, value]): [string, number] => [
        `RECORD_${kind.toUpperCase()}`,
        value,
      ]),
      ...HOW_NAMES.map((how, index): [string, number] => [
        `HOW_${(how ?? 'unknown').toUpperCase()}`,
        index,
      ]),
      ['CHILDREN_PID', SLOT.pidForChildren],
      ['CHILDREN_TIME', SLOT.timeForChildren],
      ['MEMBER_SLOTS', SLOT.count],
      ['REPEATS_MAX', REPEATS_MAX],
      ['FLAG_OTHER_THREADS', FLAG.otherThreads],
      ['FLAG_LAST', FLAG.last],
      ['FLAG_TRUNCATED', FLAG.truncated],
      ['FLAG_DELETED', FLAG.deleted],
    ];
    expect(evaluate(pairs.map(([name]) => name))).toEqual(pairs.map(([, value]) => value));
  },
);
