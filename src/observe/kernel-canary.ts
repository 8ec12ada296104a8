/**
 * Proves the hooks of the trampoline profile at start: a child leaves for new namespaces of every type and
 * ends, another one mounts a namespace, and each hook must say what it is there to say. A compiler may have inlined a function into its
 * callers, and then a hook on it is attached and silent.
 *
 * What the canary did is kept out of the records.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type {
  KernelNamespace,
  KernelRecord,
  MountedRecord,
  UnmountedRecord,
} from '../domain/kernel-record.ts';
import { NAMESPACE_TYPES, type NamespaceType } from '../domain/namespace-type.ts';
import { CLONE_FLAGS } from './kernel-layout.ts';
import { nameErrno, type Libc } from './libc.ts';

export interface Canary {
  /** Records without those of the canary, which are noted. */
  sift(records: readonly KernelRecord[]): KernelRecord[];
  /** Everything was seen that is waited for. */
  readonly isComplete: boolean;
  /** Of these hooks, the ones that said nothing though they should have. */
  findSilent(hooks: readonly string[]): string[];
}

/** Two short programs, on a host that may be slow. */
const MOUNT_LIMIT_MS = 10_000;
const EVERY_FLAG = NAMESPACE_TYPES.reduce((sum, type) => sum + CLONE_FLAGS[type], 0);

/** What a hook must have said, as `kind type`; a hook that is not here cannot be proved by a canary. */
const PROOFS: Readonly<Record<string, string>> = {
  'fentry/__ns_tree_add_raw': 'birth uts',
  'fexit/copy_cgroup_ns': 'birth cgroup',
  'fexit/copy_ipcs': 'birth ipc',
  'fexit/copy_mnt_ns': 'birth mnt',
  'fexit/copy_net_ns': 'birth net',
  'fexit/copy_pid_ns': 'birth pid',
  'fexit/copy_time_ns': 'birth time',
  'fexit/create_user_ns': 'birth user',
  'fexit/copy_utsname': 'birth uts',
  'fentry/__ns_common_free': 'destroyed uts',
  'fentry/proc_free_inum': 'destroyed uts',
  'fentry/__ns_tree_remove': 'unreferenced ipc',
  'fentry/put_ipc_ns': 'unreferenced ipc',
  'fentry/__put_net': 'unreferenced net',
  'fentry/__put_user_ns': 'unreferenced user',
  'fentry/put_pid_ns': 'unreferenced pid',
  'fexit/ksys_unshare': 'moved',
  'tp_btf/sys_exit': 'moved',
  'tp_btf/sched_process_exit': 'left',
};

/** The same, of hooks that only a mount of a namespace makes say anything. */
const MOUNT_PROOFS: Readonly<Record<string, string>> = {
  'fexit/commit_tree': 'mounted',
  'fentry/change_mnt_propagation': 'unmounted',
  'fentry/nsfs_evict': 'closed uts',
};

const ENDS = NAMESPACE_TYPES.map((type) => `destroyed ${type}`);
const LAST_PUTS = ['ipc', 'net', 'pid', 'user'].map((type) => `unreferenced ${type}`);

/** What a canary is sent to show. */
export interface Errand {
  readonly proofs: Readonly<Record<string, string>>;
  /** It is over when all of these have been seen. */
  readonly signs: readonly string[];
}

const LIFE_ERRAND: Errand = { proofs: PROOFS, signs: ['left', ...ENDS, ...LAST_PUTS] };

/** A canary that has ended, or one sentence that says why there is none, and which hooks it leaves unproved. */
export type Release = Canary | { readonly refusal: string; readonly hooks: readonly string[] };

/** A child that leaves for new namespaces of every type, and ends. */
export function releaseCanary(libc: Libc): Release {
  const child = libc.callInChild('unshare', EVERY_FLAG);
  if ('errno' in child || child.status !== 0) {
    const reason = 'errno' in child ? nameErrno(child.errno) : 'unshare is refused';
    const refusal = `Whether hooks fire could not be tried, as this process may make no namespaces (${reason}).`;
    return { refusal, hooks: Object.keys(PROOFS) };
  }
  return watchCanary(child.pid);
}

/**
 * A child that mounts its new uts namespace on a file, in a mount namespace that is its own and goes with it.
 * Null where none of the hooks needs it. Source: unshare(1), mount(8).
 */
export function releaseMountCanary(procRoot: string, hooks: readonly string[]): Release | null {
  const proofs = hooks.flatMap((hook): [string, string][] => {
    const proof = MOUNT_PROOFS[hook];
    return proof === undefined ? [] : [[hook, proof]];
  });
  if (proofs.length === 0) {
    return null;
  }
  const apart = ['--user', '--map-root-user', '--mount', '--uts', '--propagation', 'private'];
  const mount = ['mount', '--no-mtab', '--bind', join(procRoot, 'self/ns/uts')];
  const child = spawnSync('unshare', [...apart, ...mount, join(procRoot, 'version')], {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: MOUNT_LIMIT_MS,
  });
  if (child.status !== 0) {
    const reason = child.error?.message ?? child.stderr.trim().split('\n')[0];
    const refusal = `Whether hooks on mounts fire could not be tried (${reason}).`;
    return { refusal, hooks: Object.keys(MOUNT_PROOFS) };
  }
  const signs = proofs.map(([, proof]) => proof);
  return watchCanary(child.pid, { proofs: Object.fromEntries(proofs), signs });
}

/** For the child of this pid, which has ended. */
export function watchCanary(pid: number, { proofs, signs } = LIFE_ERRAND): Canary {
  const said = new Set<string>();
  const alive = new Map<NamespaceType, KernelNamespace>();
  const mountIds = new Set<number>();
  let isGone = false;

  /** Whether the record is the canary's own. */
  function note(record: KernelRecord): boolean {
    switch (record.kind) {
      case 'lost':
        return false;
      case 'birth': {
        const isOurs = !isGone && record.creator?.pid === pid;
        if (isOurs) {
          alive.set(record.namespace.type, record.namespace);
          said.add(`birth ${record.namespace.type}`);
        } else if (isSame(alive.get(record.namespace.type), record.namespace)) {
          alive.delete(record.namespace.type);
        }
        return isOurs;
      }
      case 'mounted':
      case 'unmounted': {
        const isOurs = isOwnMount(record, alive, mountIds);
        if (isOurs) {
          said.add(record.kind);
        }
        return isOurs;
      }
      case 'closed':
      case 'unreferenced':
      case 'destroyed': {
        const { type } = record.namespace;
        if (!isOne(alive, record.namespace)) {
          return false;
        }
        said.add(`${record.kind} ${type}`);
        if (record.kind === 'destroyed') {
          alive.delete(type);
        }
        return true;
      }
      case 'joined':
      case 'moved':
      case 'left': {
        const isOurs = !isGone && record.task.pid === pid;
        if (isOurs) {
          said.add(record.kind);
          isGone = record.kind === 'left';
        }
        return isOurs;
      }
    }
  }

  return {
    sift: (records) => records.filter((record) => !note(record)),
    get isComplete() {
      return signs.every((sign) => said.has(sign));
    },
    findSilent: (hooks) =>
      hooks.filter((hook) => {
        const proof = proofs[hook];
        return proof !== undefined && !said.has(proof);
      }),
  };
}

/** It is in the canary's mount namespace, or was noted as that, or shows a namespace of the canary. */
function isOwnMount(
  record: MountedRecord | UnmountedRecord,
  alive: ReadonlyMap<NamespaceType, KernelNamespace>,
  mountIds: Set<number>,
): boolean {
  if (record.kind === 'unmounted') {
    return mountIds.delete(record.mountId) || isOne(alive, record.namespace);
  }
  const isOurs = isOne(alive, record.mountNamespace);
  if (isOurs) {
    mountIds.add(record.mountId);
  }
  return isOurs;
}

function isOne(
  alive: ReadonlyMap<NamespaceType, KernelNamespace>,
  namespace: KernelNamespace,
): boolean {
  return isSame(alive.get(namespace.type), namespace);
}

function isSame(left: KernelNamespace | undefined, right: KernelNamespace): boolean {
  return left?.inum === right.inum && left.kernelNamespaceId === right.kernelNamespaceId;
}
