/** Real: the decoding and the sums. Modelled: the rows. */
import { expect, test } from 'vitest';
import { readFileRows } from '../../src/observe/kernel-inventory-rows.ts';
import { countReferences } from '../../src/observe/kernel-references.ts';
import { fileRows, proxyRows } from './inventory-rows.ts';

const NET = 4_026_532_268;
const HAS_INODE = 1;
const OWN_NETWORK = 2;

test('processes that share one nsproxy count once, and a time namespace that is also for children twice', () => {
  const namespaces = {
    net: [NET, 3, true],
    time: [7, 2, false],
    time_for_children: [7, 2, false],
  } as const;
  const proxies = [
    { proxy: 1n, namespaces },
    { proxy: 1n, namespaces },
    { proxy: 2n, namespaces: { net: [NET, 3, true] as const } },
  ];
  expect([...countReferences(proxyRows(proxies), [])]).toEqual([
    [`net:${NET}`, { total: 3, processSets: 2, hasInode: true, sockets: 0 }],
    ['time:7', { total: 2, processSets: 2, hasInode: false, sockets: 0 }],
  ]);
});

test('a socket counts once however many descriptors it has, also in the network namespace of its process', () => {
  const socket = { kind: 2, inum: NET, references: 2, flags: OWN_NETWORK } as const;
  const files = readFileRows(
    fileRows([
      { pid: 20, fd: 3, socket: 1n, ...socket },
      { pid: 20, fd: 4, socket: 1n, ...socket },
      { pid: 21, fd: 3, socket: 2n, ...socket, kind: 3 },
    ]),
  );
  expect(countReferences(proxyRows([]), files).get(`net:${NET}`)).toEqual({
    total: 2,
    processSets: 0,
    hasInode: false,
    sockets: 2,
  });
});

test('types that hold by credentials and pids are not counted, nor what a kernel has no count of', () => {
  const files = readFileRows(
    fileRows([
      { pid: 20, type: 'user', inum: 5, references: 9, flags: HAS_INODE },
      { pid: 20, type: 'pid', inum: 6, references: 9, flags: HAS_INODE },
      { pid: 20, type: 'uts', inum: 7, references: 0, flags: HAS_INODE },
    ]),
  );
  expect(countReferences(proxyRows([]), files).size).toBe(0);
});
