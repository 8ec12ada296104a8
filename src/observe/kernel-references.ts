/**
 * Counts what refers to each namespace, out of the rows of the proxy and descriptor iterators.
 *
 * Only of types for which the kernel's references can be told apart: a user namespace is held by credentials
 * of tasks and open files, a pid namespace by every pid, and nobody lists those.
 *
 * Source: bpf/proxies.h; kernel/nsproxy.c, fs/nsfs.c, net/core/sock.c sk_alloc, drivers/net/tun.c.
 */
import {
  NAMESPACE_TYPES,
  toNamespaceKey,
  type NamespaceKey,
  type NamespaceType,
} from '../domain/namespace-type.ts';
import type { ObservedReferences } from '../domain/scan.ts';
import { readDigits, type FileRow, type Rows } from './kernel-inventory-rows.ts';

/** `struct inventory_proxy`. */
export const PROXY_ROW_WORDS = 24;
const PROXY_ROW = { proxy: 0, inums: 2, references: 12, hasInode: 22 } as const;
const SLOT_TYPES: readonly NamespaceType[] = [...NAMESPACE_TYPES, 'pid', 'time'];

/** Types whose references are counted. */
const COUNTED: ReadonlySet<NamespaceType> = new Set(['cgroup', 'ipc', 'mnt', 'net', 'time', 'uts']);

interface Count {
  total: number;
  processSets: number;
  hasInode: boolean;
  readonly sockets: Set<string>;
}

/** By namespace; nothing where the kernel gives no count (before Linux 5.11). */
export function countReferences(
  proxies: Rows,
  files: readonly FileRow[],
): Map<NamespaceKey, ObservedReferences> {
  const counts = new Map<NamespaceKey, Count>();
  addFiles(counts, files);
  addProxies(counts, proxies);
  return new Map(
    [...counts].map(([key, { sockets, ...count }]) => [key, { ...count, sockets: sockets.size }]),
  );
}

function addProxies(counts: Map<NamespaceKey, Count>, rows: Rows): void {
  const { words } = rows;
  const told = new Set<string>();
  for (let row = 0; row < rows.count; row += 1) {
    const at = row * PROXY_ROW_WORDS;
    const proxy = readDigits(words, at + PROXY_ROW.proxy);
    if (told.has(proxy)) {
      continue;
    }
    told.add(proxy);
    for (const [slot, type] of SLOT_TYPES.entries()) {
      const inum = words[at + PROXY_ROW.inums + slot] ?? 0;
      const total = words[at + PROXY_ROW.references + slot] ?? 0;
      if (inum > 0 && total > 0 && COUNTED.has(type)) {
        const hasInode = ((words[at + PROXY_ROW.hasInode] ?? 0) & (1 << slot)) !== 0;
        note(counts, toNamespaceKey(type, inum), { total, hasInode }).processSets += 1;
      }
    }
  }
}

function addFiles(counts: Map<NamespaceKey, Count>, files: readonly FileRow[]): void {
  for (const { kind, type, inum, references, hasInode, socket } of files) {
    if (references > 0 && COUNTED.has(type)) {
      const count = note(counts, toNamespaceKey(type, inum), { total: references, hasInode });
      if (kind !== 'namespace') {
        count.sockets.add(socket);
      }
    }
  }
}

/** The last look counts. */
function note(
  counts: Map<NamespaceKey, Count>,
  key: NamespaceKey,
  seen: Pick<Count, 'total' | 'hasInode'>,
): Count {
  let count = counts.get(key);
  if (count) {
    Object.assign(count, seen);
  } else {
    count = { ...seen, processSets: 0, sockets: new Set() };
    counts.set(key, count);
  }
  return count;
}
