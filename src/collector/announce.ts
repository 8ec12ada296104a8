/** What is said when the first scan is in the record. */
import type { Scan, ScanSource } from '../domain/scan.ts';
import { US_PER_MS } from '../domain/time.ts';
import type { CollectorOptions } from './collector-options.ts';
import type { Observers } from './open-observers.ts';
import type { Recorder } from './recorder.ts';

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

export interface Announcing {
  readonly options: Pick<
    CollectorOptions,
    'scanIntervalMs' | 'stateDirectory' | 'onNotice' | 'onReady'
  >;
  readonly recorder: Recorder;
  readonly observers: Observers;
}

/** The line that scripts wait for, and before it what the first scan could not read. */
export function announce({ options, recorder, observers }: Announcing, scan: Scan): void {
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
