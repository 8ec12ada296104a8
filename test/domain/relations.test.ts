/** Owners and parents: what is learnt of them, what they show, and what they keep alive. */
import { describe, expect, test } from 'vitest';
import type { Lifespan } from '../../src/domain/lifespan.ts';
import {
  INITIAL_INUMS,
  toNamespaceKey,
  type NamespaceKey,
  type NamespaceType,
} from '../../src/domain/namespace-type.ts';
import type { ObservedRelations } from '../../src/domain/scan.ts';
import { at, Auditor, only, process } from '../support/scan-builder.ts';

const OUTER = 4_026_532_176;
const INNER = 4_026_532_177;
const NET = 4_026_532_268;
const PID = 4_026_532_300;
const others = [process(2), process(3), process(4)];
const ROOT = toNamespaceKey('user', INITIAL_INUMS.user);
const OUTER_KEY = toNamespaceKey('user', OUTER);
const INNER_KEY = toNamespaceKey('user', INNER);
const NET_KEY = toNamespaceKey('net', NET);

type Related = Partial<Record<NamespaceKey, ObservedRelations>>;

const user = (parent: NamespaceKey | null, ownerUid: number | null = 0): ObservedRelations => ({
  owner: parent,
  parent,
  ownerUid,
});
const owned = (owner: NamespaceKey | null, ownerUid: number | null = 0): ObservedRelations => ({
  owner,
  parent: null,
  ownerUid,
});

/** A process in INNER, below OUTER, in which nobody is. */
const NESTED: Related = {
  [ROOT]: user(null),
  [OUTER_KEY]: user(ROOT),
  [INNER_KEY]: user(OUTER_KEY, 7),
};

function lifeOf(auditor: Auditor, type: NamespaceType, inum: number): Lifespan {
  const found = [...auditor.lives].filter((life) => life.type === type && life.inum === inum);
  const [life] = found.slice(-1);
  if (!life) {
    throw new TypeError(`no life of ${type}:[${inum}]`);
  }
  return life;
}

function livesOf(auditor: Auditor, inum: number): Lifespan[] {
  return [...auditor.lives].filter((life) => life.inum === inum);
}

/** Sees the nested ones at second 11. */
function withNested(): Auditor {
  const auditor = new Auditor();
  auditor.scan({ second: 10, processes: others, relations: { [ROOT]: user(null) } });
  auditor.scan({
    second: 11,
    processes: [...others, process(50, { user: INNER })],
    relations: NESTED,
  });
  return auditor;
}

describe('what is learnt', () => {
  test('owner, parent and owner uid stand in the birth, and owners come before what they own', () => {
    const auditor = withNested();
    const inner = lifeOf(auditor, 'user', INNER);
    const outer = lifeOf(auditor, 'user', OUTER);
    const root = lifeOf(auditor, 'user', INITIAL_INUMS.user);
    expect(inner).toMatchObject({ owner: outer.id, parent: outer.id, ownerUid: 7 });
    expect(outer).toMatchObject({ owner: root.id, parent: root.id, ownerUid: 0 });
    expect(root).toMatchObject({ owner: null, parent: null, ownerUid: 0, initial: true });
    expect(root.id).toBeLessThan(outer.id);
    expect(outer.id).toBeLessThan(inner.id);
    expect(only(auditor.log, 'namespace.described')).toEqual([]);
  });

  test('what is learnt later is described once, and only what is new', () => {
    const auditor = new Auditor();
    const processes = [...others, process(50, { net: NET })];
    auditor.scan({ second: 10, processes, relations: { [NET_KEY]: owned(ROOT, null) } });
    auditor.scan({ second: 11, processes, relations: { [NET_KEY]: owned(ROOT, 5) } });
    auditor.scan({ second: 12, processes, relations: { [NET_KEY]: owned(ROOT, 5) } });
    auditor.scan({ second: 13, processes });
    expect(only(auditor.log, 'namespace.described')).toMatchObject([
      { type: 'net', inum: NET, owner: null, parent: null, ownerUid: 5 },
    ]);
    const root = lifeOf(auditor, 'user', INITIAL_INUMS.user);
    expect(lifeOf(auditor, 'net', NET)).toMatchObject({ owner: root.id, ownerUid: 5 });
  });

  test('what could not be learnt stays null', () => {
    const auditor = new Auditor();
    auditor.scan({ second: 10, processes: [...others, process(50, { net: NET })] });
    expect(lifeOf(auditor, 'net', NET)).toMatchObject({
      owner: null,
      parent: null,
      ownerUid: null,
    });
  });

  test('relations that go round in a circle are folded all the same', () => {
    const auditor = new Auditor();
    auditor.scan({
      second: 10,
      processes: [...others, process(50, { user: INNER })],
      relations: { [INNER_KEY]: user(OUTER_KEY), [OUTER_KEY]: user(INNER_KEY) },
    });
    expect(livesOf(auditor, INNER)).toHaveLength(1);
    expect(livesOf(auditor, OUTER)).toHaveLength(1);
  });
});

describe('a parent that nothing holds but its child', () => {
  test('is a life, born by the scan that showed it, and held by its child as long as that is there', () => {
    const auditor = withNested();
    const outer = lifeOf(auditor, 'user', OUTER);
    expect(outer).toMatchObject({
      born: { after: at(10), by: at(11.1), evidence: 'scan' },
      unheld: null,
      creator: null,
      gone: null,
      holdersEver: 1,
    });
    const inner = lifeOf(auditor, 'user', INNER);
    expect([...auditor.holders].filter(({ lifespan }) => lifespan === outer.id)).toMatchObject([
      { kind: 'child-namespace', namespace: inner.id, from: inner.born, to: null },
    ]);
    expect(only(auditor.log, 'namespace.unheld')).toEqual([]);
  });

  test('has no lower bound of birth when namespaces that were there before show it, and is no younger than they', () => {
    const auditor = new Auditor();
    const processes = [...others, process(50, { user: INNER })];
    auditor.scan({ second: 10, processes: others });
    auditor.scan({ second: 11, processes });
    auditor.scan({ second: 12, processes, relations: NESTED });
    expect(lifeOf(auditor, 'user', OUTER).born).toEqual({
      after: null,
      by: at(11.1),
      evidence: 'scan',
    });
    expect(lifeOf(auditor, 'user', INNER).parent).toBe(lifeOf(auditor, 'user', OUTER).id);
  });

  test('at the first scan is part of the baseline', () => {
    const auditor = new Auditor();
    auditor.scan({
      second: 10,
      processes: [...others, process(50, { user: INNER })],
      relations: NESTED,
    });
    expect(lifeOf(auditor, 'user', OUTER).born).toEqual({
      after: null,
      by: at(10.1),
      evidence: 'baseline',
    });
  });

  test('lives as long as the child, and ends within bounds that begin when the child was last seen', () => {
    const auditor = withNested();
    const inside = [...others, process(50, { user: INNER })];
    for (const second of [12, 13, 14, 15]) {
      auditor.scan({ second, processes: inside, relations: NESTED });
      expect(lifeOf(auditor, 'user', OUTER).gone).toBeNull();
    }
    for (const second of [16, 17, 18]) {
      auditor.scan({ second, processes: others, relations: { [ROOT]: user(null) } });
    }
    expect(only(auditor.log, 'namespace.unheld')).toMatchObject([{ inum: INNER }, { inum: OUTER }]);
    expect(lifeOf(auditor, 'user', INNER).gone).toMatchObject({ after: at(15), by: at(16.1) });
    expect(lifeOf(auditor, 'user', OUTER).gone).toMatchObject({ after: at(15), by: at(17.1) });
    expect(lifeOf(auditor, 'user', INITIAL_INUMS.user).gone).toBeNull();
  });

  test('held once, is held on by what it owns when its last process leaves, and does not end before that', () => {
    const auditor = new Auditor();
    const relations: Related = {
      [ROOT]: user(null),
      [OUTER_KEY]: user(ROOT),
      [NET_KEY]: owned(OUTER_KEY),
    };
    const guest = process(60, { net: NET });
    auditor.scan({ second: 10, processes: others });
    auditor.scan({
      second: 11,
      processes: [...others, process(50, { user: OUTER, net: NET }), guest],
      relations,
    });
    for (const second of [12, 13, 14, 15]) {
      auditor.scan({ second, processes: [...others, guest], relations });
    }
    expect(lifeOf(auditor, 'user', OUTER)).toMatchObject({
      unheld: null,
      gone: null,
      holdersNow: 1,
    });
    for (const second of [16, 17, 18]) {
      auditor.scan({ second, processes: others });
    }
    expect(lifeOf(auditor, 'user', OUTER).gone).toMatchObject({ after: at(15), by: at(17.1) });
    expect(lifeOf(auditor, 'net', NET).gone).toMatchObject({ after: at(15), by: at(16.1) });
  });

  test('a held namespace keeps nothing alive that it is known not to belong to', () => {
    const auditor = new Auditor();
    const relations: Related = { [OUTER_KEY]: user(ROOT), [NET_KEY]: owned(ROOT) };
    const guest = process(60, { net: NET });
    auditor.scan({ second: 10, processes: others });
    auditor.scan({
      second: 11,
      processes: [...others, process(50, { user: OUTER }), guest],
      relations,
    });
    auditor.scan({ second: 12, processes: [...others, guest], relations });
    auditor.scan({ second: 13, processes: [...others, guest], relations });
    expect(lifeOf(auditor, 'user', OUTER).gone).toMatchObject({ after: at(11), by: at(12.1) });
  });

  test('a held namespace of which nobody knows whose it is may be anybody’s', () => {
    const auditor = new Auditor();
    const guest = process(60, { net: NET });
    const relations: Related = { [OUTER_KEY]: user(ROOT) };
    auditor.scan({ second: 10, processes: others });
    auditor.scan({
      second: 11,
      processes: [...others, process(50, { user: OUTER }), guest],
      relations,
    });
    auditor.scan({ second: 12, processes: [...others, guest] });
    auditor.scan({ second: 13, processes: [...others, guest] });
    expect(lifeOf(auditor, 'user', OUTER)).toMatchObject({ gone: null });
    expect(lifeOf(auditor, 'user', OUTER).unheld).not.toBeNull();
  });
});

describe('identity', () => {
  test('without kernel ids, another owner is another life, and suspected', () => {
    const auditor = withNested();
    const moved = process(50, { user: INNER });
    auditor.scan({
      second: 12,
      processes: [...others, moved],
      relations: { [ROOT]: user(null), [INNER_KEY]: user(ROOT, 7) },
    });
    const lives = livesOf(auditor, INNER);
    expect(lives).toHaveLength(2);
    expect(lives[0]).toMatchObject({ reason: 'inode-reuse' });
    expect(lives[1]).toMatchObject({ suspected: true, incarnation: 2 });
    expect(lives[1]?.owner).toBe(lifeOf(auditor, 'user', INITIAL_INUMS.user).id);
  });

  test('a child that goes on proves that its parent did, whoever holds the parent now', () => {
    const auditor = withNested();
    const inside = process(50, { user: INNER });
    const entered = process(70, { user: OUTER }, { startTimeTicks: 1_300 });
    auditor.scan({ second: 14, processes: [...others, inside, entered], relations: NESTED });
    expect(livesOf(auditor, OUTER)).toHaveLength(1);
    expect(lifeOf(auditor, 'user', OUTER)).toMatchObject({ unheld: null, holdersNow: 2 });
  });

  test('pid namespaces are below their parent and owned by a user namespace', () => {
    const auditor = new Auditor();
    const pidRoot = toNamespaceKey('pid', INITIAL_INUMS.pid);
    auditor.scan({
      second: 10,
      processes: [...others, process(50, { pid: PID, user: OUTER })],
      relations: {
        [OUTER_KEY]: user(ROOT),
        [pidRoot]: { owner: ROOT, parent: null, ownerUid: 0 },
        [toNamespaceKey('pid', PID)]: { owner: OUTER_KEY, parent: pidRoot, ownerUid: 0 },
      },
    });
    expect(lifeOf(auditor, 'pid', PID)).toMatchObject({
      owner: lifeOf(auditor, 'user', OUTER).id,
      parent: lifeOf(auditor, 'pid', INITIAL_INUMS.pid).id,
    });
  });
});
