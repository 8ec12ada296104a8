/** Which capabilities the collector needs, and what each that is missing costs. */

/** Capabilities that a wider one stands in for. Source: capabilities(7) CAP_BPF, CAP_PERFMON. */
const CONTAINED_IN: Readonly<Record<string, string>> = { bpf: 'sys_admin', perfmon: 'sys_admin' };

interface Need {
  /** Names as HostFacts has them. */
  readonly capabilities: readonly string[];
  /** Whether it matters only for what the kernel of this host tells itself. */
  readonly isForKernel: boolean;
  readonly cost: string;
}

const NEEDS: readonly Need[] = [
  {
    // Source: ptrace(2) PTRACE_MODE_READ_FSCREDS, proc(5): both are needed to read everything.
    capabilities: ['sys_ptrace', 'dac_read_search'],
    isForKernel: false,
    cost: "the namespaces of other users' processes cannot be read: collect as root.",
  },
  {
    capabilities: ['bpf', 'perfmon'],
    isForKernel: true,
    cost: 'the kernel tells no events: what lives shorter than from one scan to the next may be missed.',
  },
  {
    // Source: fs/fhandle.c may_decode_fh, fs/nsfs.c nsfs_fh_to_dentry.
    capabilities: ['sys_admin'],
    isForKernel: true,
    cost: 'the kernel does not say when the last reference to a namespace is gone: such an end is known less exactly.',
  },
];

export interface Privileges {
  /** Of those that are needed; one that a wider one contains counts as held. */
  readonly held: readonly string[];
  readonly missing: readonly string[];
}

export function examinePrivileges(effective: readonly string[]): Privileges {
  const has = (name: string): boolean =>
    effective.includes(name) || effective.includes(CONTAINED_IN[name] ?? name);
  const needed = NEEDS.flatMap(({ capabilities }) => capabilities);
  return { held: needed.filter(has), missing: needed.filter((name) => !has(name)) };
}

/** One sentence for each thing that cannot be done. */
export function findPrivilegeProblems(
  { missing }: Privileges,
  { isOwnHost }: { readonly isOwnHost: boolean },
): readonly string[] {
  return NEEDS.filter(({ isForKernel }) => isOwnHost || !isForKernel).flatMap(
    ({ capabilities, cost }) => {
      const lacking = capabilities.filter((name) => missing.includes(name));
      const names = lacking.map((name) => `CAP_${name.toUpperCase()}`).join(' and ');
      return lacking.length === 0 ? [] : [`without ${names} ${cost}`];
    },
  );
}
