/**
 * Asks a namespace whose it is: opens it once, asks, and closes it. For some microseconds it has one more
 * reference; so this is for namespaces nobody was asked about before, and never for the same one twice.
 *
 * Source: ioctl_nsfs(2); kernel fs/nsfs.c ns_ioctl, kernel/user_namespace.c ns_get_owner (EPERM for what is
 * above the user namespace of who asks, and above the initial one), kernel/pid_namespace.c pidns_get_parent.
 */
import { closeSync, fstatSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import {
  INITIAL_INUMS,
  toNamespaceKey,
  type NamespaceKey,
  type NamespaceType,
} from '../domain/namespace-type.ts';
import type { ObservedRelations } from '../domain/scan.ts';
import { lazily } from './lazily.ts';
import { nameErrno, openLibc, type Libc, type Missing } from './libc.ts';
import { openNamespace, type NamespacePlace } from './open-namespace.ts';
import { findForeignType } from './own-namespaces.ts';
import { errnoOf, isGone } from './proc-read.ts';

export interface AskedRelations {
  readonly relations: ObservedRelations;
  /** Why something of it is not known; null when all is. */
  readonly refusal: string | null;
}

export interface RelationAsker {
  /**
   * What the namespace says that `path` leads to, and everything above it, up to where we may not look.
   * Null when it is gone, or when something else is there. A refusal to open it is its only answer.
   */
  ask(path: string, namespace: { type: NamespaceType; inum: number }): Asked | null;
}

export type Asked = ReadonlyMap<NamespaceKey, AskedRelations>;

/** Source: include/uapi/linux/nsfs.h. */
const NS_GET_USERNS = 0xb701;
const NS_GET_PARENT = 0xb702;
const NS_GET_OWNER_UID = 0xb704;
const { EPERM } = constants.errno;

/** A uid would be one of another user namespace than the initial one. */
const FOREIGN_UID = 'foreign user namespace';

const NOTHING: ObservedRelations = { owner: null, parent: null, ownerUid: null };

/** Needs no privilege but that of opening the namespaces of others. */
export function openRelationAsker(procRoot: string): RelationAsker | Missing {
  const libc = openLibc();
  return 'missing' in libc ? libc : createAsker(libc, procRoot);
}

/** Where we ask from. */
interface Place extends NamespacePlace {
  /** We are not in the initial user namespace. */
  readonly isForeign: boolean;
}

function createAsker(libc: Libc, procRoot: string): RelationAsker {
  const findPlace = lazily((): Place => {
    const isForeign = findForeignType(procRoot, ['user']) !== null;
    return { procRoot, dev: statSync(`${procRoot}/self/ns/user`).dev, isForeign };
  });
  return {
    ask(path, namespace) {
      try {
        const place = findPlace();
        const fd = openNamespace(path, namespace.inum, place);
        return fd === null ? null : climb(libc, place, { ...namespace, fd });
      } catch (error) {
        const reason = errnoOf(error);
        const { type, inum } = namespace;
        return isGone(reason)
          ? null
          : new Map([[toNamespaceKey(type, inum), { relations: NOTHING, refusal: reason }]]);
      }
    },
  };
}

interface OpenNamespace {
  readonly type: NamespaceType;
  readonly inum: number;
  readonly fd: number;
}

/** Closes what it is given, and everything it opens above it. */
function climb(libc: Libc, place: Place, first: OpenNamespace): Asked {
  const asked = new Map<NamespaceKey, AskedRelations>();
  const open = [first];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const key = toNamespaceKey(next.type, next.inum);
    try {
      if (!asked.has(key)) {
        asked.set(key, askOne(libc, place, next, open));
      }
    } finally {
      closeSync(next.fd);
    }
  }
  return asked;
}

/** Adds the owner and the parent to `open`. */
function askOne(
  libc: Libc,
  { isForeign }: Place,
  { type, inum, fd }: OpenNamespace,
  open: OpenNamespace[],
): AskedRelations {
  let refusal: string | null = null;
  const follow = (request: number, relatedType: NamespaceType): OpenNamespace | null => {
    const related = libc.ioctl(fd, request, null);
    if (related < 0) {
      // Above the initial ones there is nothing, which the kernel does not tell from what we may not see.
      const isTop = type === relatedType && inum === INITIAL_INUMS[type];
      refusal = isTop && related === -EPERM ? refusal : nameErrno(related);
      return null;
    }
    const found = { type: relatedType, inum: fstatSync(related).ino, fd: related };
    open.push(found);
    return found;
  };
  const owner = follow(NS_GET_USERNS, 'user');
  const parent = type === 'pid' ? follow(NS_GET_PARENT, 'pid') : type === 'user' ? owner : null;
  const uidFd = type === 'user' ? fd : owner?.fd;
  const ownerUid = isForeign || uidFd === undefined ? null : readOwnerUid(libc, uidFd);
  refusal ??= isForeign ? FOREIGN_UID : null;
  return {
    relations: { owner: toKey(owner), parent: toKey(parent), ownerUid },
    refusal,
  };
}

function toKey(namespace: OpenNamespace | null): NamespaceKey | null {
  return namespace && toNamespaceKey(namespace.type, namespace.inum);
}

function readOwnerUid(libc: Libc, fd: number): number | null {
  const uid = Buffer.alloc(4);
  return libc.ioctl(fd, NS_GET_OWNER_UID, uid) < 0 ? null : uid.readUInt32LE();
}
