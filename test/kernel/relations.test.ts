/**
 * Owners and parents of real namespaces, in both ways there are to learn them, against what the lab asked
 * the kernel itself with ioctl_nsfs(2).
 */
import { readdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Profile } from '../../src/collector/profile.ts';
import type { Lifespan } from '../../src/domain/lifespan.ts';
import type { NamespaceType } from '../../src/domain/namespace-type.ts';
import {
  findKernelObstacle,
  findObstacle,
  listOwnNamespaceDescriptors,
  startLab,
  startWatcher,
  TESTED_PROFILE,
  type Lab,
  type Record,
  type Watcher,
} from './lab.ts';

const SCAN_INTERVAL_MS = 100;
/** In the kernel profiles scans take a small share of a core and no more: on a slow machine they are seconds apart. */
const PATIENCE_MS = 150_000;
const TEST_MS = 400_000;
/** No user of this machine. */
const UID = 54_321;

/** What the lab asked the kernel. */
interface Related {
  readonly type: NamespaceType;
  readonly inum: number;
  readonly owner: number | null;
  readonly parent: number | null;
  readonly ownerUid: number;
}

interface Nested {
  readonly pid: number;
  readonly outer: number;
  readonly inner: number;
}

const profiles: [name: string, profile: Profile | 'auto', obstacle: string | null][] = [
  ['procfs', 'procfs', findObstacle()],
  ['kernel events', TESTED_PROFILE, findKernelObstacle()],
];

describe.each(profiles)(
  'owners and parents, by %s',
  { timeout: TEST_MS },
  (_name, profile, obstacle) => {
    let lab: Lab;
    let watcher: Watcher;
    let scratch: string;

    beforeEach(() => {
      lab = startLab();
      scratch = mkdtempSync(join(tmpdir(), 'nsaudit-relations-'));
    });

    afterEach(async () => {
      await lab.end();
      await watcher.stop();
      rmSync(scratch, { recursive: true });
    });

    const watch = async (): Promise<void> => {
      watcher = await startWatcher(SCAN_INTERVAL_MS, { profile });
      await watcher.scans(1);
    };

    const settled = async (isSettled: (record: Record) => boolean): Promise<Record> => {
      const deadline = Date.now() + PATIENCE_MS;
      for (;;) {
        const record = watcher.read();
        if (isSettled(record) || Date.now() > deadline) {
          return record;
        }
        await watcher.scans(1);
      }
    };

    const ask = async (pid: number, ...links: readonly string[]): Promise<Related[]> => {
      const rows: Related[] = [];
      for (const link of links) {
        rows.push(...(await lab.run<Related[]>(`relations(${pid}, "${link}")`)).result);
      }
      return rows;
    };

    const note = obstacle === null ? '' : ` — NOT RUN: ${obstacle}`;

    test.skipIf(obstacle)(
      `of nested user and pid namespaces are those that the kernel says, also after all have ended${note}`,
      async () => {
        await watch();
        const { result } = await lab.run<Nested>(`spawn_nested(${UID})`);
        const truth = [
          ...(await ask(result.inner, 'user', 'pid', 'net', 'uts')),
          ...(await ask(result.outer, 'net')),
        ];
        expect(new Set(truth.map(({ ownerUid }) => ownerUid))).toEqual(new Set([0, UID]));
        const before = await settled((record) => truth.every((row) => isKnown(record, row)));
        expectRelated(before, truth);
        await lab.run(`end(${result.pid})`);
        const names = new Map(truth.map((row) => [`${row.type} ${row.inum}`, row]));
        const mortal = [...names.values()].filter((row) => !lifeOf(before, row).initial);
        expect(mortal).toHaveLength(6);
        const then = known(before);
        const after = then(
          await settled((record) => mortal.every((row) => lifeOf(then(record), row).gone)),
        );
        expectRelated(after, truth);
        expect(mortal.map((row) => lifeOf(after, row).gone === null)).not.toContain(true);
      },
    );

    test.skipIf(obstacle)(
      `a user namespace that no process is in is a life, found through its child, and ends with it${note}`,
      async () => {
        const { pid, outer } = (
          await lab.run<{ pid: number; outer: number }>('spawn_nested_users()')
        ).result;
        await lab.run(`enter_inner_user(${pid})`);
        await watch();
        const truth = await ask(pid, 'user');
        const hidden = truth.find(({ inum }) => inum === outer);
        if (!hidden) {
          throw new Error('the lab did not climb');
        }
        const before = await settled((record) => truth.every((row) => isKnown(record, row)));
        expectRelated(before, truth);
        const life = lifeOf(before, hidden);
        expect(life).toMatchObject({
          born: { after: null, evidence: 'baseline' },
          unheld: null,
          creator: null,
          holdersNow: 1,
        });
        const inner = truth.find(({ parent }) => parent === outer);
        const childId = inner && lifeOf(before, inner).id;
        expect(before.holders.filter(({ lifespan }) => lifespan === life.id)).toMatchObject([
          { kind: 'child-namespace', namespace: childId, to: null },
        ]);
        await watcher.scans(4);
        expect(lifeOf(watcher.read(), hidden).gone).toBeNull();
        await lab.run(`end(${pid})`);
        const then = known(before);
        const after = then(
          await settled((record) =>
            truth.every(({ inum, type }) => hasEnded(then(record), type, inum)),
          ),
        );
        expect(lifeOf(after, hidden).gone).not.toBeNull();
        expect(inner && lifeOf(after, inner).parent).toBe(life.id);
      },
    );

    test.skipIf(obstacle)(
      `an owner lives on, held by what it owns, while only a bind mount holds that${note}`,
      async () => {
        const path = join(scratch, 'net');
        const { pid } = (await lab.run<{ pid: number }>('spawn("user","net")')).result;
        const truth = await ask(pid, 'net');
        const [net, owner] = truth;
        if (!net || !owner) {
          throw new Error('the lab did not climb');
        }
        await lab.run(`bind(${pid}, "net", ${JSON.stringify(path)})`);
        await lab.run(`end(${pid})`);
        // Nothing but the mount shows it, and nothing at all its owner.
        await watch();
        const before = await settled((record) => truth.every((row) => isKnown(record, row)));
        expectRelated(before, truth);
        await watcher.scans(4);
        expect(lifeOf(watcher.read(), owner)).toMatchObject({ unheld: null, gone: null });
        await lab.run(`unbind(${JSON.stringify(path)})`);
        const then = known(before);
        const after = then(await settled((record) => hasEnded(then(record), 'user', owner.inum)));
        expect(lifeOf(after, owner).gone).not.toBeNull();
        expect(lifeOf(after, net).gone?.by ?? 0).toBeLessThanOrEqual(
          lifeOf(after, owner).gone?.by ?? 0,
        );
      },
    );

    test.skipIf(obstacle)(
      `are learnt once, and no descriptor of a namespace is held at rest${note}`,
      async () => {
        await watch();
        const { pid } = (await lab.run<{ pid: number }>('spawn("user","net","ipc")')).result;
        const truth = await ask(pid, 'user', 'net', 'ipc');
        await settled((record) => truth.every((row) => isKnown(record, row)));
        const written = watcher.read().events.filter(isAboutRelations(truth)).length;
        for (let scan = 0; scan < 2; scan += 1) {
          await watcher.scans(1);
          expect(listOwnNamespaceDescriptors(readdirSync('/proc/self/fd'))).toEqual([]);
        }
        expect(watcher.read().events.filter(isAboutRelations(truth))).toHaveLength(written);
      },
    );
  },
);

function isAboutRelations(rows: readonly Related[]) {
  return (event: Record['events'][number]): boolean =>
    (event.event === 'namespace.born' ||
      (event.event === 'namespace.described' &&
        (event.owner ?? event.parent ?? event.ownerUid) !== null)) &&
    rows.some(({ type, inum }) => event.type === type && event.inum === inum);
}

function findLife(
  record: Record,
  { type, inum }: Pick<Related, 'type' | 'inum'>,
): Lifespan | undefined {
  return record.lifespans.filter((life) => life.type === type && life.inum === inum).at(-1);
}

/** The same lives later: others may have been given their inums meanwhile. */
function known(before: Record): (record: Record) => Record {
  const ids = new Set(before.lifespans.map(({ id }) => id));
  return (record) => ({
    ...record,
    lifespans: record.lifespans.filter(({ id }) => ids.has(id)),
  });
}

/** The last life: what was just made. */
function lifeOf(record: Record, row: Pick<Related, 'type' | 'inum'>): Lifespan {
  const life = findLife(record, row);
  if (!life) {
    throw new Error(`no life of ${row.type}:[${row.inum}]`);
  }
  return life;
}

function hasEnded(record: Record, type: NamespaceType, inum: number): boolean {
  const life = findLife(record, { type, inum });
  return life !== undefined && (life.initial || life.gone !== null);
}

/** Everything that the kernel says of it is known. */
function isKnown(record: Record, row: Related): boolean {
  const life = findLife(record, row);
  return (
    life !== undefined &&
    (row.owner === null || life.owner !== null) &&
    (row.parent === null || life.parent !== null) &&
    life.ownerUid !== null
  );
}

function expectRelated(record: Record, truth: readonly Related[]): void {
  const inumOf = (id: number | null): number | null =>
    record.lifespans.find((life) => life.id === id)?.inum ?? null;
  const ours = truth.map((row) => {
    const { type, inum, owner, parent, ownerUid } = lifeOf(record, row);
    return { type, inum, owner: inumOf(owner), parent: inumOf(parent), ownerUid };
  });
  expect(ours).toEqual(truth);
}
