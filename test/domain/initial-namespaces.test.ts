import { describe, expect, test } from 'vitest';
import { learnInitialNamespaces } from '../../src/domain/initial-namespaces.ts';
import { INITIAL_INUMS } from '../../src/domain/namespace-type.ts';
import type { NamespaceLinks } from '../../src/domain/scan.ts';

/** As many processes as said, with pids from `firstPid` on, all with these links. */
function processes(
  count: number,
  links: NamespaceLinks,
  firstPid = 100,
): { pid: number; links: NamespaceLinks }[] {
  return Array.from({ length: count }, (_, index) => ({ pid: firstPid + index, links }));
}

describe('initial namespaces', () => {
  test('are known by their fixed inum as soon as one process is in it', () => {
    const seen = [
      ...processes(50, { net: 4026532000 }),
      ...processes(1, { net: INITIAL_INUMS.net }, 900),
    ];
    expect(learnInitialNamespaces(seen)).toEqual({ net: INITIAL_INUMS.net });
  });

  test('are those of pid 1 where the kernel hands out any number', () => {
    const seen = [...processes(1, { net: 4026531992 }, 1), ...processes(50, { net: 4026532000 })];
    expect(learnInitialNamespaces(seen)).toEqual({ net: 4026531992 });
  });

  test('are what most processes are in where pid 1 is unreadable', () => {
    const seen = [
      { pid: 1, links: {} },
      ...processes(9, { mnt: 4026531841 }),
      ...processes(7, { mnt: 4026532000 }, 500),
    ];
    expect(learnInitialNamespaces(seen)).toEqual({ mnt: 4026531841 });
  });

  test('are not guessed from a few processes', () => {
    expect(learnInitialNamespaces(processes(7, { mnt: 4026531841 }))).toEqual({});
  });

  test('are not guessed where no namespace holds more than half', () => {
    const seen = [...processes(8, { mnt: 4026531841 }), ...processes(8, { mnt: 4026532000 }, 500)];
    expect(learnInitialNamespaces(seen)).toEqual({});
  });

  test('are learnt for each type apart', () => {
    const seen = [
      ...processes(20, { net: 4026532000, uts: INITIAL_INUMS.uts }),
      ...processes(1, { uts: INITIAL_INUMS.uts, mnt: 4026531841 }, 1),
    ];
    expect(learnInitialNamespaces(seen)).toEqual({
      mnt: 4026531841,
      net: 4026532000,
      uts: INITIAL_INUMS.uts,
    });
  });

  test('are unknown when nothing was readable', () => {
    expect(learnInitialNamespaces([])).toEqual({});
    expect(learnInitialNamespaces(processes(20, {}))).toEqual({});
  });
});
