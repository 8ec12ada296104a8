/**
 * One life of one namespace. Its id is the seq of the event that introduced it, so it survives rebuilds
 * and the reuse of the inode number.
 */
import { z } from 'zod';
import { boundsSchema } from './bounds.ts';
import { NAMESPACE_TYPES } from './namespace-type.ts';
import { nsidSchema } from './nsid.ts';
import { processFactsSchema } from './process-facts.ts';

const id = z.number().int().nonnegative();

export const END_REASONS = [
  /** Kernel evidence that the object is gone and its inum free. */
  'destroyed',
  /** The last visible holder left and two complete scans saw nothing; the kernel may have kept it longer. */
  'vanished',
  /** Its inode number was seen on another namespace. */
  'inode-reuse',
  'reboot',
] as const;

export type EndReason = (typeof END_REASONS)[number];

/** How the creator made the namespace; null when only a scan saw the result. */
export const CREATION_CALLS = ['unshare', 'clone', 'clone3'] as const;
export type CreationCall = (typeof CREATION_CALLS)[number];

export const creatorSchema = z.object({
  pid: id,
  startTimeTicks: id,
  ...processFactsSchema.shape,
  how: z.enum(CREATION_CALLS).nullable().default(null),
  /** `kernel-event`: the kernel named it. `scan`: the oldest process seen holding it when it was first seen. */
  evidence: z.enum(['kernel-event', 'scan']),
});

export type Creator = z.infer<typeof creatorSchema>;

/**
 * References to a namespace as the kernel counted them, and who had them: struct nsproxy of tasks, the inode
 * in nsfs of descriptors and mounts, sockets. What is left is unattributed, and with it an inode that no
 * visible descriptor or mount is behind.
 */
export const countedReferencesSchema = z.object({
  total: id,
  processSets: id,
  nsfsInodes: id,
  sockets: id,
  unattributed: id,
});

export type CountedReferences = z.infer<typeof countedReferencesSchema>;

export const lifespanSchema = z.object({
  id,
  boot: z.string(),
  type: z.enum(NAMESPACE_TYPES),
  nsfsDev: z.string().nullable().default(null),
  inum: id,
  /** The kernel's u64 ns_id as decimal digits; it does not fit a JS number. */
  kernelNamespaceId: z.string().regex(/^\d+$/).nullable().default(null),
  /** The nth lifespan with this inum in this boot, of whatever type. Births that were only counted are none. */
  incarnation: z.number().int().positive(),
  initial: z.boolean().default(false),
  /** The inum looks reused, but nothing proves that this is not the earlier life going on. */
  suspected: z.boolean().default(false),
  born: boundsSchema,
  /**
   * Of a pid namespace: its first process, without which nobody can be forked into it, had ended. Source:
   * pid_namespaces(7).
   */
  initEnded: boundsSchema.nullable().default(null),
  /** Last visible holder gone. */
  unheld: boundsSchema.nullable().default(null),
  /** Last kernel reference gone. */
  unreferenced: boundsSchema.nullable().default(null),
  gone: boundsSchema.nullable().default(null),
  reason: z.enum(END_REASONS).nullable().default(null),
  creator: creatorSchema.nullable().default(null),
  owner: id.nullable().default(null),
  parent: id.nullable().default(null),
  ownerUid: id.nullable().default(null),
  /** Every mount path it was ever bound to, in the order seen. */
  names: z.array(z.string()).default([]),
  /** Network namespaces: the ids it had, by observer, in the order learnt. */
  nsids: z.array(nsidSchema).default([]),
  /** Control groups of the containers whose processes ever held it, in the order seen; none for an initial one. */
  containers: z.array(z.string()).default([]),
  /** As last recorded, not as of now; null where they were not counted. */
  references: countedReferencesSchema.extend({ at: z.number().int() }).nullable().default(null),
  /** Visible holders: an unattributed reference is none. */
  holdersNow: id.default(0),
  holdersEver: id.default(0),
});

export type Lifespan = z.infer<typeof lifespanSchema>;

export const LIFESPAN_STATES = ['held', 'unheld', 'unreferenced', 'ended'] as const;
export type LifespanState = (typeof LIFESPAN_STATES)[number];

/** The state at a timeline instant: an end counts from its upper bound on, when it was known to be over. */
export function stateAt(
  lifespan: Pick<Lifespan, 'gone' | 'unheld' | 'unreferenced'>,
  atUs: number,
): LifespanState {
  if (lifespan.gone && lifespan.gone.by <= atUs) {
    return 'ended';
  }
  if (lifespan.unreferenced && lifespan.unreferenced.by <= atUs) {
    return 'unreferenced';
  }
  return lifespan.unheld && lifespan.unheld.by <= atUs ? 'unheld' : 'held';
}
