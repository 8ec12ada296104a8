import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { listHeldRelatives, withRelatives } from '../../src/domain/derive-relatives.ts';
import { startDraft } from '../../src/domain/draft.ts';
import type { LifespanId } from '../../src/domain/known.ts';
import { INITIAL_INUMS, type NamespaceType } from '../../src/domain/namespace-type.ts';
import { knowsKept } from '../../src/domain/relations.ts';
import { at, Auditor, only, process } from '../support/scan-builder.ts';

const OUTER = 5_000;
const INNER = 5_001;
const NET = 5_002;
const others = [process(2), process(3), process(4)];

function lifeOf(auditor: Auditor, type: NamespaceType, inum: number): LifespanId {
  const id = auditor.known.lifespanByKey.get(`${type}:${inum}`);
  if (id === undefined) {
    throw new Error(`${type}:${inum} is not alive`);
  }
  return id;
}

/** As whoever asks the kernel for relations would tell them. */
function describeRelation(
  auditor: Auditor,
  lifespan: LifespanId,
  relation: { owner?: LifespanId; parent?: LifespanId },
): void {
  const { known } = auditor;
  const draft = withRelatives(known, startDraft(known.position, known.lastAt));
  const life = known.lifespans.get(lifespan);
  if (life === undefined) {
    throw new Error(`lifespan ${lifespan} is not alive`);
  }
  draft.add({
    event: 'namespace.described',
    lifespan,
    type: life.type,
    inum: life.inum,
    kernelNamespaceId: null,
    owner: relation.owner ?? null,
    parent: relation.parent ?? null,
    ownerUid: null,
    names: null,
    initEnded: null,
    nsids: null,
    references: null,
  });
  auditor.append(draft.events);
}

/** A process in OUTER, then in INNER below it, at second 12; nobody is in OUTER from then on. */
function nested(): { auditor: Auditor; outer: LifespanId; inner: LifespanId } {
  const auditor = new Auditor();
  auditor.scan({ second: 10, processes: others });
  auditor.scan({ second: 11, processes: [...others, process(50, { user: OUTER })] });
  auditor.scan({ second: 12, processes: [...others, process(50, { user: INNER })] });
  const outer = lifeOf(auditor, 'user', OUTER);
  const inner = lifeOf(auditor, 'user', INNER);
  describeRelation(auditor, inner, { parent: outer });
  return { auditor, outer, inner };
}

function listed(type: NamespaceType, owner: number | null, parent: number | null): string[] {
  return listHeldRelatives({ type, owner, parent }).map(
    ({ kind, lifespan }) => `${kind} ${lifespan}`,
  );
}

describe('relatives', () => {
  test('a user namespace keeps its parent; others keep the parent, if they have one, and their owner', () => {
    expect(listed('user', 1, 1)).toEqual(['child-namespace 1']);
    expect(listed('user', 1, null)).toEqual(['child-namespace 1']);
    expect(listed('pid', 1, 2)).toEqual(['child-namespace 2', 'owned-namespace 1']);
    expect(listed('net', 1, null)).toEqual(['owned-namespace 1']);
    expect(listed('net', null, null)).toEqual([]);
  });

  test('a namespace without a process is held while its child lives, from the birth of the child to its end', () => {
    const { auditor, outer, inner } = nested();
    for (const second of [13, 14, 15, 16]) {
      auditor.scan({ second, processes: [...others, process(50, { user: INNER })] });
    }
    expect(only(auditor.log, 'namespace.unheld')).toEqual([]);
    const [holder] = [...auditor.holders].filter(({ kind }) => kind === 'child-namespace');
    expect(holder).toMatchObject({
      lifespan: outer,
      namespace: inner,
      from: { after: at(11), by: at(12.1) },
      to: null,
    });
    for (const second of [17, 18, 19, 20]) {
      auditor.scan({ second, processes: others });
    }
    const ends = new Map(
      only(auditor.log, 'namespace.disappeared').map((event) => [event.lifespan, event]),
    );
    expect(holder?.to).toEqual(ends.get(inner)?.gone);
    expect(ends.get(outer)?.gone.after).toBeGreaterThanOrEqual(at(16));
  });

  test('an owner without a process is held while a namespace that it owns is', () => {
    const auditor = new Auditor();
    auditor.scan({ second: 10, processes: others });
    auditor.scan({ second: 11, processes: [...others, process(50, { user: OUTER, net: NET })] });
    const net = lifeOf(auditor, 'net', NET);
    describeRelation(auditor, net, { owner: lifeOf(auditor, 'user', OUTER) });
    for (const second of [12, 13, 14]) {
      auditor.scan({ second, processes: [...others, process(51, { net: NET })] });
    }
    expect(only(auditor.log, 'namespace.unheld')).toEqual([]);
    const kinds = [...auditor.holders].filter(({ to }) => to === null).map(({ kind }) => kind);
    expect(kinds).toEqual(['owned-namespace', 'process']);
  });

  test('what an initial namespace owns is no holder of it', () => {
    const auditor = new Auditor();
    auditor.scan({ second: 10, processes: [...others, process(50, { net: NET })] });
    const owner = lifeOf(auditor, 'user', INITIAL_INUMS.user ?? 0);
    describeRelation(auditor, lifeOf(auditor, 'net', NET), { owner });
    expect([...auditor.holders].map(({ kind }) => kind)).toEqual(['process']);
  });

  test('a relation told twice is one holder', () => {
    const { auditor, outer, inner } = nested();
    describeRelation(auditor, inner, { parent: outer });
    expect([...auditor.holders].filter(({ kind }) => kind === 'child-namespace')).toHaveLength(1);
  });

  test('a stranger whose relations are known does not put off the end of a user namespace', () => {
    const auditor = new Auditor();
    auditor.scan({ second: 10, processes: others });
    const stranger = process(60, { net: NET });
    auditor.scan({ second: 11, processes: [...others, stranger, process(50, { user: OUTER })] });
    describeRelation(auditor, lifeOf(auditor, 'net', NET), {
      owner: lifeOf(auditor, 'user', INITIAL_INUMS.user ?? 0),
    });
    auditor.scan({ second: 12, processes: [...others, stranger] });
    auditor.scan({ second: 13, processes: [...others, stranger] });
    expect(only(auditor.log, 'namespace.disappeared')).toMatchObject([{ inum: OUTER }]);
    expect(knowsKept({ type: 'net', owner: null, parent: null }, 'user')).toBe(false);
  });

  test('in any tree, exactly the living children of living parents are holders, each once', () => {
    const tree = fc.array(fc.record({ parent: fc.nat(), isHeld: fc.boolean() }), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(tree, (nodes) => {
        const auditor = new Auditor();
        auditor.scan({ second: 10, processes: others });
        const all = nodes.map((_, index) => process(100 + index, { user: 6_000 + index }));
        auditor.scan({ second: 11, processes: [...others, ...all] });
        const ids = nodes.map((_, index) => lifeOf(auditor, 'user', 6_000 + index));
        const parentOf = nodes.map(({ parent }, index) => (index === 0 ? null : parent % index));
        parentOf.forEach((parent, index) => {
          const initial = lifeOf(auditor, 'user', INITIAL_INUMS.user ?? 0);
          const above = parent === null ? initial : (ids[parent] ?? initial);
          describeRelation(auditor, ids[index] ?? 0, { parent: above });
        });
        const held = all.filter((_, index) => nodes[index]?.isHeld);
        for (let second = 12; second < 15 + 2 * nodes.length; second += 1) {
          auditor.scan({ second, processes: [...others, ...held] });
        }
        const isAlive = (index: number): boolean =>
          nodes[index]?.isHeld === true ||
          parentOf.some((parent, child) => parent === index && isAlive(child));
        expect(ids.map((id) => auditor.known.lifespans.has(id))).toEqual(
          ids.map((_, index) => isAlive(index)),
        );
        const open = [...auditor.known.holders.values()].filter(
          ({ kind }) => kind === 'child-namespace',
        );
        const expected = parentOf.flatMap((parent, index) =>
          parent !== null && isAlive(index) ? [`${ids[parent]} ${ids[index]}`] : [],
        );
        expect(
          open.map(({ lifespan, namespace }) => `${lifespan} ${namespace}`).toSorted(),
        ).toEqual(expected.toSorted());
      }),
      { numRuns: 50 },
    );
  });
});
