/** Namespaces of this very process, asked for real; what the kernel's list says is given by hand. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  NAMESPACE_TYPES,
  parseNamespaceLink,
  toNamespaceKey,
  type NamespaceKey,
} from '../../src/domain/namespace-type.ts';
import type { NamespaceLinks, Scan } from '../../src/domain/scan.ts';
import type { ToldRelations } from '../../src/observe/kernel-relation-rows.ts';
import { createRelationReader, type RelationReader } from '../../src/observe/relation-reader.ts';
import { createSourceTally } from '../../src/observe/source-tally.ts';
import { listOwnNamespaceDescriptors } from '../kernel/lab.ts';
import { process as makeProcess } from '../support/scan-builder.ts';

const PROC = '/proc';
const scratch = mkdtempSync(join(tmpdir(), 'nsaudit-relations-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const own: NamespaceLinks = Object.fromEntries(
  NAMESPACE_TYPES.flatMap((type) => {
    const found = parseNamespaceLink(readlinkSync(`${PROC}/self/ns/${type}`));
    return found ? [[type, found.inum]] : [];
  }),
);
const count = Object.keys(own).length;
const me = (startTimeTicks = 100) => makeProcess(process.pid, own, { startTimeTicks });

/** All own namespaces under one kernel id. */
function idsOf(id: string): Map<NamespaceKey, string> {
  return new Map(NAMESPACE_TYPES.map((type) => [toNamespaceKey(type, own[type] ?? 0), id]));
}

function read(
  reader: RelationReader,
  looked: Partial<Pick<Scan, 'processes' | 'mountNamespaces' | 'kernelIds'>>,
) {
  const tally = createSourceTally('relations');
  const { relations, kernelIds } = reader.read(
    { processes: [], mountNamespaces: [], kernelIds: new Map(), initial: {}, ...looked },
    tally,
  );
  return { relations, kernelIds, ...tally.report() };
}

describe('asking namespaces', () => {
  test('is done once for each, and leaves no descriptor open', () => {
    const reader = createRelationReader(PROC);
    const first = read(reader, { processes: [me()] });
    expect(first).toMatchObject({ readCount: count, vanishedCount: 0 });
    const again = read(reader, { processes: [me()] });
    expect(again.readCount).toBe(0);
    expect(again.relations).toEqual(first.relations);
    const net = first.relations.get(toNamespaceKey('net', own.net ?? 0));
    expect(net).toBeDefined();
    expect(listOwnNamespaceDescriptors(readdirSync(`${PROC}/self/fd`))).toEqual([]);
  });

  test('is done anew when another task is the oldest that shows it, or after a scan that did not see it', () => {
    const reader = createRelationReader(PROC);
    read(reader, { processes: [me(100)] });
    expect(read(reader, { processes: [me(200)] }).readCount).toBe(count);
    expect(read(reader, {}).relations.size).toBe(0);
    expect(read(reader, { processes: [me(200)] }).readCount).toBe(count);
  });

  test('is done anew when the kernel gives it another id, and not when only the task is another', () => {
    const reader = createRelationReader(PROC);
    read(reader, { processes: [me(100)], kernelIds: idsOf('7') });
    expect(read(reader, { processes: [me(200)], kernelIds: idsOf('7') }).readCount).toBe(0);
    expect(read(reader, { processes: [me(200)], kernelIds: idsOf('8') }).readCount).toBe(count);
  });

  test('never opens what has taken the place of a namespace', () => {
    const fifo = join(scratch, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const through = makeProcess(process.pid, own);
    const mountNamespaces = [
      {
        inum: own.mnt ?? 0,
        bindMounts: [{ path: fifo, type: 'net' as const, inum: 4_026_532_268, mountIds: [] }],
        unreadable: null,
      },
    ];
    const reader = createRelationReader(PROC);
    const { vanishedCount, relations } = read(reader, { processes: [through], mountNamespaces });
    expect(vanishedCount).toBe(1);
    expect(relations.has(toNamespaceKey('net', 4_026_532_268))).toBe(false);
  });

  test('is not tried where no path leads, which is counted, until one does', () => {
    const reader = createRelationReader(PROC);
    const mountNamespaces = [
      {
        inum: own.mnt ?? 0,
        bindMounts: [
          {
            path: `${PROC}/${process.pid}/ns/net`,
            type: 'net',
            inum: own.net ?? 0,
            mountIds: [],
          },
        ],
        unreadable: null,
      },
    ] as const;
    for (let scan = 0; scan < 2; scan += 1) {
      expect(read(reader, { mountNamespaces })).toMatchObject({
        vanishedCount: 0,
        unreadable: [{ reason: 'ESRCH', count: 1 }],
        relations: new Map(),
      });
    }
    const inThere = makeProcess(process.pid, { mnt: own.mnt ?? 0 });
    const through = read(reader, { processes: [inThere], mountNamespaces });
    expect(through.unreadable).toEqual([]);
    expect(through.relations.has(toNamespaceKey('net', own.net ?? 0))).toBe(true);
  });

  test('counts what is gone, and does not call it refused', () => {
    const reader = createRelationReader(join(scratch, 'nothing'));
    expect(read(reader, { processes: [me()] })).toMatchObject({
      readCount: 0,
      vanishedCount: count,
      unreadable: [],
    });
  });
});

describe("the kernel's list", () => {
  const NET = toNamespaceKey('net', 11);
  const INNER = toNamespaceKey('user', 12);
  const OUTER = toNamespaceKey('user', 13);
  const told = new Map<NamespaceKey, ToldRelations>([
    [NET, { relations: { owner: INNER, parent: null, ownerUid: 5 }, kernelNamespaceId: '101' }],
    [INNER, { relations: { owner: OUTER, parent: OUTER, ownerUid: 5 }, kernelNamespaceId: '102' }],
    [OUTER, { relations: { owner: null, parent: null, ownerUid: 0 }, kernelNamespaceId: '103' }],
  ]);
  const inside = { ...makeProcess(50), links: { net: 11 } };
  const kernelIds = new Map([[NET, '101']] as const);

  test('is read when something is strange, and shows what stands above it', () => {
    let lists = 0;
    const reader = createRelationReader(PROC, () => {
      lists += 1;
      return told;
    });
    for (let scan = 0; scan < 3; scan += 1) {
      const { relations, kernelIds: ids } = read(reader, { processes: [inside], kernelIds });
      expect([...relations.keys()].toSorted()).toEqual([NET, INNER, OUTER]);
      expect([...ids]).toEqual([
        [NET, '101'],
        [INNER, '102'],
        [OUTER, '103'],
      ]);
    }
    expect(lists).toBe(1);
    expect(read(reader, {}).relations.size).toBe(0);
  });

  test('says nothing about a namespace whose inum it has under another id', () => {
    const reader = createRelationReader(PROC, () => told);
    const { relations } = read(reader, { processes: [inside], kernelIds: new Map([[NET, '999']]) });
    expect(relations.size).toBe(0);
  });
});
