/** What a collector says about itself: to whoever started it, and in the record. */
import type { CollectorFacts } from '../domain/derive-session.ts';
import { SCAN_SOURCES, type Scan, type ScanSource } from '../domain/scan.ts';
import { US_PER_MS } from '../domain/time.ts';
import type { CollectorOptions, Recording } from './collector-options.ts';

/** What one unreadable thing of a source is. */
const UNREADABLE_NOUNS: Readonly<Record<ScanSource, string>> = {
  links: 'namespace links of a process',
  threads: 'threads of a process',
  descriptors: 'descriptors of a process',
  mounts: 'mounts of a mount namespace',
  facts: 'facts about a process',
  relations: 'owner and parent of a namespace',
  sockets: 'sockets of a process',
  references: 'references to a namespace',
};

/** The line that scripts wait for, and before it what the first scan could not read. */
export function announce({ options, recorder, observers }: Recording, scan: Scan): void {
  const holes = scan.reports.flatMap(({ source, unreadable }) =>
    unreadable.map(
      ({ reason, count, example }) =>
        `${count} × ${UNREADABLE_NOUNS[source]} (${reason}, as ${example})`,
    ),
  );
  if (holes.length > 0) {
    options.onNotice(
      `not everything can be read: ${holes.join('; ')}. What only they hold is not seen, and what they held last is not called gone.`,
    );
  }
  const { known } = recorder;
  const scanMs = Math.round((scan.endedAtUs - scan.startedAtUs) / US_PER_MS);
  options.onReady(
    `ready profile=${observers.profile} interval=${options.scanIntervalMs}ms scan=${scanMs}ms processes=${scan.processes.length} namespaces=${known.lifespans.size} position=${known.position} state=${options.stateDirectory}`,
  );
}

/** Why the collector ends, as the record has it. */
export function describeStop({ signal, once }: CollectorOptions): string {
  if (signal.aborted) {
    return 'signal';
  }
  return once ? 'once' : 'time is up';
}

/** What the collector says about itself when it starts. */
export function toCollectorFacts({
  options,
  host,
  observers,
  nsids,
  disk,
}: Recording): CollectorFacts {
  const { profile, hooks, kernel } = observers;
  const kernelSources = kernel === null ? [] : ['kernel', ...(kernel.probe ? ['handles'] : [])];
  return {
    boot: host.bootId,
    profile,
    sources: [...kernelSources, ...SCAN_SOURCES, ...(nsids === null ? [] : ['nsids'])],
    hooks: hooks.map(({ name, state }) => ({ name, state })),
    kernel: host.kernelRelease,
    toolVersion: options.toolVersion,
    pid: process.pid,
    uid: process.getuid?.() ?? 0,
    capabilities: [...host.capabilities],
    ownNamespaces: { ...host.ownNamespaces },
    scanIntervalUs: options.scanIntervalMs * US_PER_MS,
    initialHolders: options.initialHolders,
    growth: disk.growth,
  };
}
