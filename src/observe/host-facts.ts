/** What stays the same about this host and this collector for as long as both run. */
import { createHash } from 'node:crypto';
import { NsauditError } from '../domain/errors.ts';
import type { NamespaceLinks } from '../domain/scan.ts';
import { parseMountinfo } from './mountinfo.ts';
import { errnoOf, createProcReader, type ProcReader } from './proc-read.ts';
import { createLinkReader } from './procfs-links.ts';

export interface HostFacts {
  /** Of the kernel, new with every boot. */
  readonly bootId: string;
  /** As `uname -r` prints it. */
  readonly kernelRelease: string;
  /** 32 hexadecimal digits that stay with the host, or null where it has no readable machine id. */
  readonly hostId: string | null;
  /** Names of our effective capabilities as capabilities(7) spells them, without `CAP_` and in lower case. */
  readonly capabilities: readonly string[];
  /** The namespaces the collector itself is in: what it can see is seen from there. */
  readonly ownNamespaces: NamespaceLinks;
  /** The `hidepid` option of the proc mount, null where other people's processes are not hidden by it. */
  readonly hidepid: string | null;
}

export interface HostFactsOptions {
  readonly procRoot: string;
  /** `/etc/machine-id`, machine-id(5). */
  readonly machineIdPath: string;
}

/** By bit number, include/uapi/linux/capability.h. */
const CAPABILITIES = `
  chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap
  linux_immutable net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner
  sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice
  sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap
  mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf
  checkpoint_restore`
  .trim()
  .split(/\s+/);

const BOOT_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MACHINE_ID = /^[0-9a-f]{32}$/;
const HOST_ID_PREFIX = 'nsaudit host id 1\0';
const HOST_ID_DIGITS = 32;

/** Throws NsauditError `io` when the boot id cannot be read: without it, two boots would look like one. */
export function readHostFacts({ procRoot, machineIdPath }: HostFactsOptions): HostFacts {
  const reader = createProcReader();
  const bootId = readText(reader, `${procRoot}/sys/kernel/random/boot_id`).trim();
  if (!BOOT_ID.test(bootId)) {
    throw new NsauditError('io', `${procRoot}/sys/kernel/random/boot_id does not hold a boot id`);
  }
  return {
    bootId,
    kernelRelease: readText(reader, `${procRoot}/sys/kernel/osrelease`).trim(),
    hostId: readHostId(reader, machineIdPath),
    capabilities: parseCapabilities(readText(reader, `${procRoot}/self/status`)),
    ownNamespaces:
      createLinkReader(procRoot, reader).readLinks(`${procRoot}/self`, null)?.links ?? {},
    hidepid: readHidepid(reader, procRoot),
  };
}

function readText(reader: ProcReader, path: string): string {
  try {
    return reader.readWhole(path).toString('utf8');
  } catch (error) {
    throw new NsauditError(
      'io',
      `cannot read ${path} (${errnoOf(error)}): nsaudit needs a proc file system mounted with all its files`,
      { cause: error },
    );
  }
}

/**
 * A digest of the machine id with a prefix of our own.
 *
 * machine-id(5) asks not to expose the id itself: whoever knows it can derive what other programs
 * made of it.
 */
function readHostId(reader: ProcReader, path: string): string | null {
  const machineId =
    tryRead(() => reader.readRecord(path))
      ?.toString('latin1')
      .trim() ?? '';
  if (!MACHINE_ID.test(machineId)) {
    return null;
  }
  const digest = createHash('sha256').update(HOST_ID_PREFIX).update(machineId).digest('hex');
  return digest.slice(0, HOST_ID_DIGITS);
}

/** CapEff of proc_pid_status(5). A bit without a name here is newer than this list. */
function parseCapabilities(status: string): string[] {
  const digits = /^CapEff:\t([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  const bits = BigInt(`0x${digits}`);
  const names: string[] = [];
  for (let bit = 0; bit < digits.length * 4; bit += 1) {
    if ((bits >> BigInt(bit)) & 1n) {
      names.push(CAPABILITIES[bit] ?? `cap_${bit}`);
    }
  }
  return names;
}

/** The option is shown only where it is in force: `1` or `noaccess`, `2` or `invisible`, `4` or `ptraceable`. */
function readHidepid(reader: ProcReader, procRoot: string): string | null {
  const mountinfo = tryRead(() => reader.readWhole(`${procRoot}/self/mountinfo`));
  const mount =
    mountinfo &&
    parseMountinfo(mountinfo, 'proc').findLast(({ mountPoint }) => mountPoint === procRoot);
  return /(?:^|,)hidepid=([^,]+)/.exec(mount?.superOptions ?? '')?.[1] ?? null;
}

/** Null where the system refuses, for facts that are worth having and not worth failing for. */
function tryRead(read: () => Buffer): Buffer | null {
  try {
    return read();
  } catch (error) {
    errnoOf(error);
    return null;
  }
}
