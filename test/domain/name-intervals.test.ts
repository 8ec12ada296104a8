import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toNameIntervals, type BindMount } from '../../src/domain/name-intervals.ts';

function mounted(path: string, from: number, to: number | null, mountNamespace = 1): BindMount {
  return {
    path,
    mountNamespace,
    from: { after: from, by: from + 5, evidence: 'scan' },
    to: to === null ? null : { after: to, by: to + 5, evidence: 'scan' },
  };
}

describe('the name of a namespace', () => {
  test('is one interval, in however many mount namespaces it is mounted', () => {
    const mounts = [mounted('/a', 10, 30, 1), mounted('/a', 12, 40, 2), mounted('/a', 11, 20, 3)];
    expect(toNameIntervals(mounts)).toEqual([
      {
        name: '/a',
        from: { after: 10, by: 15, evidence: 'scan' },
        to: { after: 40, by: 45, evidence: 'scan' },
        mountNamespaces: [1, 3, 2],
      },
    ]);
  });

  test('that came back is two intervals; one that may never have been away is one', () => {
    expect(toNameIntervals([mounted('/a', 10, 20), mounted('/a', 30, null)])).toHaveLength(2);
    expect(toNameIntervals([mounted('/a', 10, 20), mounted('/a', 24, null)])).toMatchObject([
      { to: null },
    ]);
  });

  test('is not another name', () => {
    expect(toNameIntervals([mounted('/a', 10, 20), mounted('/b', 11, null)])).toMatchObject([
      { name: '/a', to: { by: 25 } },
      { name: '/b', to: null },
    ]);
  });

  test('is there at an instant when, and only when, a mount is', () => {
    const mount = fc
      .tuple(fc.constantFrom('/a', '/b'), fc.nat(60), fc.option(fc.nat(30)), fc.nat(3))
      .map(([path, from, length, mnt]) =>
        mounted(path, from, length === null ? null : from + length, mnt),
      );
    fc.assert(
      fc.property(fc.array(mount), fc.nat(120), (mounts, atUs) => {
        const isThere = ({ from, to }: Pick<BindMount, 'from' | 'to'>): boolean =>
          atUs >= (from.after ?? from.by) && (to === null || atUs < to.by);
        const names = new Set(mounts.filter(isThere).map(({ path }) => path));
        const named = new Set(
          toNameIntervals(mounts)
            .filter(isThere)
            .map(({ name }) => name),
        );
        expect(named).toEqual(names);
      }),
    );
  });
});
