/** Whose record it is, and which control groups its events name. */
import { NsauditError } from '../domain/errors.ts';
import type { AuditEvent } from '../domain/event.ts';
import type { Projection } from '../projections/project.ts';
import type { OpenLog } from '../store/open-log.ts';

/**
 * Throws NsauditError `unavailable` for the record of another host. One that has no id cannot be told from another.
 */
export function refuseOtherHost({ files, reader }: OpenLog, hostId: string | null): void {
  if (hostId !== null && reader.host !== hostId) {
    throw new NsauditError(
      'unavailable',
      `${files.logPath} is the record of host ${reader.host}, and this is host ${hostId}: it was copied here, or /etc/machine-id has changed; move it away to begin a record of this host, or name another state directory with --state-dir.`,
    );
  }
}

/**
 * Throws NsauditError `unavailable` when the record went on in another boot after this one had begun: two hosts
 * write in turn, or it was brought back.
 */
export function refuseOtherBoot(
  { files }: OpenLog,
  projection: Pick<Projection, 'known' | 'hasBoot' | 'close'>,
  bootId: string,
): void {
  const { boot } = projection.known;
  if (boot !== null && boot.boot !== bootId && projection.hasBoot(bootId)) {
    projection.close();
    throw new NsauditError(
      'unavailable',
      `${files.logPath} went on in boot ${boot.boot} after this boot, ${bootId}, had begun: another host has used it meanwhile, so nothing of this boot can be added; move it away to begin a new record.`,
    );
  }
}

/** Collects the control groups of processes that events name, each once, until they are taken. */
export function startCgroupNotes() {
  let cgroups = new Set<string>();
  return {
    note(event: AuditEvent): void {
      if ('cgroup' in event && event.cgroup !== null && event.event !== 'container.described') {
        cgroups.add(event.cgroup);
      }
    },
    take(): ReadonlySet<string> {
      const taken = cgroups;
      cgroups = new Set();
      return taken;
    },
  };
}
