/**
 * The places in the kernel where we are told: which programs of the object each profile attaches.
 *
 * What a kernel has is asked of its BTF, and what it allows is found out by trying. A program that cannot
 * be had is left out, and another one takes over what it would have told, where there is one.
 */
import type { NamespaceType } from '../domain/namespace-type.ts';
import type { BpfLink, BpfObject, BpfProgram } from './libbpf.ts';

export type KernelProfile = 'trampoline' | 'tracepoint';

export interface HookState {
  /** As libbpf writes the attach point, for example `tp_btf/sys_exit`. */
  readonly name: string;
  /**
   * `attached`; `unproved` (attached, and whether it fires could not be tried); `silent` (it was attached, and
   * did not fire when it should have); or why it is not there.
   */
  readonly state: string;
}

export interface AttachedHook {
  readonly name: string;
  readonly program: BpfProgram;
  readonly link: BpfLink;
}

export interface HookPlan {
  /** Names of C functions. */
  readonly programs: ReadonlySet<string>;
  /** Types whose births the calls themselves tell, because no function that makes them is hooked. */
  readonly birthsFromCalls: readonly NamespaceType[];
  /** Some hook tells ends, and only of namespaces that are in the map of the living. */
  readonly tellsEnds: boolean;
  /** Why the profile is not worth having without what is left out, or null. */
  readonly obstacle: string | null;
}

/** The maps that the event programs use. */
export const EVENT_MAPS = [
  'life',
  'holders',
  'live',
  'told',
  'told_cgroups',
  'config',
  'cpus',
  'totals',
  'reader',
  'forgetting',
  'bases',
] as const;

export type EventMap = (typeof EVENT_MAPS)[number];

const TASK_PROGRAMS = ['on_new_task', 'on_exec', 'on_exit'];
const CALL_EXIT = 'on_system_call_exit';
/** Instead of CALL_EXIT, only together. */
const CALL_PROGRAMS = ['on_unshare', 'on_setns'];

/** Linux 6.18 and later: one function for all types. */
const TREE_BIRTH = 'on_tree_add';
const TREE_END = 'on_common_free';
const TREE_PROGRAMS = [TREE_BIRTH, TREE_END, 'on_tree_remove'];

/** Before. */
const COPY_BIRTHS: Readonly<Record<NamespaceType, string>> = {
  cgroup: 'on_copy_cgroup',
  ipc: 'on_copy_ipc',
  mnt: 'on_copy_mnt',
  net: 'on_copy_net',
  pid: 'on_copy_pid',
  time: 'on_copy_time',
  user: 'on_create_user',
  uts: 'on_copy_uts',
};
const INUM_END = 'on_free_inum';
const IPC_PUTS = ['on_put_ipc', 'on_file_put_ipc'];

const PUTS = [
  'on_put_net',
  'on_put_user',
  'on_put_pid',
  'on_file_put_net',
  'on_file_put_user',
  'on_file_put_pid',
];

/** Bind mounts and descriptors: without them scans tell, as for all kernels that lack one of the functions. */
const MOUNT_PROGRAMS = ['on_mounted', 'on_unmounted', 'on_inode_evicted'];

const NAMESPACE_TYPE_LIST = Object.keys(COPY_BIRTHS) as NamespaceType[];
const KERNEL_FUNCTION = /^f(?:entry|exit)\/(\w+)$/;

/** The kernel function a program is attached to by a trampoline; null for a tracepoint. */
export function kernelFunctionOf(section: string): string | null {
  return KERNEL_FUNCTION.exec(section)?.[1] ?? null;
}

/** @param has whether a program can be had, as far as is known */
export function planHooks(profile: KernelProfile, has: (program: string) => boolean): HookPlan {
  if (profile === 'tracepoint') {
    return {
      programs: new Set([...TASK_PROGRAMS, CALL_EXIT]),
      birthsFromCalls: NAMESPACE_TYPE_LIST,
      tellsEnds: false,
      obstacle: null,
    };
  }
  const isTree = has(TREE_BIRTH) && has(TREE_END);
  const births = isTree ? TREE_PROGRAMS : [...Object.values(COPY_BIRTHS), INUM_END, ...IPC_PUTS];
  const calls = CALL_PROGRAMS.every(has) ? CALL_PROGRAMS : [CALL_EXIT];
  return {
    programs: new Set([
      ...TASK_PROGRAMS,
      ...[...births, ...PUTS, ...MOUNT_PROGRAMS, ...calls].filter(has),
    ]),
    birthsFromCalls: isTree ? [] : NAMESPACE_TYPE_LIST.filter((type) => !has(COPY_BIRTHS[type])),
    tellsEnds: true,
    obstacle:
      isTree || has(INUM_END)
        ? null
        : 'No function of this kernel that ends namespaces can be hooked.',
  };
}

/** The hooks that the profile would use, had the kernel all of them; for saying which are missing. */
export function wantedHooks(profile: KernelProfile, has: (program: string) => boolean): string[] {
  const isTree = has(TREE_BIRTH) && has(TREE_END);
  const isOther = (program: string): boolean =>
    isTree
      ? program === INUM_END || IPC_PUTS.includes(program) || isCopyBirth(program)
      : TREE_PROGRAMS.includes(program);
  const { programs } = planHooks(profile, (program) => program !== TREE_BIRTH || isTree);
  return [...programs].filter((program) => !isOther(program));
}

function isCopyBirth(program: string): boolean {
  return Object.values(COPY_BIRTHS).includes(program);
}

/** Keeps every program and map out of the load that the plan does not use. */
export function applyPlan(object: BpfObject, plan: HookPlan): BpfProgram[] {
  for (const program of object.programs) {
    program.setAutoload(plan.programs.has(program.name));
  }
  for (const map of object.maps) {
    map.setAutocreate((EVENT_MAPS as readonly string[]).includes(map.name));
  }
  return object.programs.filter(({ name }) => plan.programs.has(name));
}

/** One program could not be attached. */
export class AttachError extends Error {
  readonly program: string;

  constructor(program: string, cause: unknown) {
    super(`${program}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'AttachError';
    this.program = program;
  }
}

/** Attaches loaded programs. Throws AttachError, with nothing left attached. */
export function attachHooks(programs: readonly BpfProgram[]): AttachedHook[] {
  const attached: AttachedHook[] = [];
  for (const program of programs) {
    try {
      attached.push({ name: program.section, program, link: program.attach() });
    } catch (error) {
      for (const { link } of attached) {
        link.destroy();
      }
      throw new AttachError(program.name, error);
    }
  }
  return attached;
}
