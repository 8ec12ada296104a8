/**
 * The eight namespace types, spelled as in /proc/PID/ns, and the text form `type:[inum]`.
 *
 * Source: namespaces(7), proc_pid_ns(5); include/uapi/linux/nsfs.h `enum init_ns_ino` for the fixed
 * inode numbers of the initial namespaces (net and mnt since Linux 6.17, the others since 3.8 to 5.6).
 */
export const NAMESPACE_TYPES = [
  'cgroup',
  'ipc',
  'mnt',
  'net',
  'pid',
  'time',
  'user',
  'uts',
] as const;

export type NamespaceType = (typeof NAMESPACE_TYPES)[number];

/** `type:inum`, for example `net:4026532268`: names a namespace at one instant of one boot, never for longer. */
export type NamespaceKey = `${NamespaceType}:${number}`;

/** Fixed inode numbers of initial namespaces. Kernels without them hand out dynamic ones, which start at 0xF0000000. */
export const INITIAL_INUMS: Readonly<Record<NamespaceType, number>> = {
  ipc: 0xefffffff,
  uts: 0xeffffffe,
  user: 0xeffffffd,
  pid: 0xeffffffc,
  cgroup: 0xeffffffb,
  time: 0xeffffffa,
  net: 0xeffffff9,
  mnt: 0xeffffff8,
};

const LINK_TEXT = /^(cgroup|ipc|mnt|net|pid|time|user|uts):\[(\d{1,10})\]$/;
/** The kernel keeps an inode number of nsfs in 32 bits. */
export const INUM_MAX = 0xffffffff;

export function isNamespaceType(text: string): text is NamespaceType {
  return (NAMESPACE_TYPES as readonly string[]).includes(text);
}

/** The key of a namespace, for maps that live no longer than one boot. */
export function toNamespaceKey(type: NamespaceType, inum: number): NamespaceKey {
  return `${type}:${inum}`;
}

/**
 * Parses what readlink(2) prints for a namespace link, a namespace descriptor or the root field of an
 * nsfs mount. Undefined for anything else: most descriptors are no namespaces.
 */
export function parseNamespaceLink(
  text: string,
): { type: NamespaceType; inum: number } | undefined {
  const match = LINK_TEXT.exec(text);
  if (!match) {
    return undefined;
  }
  const [, type = '', digits = ''] = match;
  const inum = Number(digits);
  return isNamespaceType(type) && inum > 0 && inum <= INUM_MAX ? { type, inum } : undefined;
}
