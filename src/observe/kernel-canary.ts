/**
 * Proves the hooks of the trampoline profile at start: a child leaves for new namespaces of every type and
 * ends, and each hook must say what it is there to say. A compiler may have inlined a function into its
 * callers, and then a hook on it is attached and silent.
 *
 * What the canary did is kept out of the records.
 */
import type { KernelNamespace, KernelRecord } from '../domain/kernel-record.ts';
import { NAMESPACE_TYPES, type NamespaceType } from '../domain/namespace-type.ts';
import { CLONE_FLAGS } from './kernel-layout.ts';
import type { Libc } from './libc.ts';

export interface Canary {
  /** Records without those of the canary, which are noted. */
  sift(records: readonly KernelRecord[]): KernelRecord[];
  /** Everything was seen that is waited for. */
  readonly isComplete: boolean;
  /** Of these hooks, the ones that said nothing though they should have. */
  findSilent(hooks: readonly string[]): string[];
}

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

const ENDS = NAMESPACE_TYPES.map((type) => `destroyed ${type}`);
const LAST_PUTS = ['ipc', 'net', 'pid', 'user'].map((type) => `unreferenced ${type}`);

/** Null, and nothing was done, when this process may not make namespaces. */
export function releaseCanary(libc: Libc): Canary | null {
  const child = libc.callInChild('unshare', EVERY_FLAG);
  return 'errno' in child || child.status !== 0 ? null : watchCanary(child.pid);
}

/** For the child of this pid, which has ended. */
export function watchCanary(pid: number): Canary {
  const said = new Set<string>();
  const alive = new Map<NamespaceType, KernelNamespace>();
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
      case 'unreferenced':
      case 'destroyed': {
        const { type } = record.namespace;
        if (!isSame(alive.get(type), record.namespace)) {
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
      return said.has('left') && [...ENDS, ...LAST_PUTS].every((sign) => said.has(sign));
    },
    findSilent: (hooks) =>
      hooks.filter((hook) => {
        const proof = PROOFS[hook];
        return proof !== undefined && !said.has(proof);
      }),
  };
}

function isSame(left: KernelNamespace | undefined, right: KernelNamespace): boolean {
  return left?.inum === right.inum && left.kernelNamespaceId === right.kernelNamespaceId;
}
