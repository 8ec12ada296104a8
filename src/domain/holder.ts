/**
 * Holders: whatever keeps a namespace alive, as an interval.
 *
 * A process or thread holds several namespaces at once, through one interned namespace set, as the
 * kernel's nsproxy does; every other kind holds one lifespan. Exactly one of `set` and `lifespan` is set.
 */
import { z } from 'zod';
import { arrivalSchema } from './arrival.ts';
import { boundsSchema } from './bounds.ts';
import { processFactsSchema } from './process-facts.ts';

export const HOLDER_KINDS = [
  'process',
  /** A thread whose namespaces differ from its process's. */
  'thread',
  /** `pid_for_children` or `time_for_children` that differs from the own namespace. */
  'for-children',
  'fd',
  'bind-mount',
  /** A socket of a network namespace that its process or thread is not in. */
  'socket',
  /** An opened /dev/net/tun: it keeps the network namespace that it was opened in, not the one of its device. */
  'tun',
  'child-namespace',
  'owned-namespace',
  /** The kernel holds a reference that nothing visible explains. */
  'unattributed',
] as const;

export type HolderKind = (typeof HOLDER_KINDS)[number];

const id = z.number().int().nonnegative();

/** What tells one holder of a kind from another, besides what it holds. */
export const holderIdentitySchema = z.object({
  kind: z.enum(HOLDER_KINDS),
  /** The namespace set a process or thread is a member of: the seq of the event that introduced the set. */
  set: id.nullable().default(null),
  lifespan: id.nullable().default(null),
  pid: id.nullable().default(null),
  tid: id.nullable().default(null),
  startTimeTicks: id.nullable().default(null),
  fd: id.nullable().default(null),
  path: z.string().nullable().default(null),
  /** Lifespan of the mount namespace a bind mount is in. */
  mountNamespace: id.nullable().default(null),
  socketInode: id.nullable().default(null),
  interface: z.string().nullable().default(null),
  /**
   * Lifespan of the child or owned namespace that keeps this one alive. For tun, of the network namespace
   * that the device has been moved to, which a tun descriptor does not keep.
   */
  namespace: id.nullable().default(null),
});

export type HolderIdentity = z.infer<typeof holderIdentitySchema>;

export const holderSchema = z.object({
  /** seq of the event that introduced this holder. */
  id,
  ...holderIdentitySchema.shape,
  ...processFactsSchema.shape,
  ...arrivalSchema.shape,
  from: boundsSchema,
  to: boundsSchema.nullable().default(null),
});

export type Holder = z.infer<typeof holderSchema>;

/** Text that is equal for two sightings of one holder holding the same thing, within one boot. */
export function toHolderKey(holder: HolderIdentity): string {
  const { kind, set, lifespan, pid, tid, startTimeTicks, fd, path, mountNamespace } = holder;
  if (kind === 'process') {
    // By far the most frequent, and this is made for every one that comes or goes.
    return `process ${set} ${pid} ${startTimeTicks}`;
  }
  const means = path ?? holder.socketInode ?? `${holder.interface} ${holder.namespace}`;
  return `${kind} ${set ?? lifespan} ${pid} ${startTimeTicks} ${tid} ${fd} ${mountNamespace} ${means}`;
}
