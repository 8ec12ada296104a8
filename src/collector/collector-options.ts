/** What a collector is told, and what it has open from its start to its stop. */
import type { DiskPolicy } from '../domain/disk-policy.ts';
import type { Scan } from '../domain/scan.ts';
import type { TimelineClock } from '../observe/host-clock.ts';
import type { HostFacts } from '../observe/host-facts.ts';
import type { NsidSource } from '../observe/netlink-nsids.ts';
import type { CheckpointOptions } from './checkpoint-heartbeat.ts';
import type { DiskWatch } from './disk-watch.ts';
import type { ObserverOptions, Observers } from './open-observers.ts';
import type { Recorder } from './recorder.ts';
import type { LoopOptions } from './running.ts';

export interface CollectorOptions
  extends
    LoopOptions,
    Pick<ObserverOptions, 'profile' | 'isOwnHost' | 'pinDirectory' | 'ringBytes'> {
  readonly stateDirectory: string;
  /** Where procfs is mounted. */
  readonly procRoot: string;
  readonly machineIdPath: string;
  readonly toolVersion: string;
  /** Null: nothing is signed. */
  readonly checkpoints?: CheckpointOptions | null;
  /** Room for notices of network namespace ids that wait, see openNsids. */
  readonly nsidBufferBytes?: number;
  /** Leaves pinned hooks attached at the stop, so that the next start has no blind window. */
  readonly keepHooks: boolean;
  /** How much room makes the collector record less, or nothing. */
  readonly diskPolicy?: DiskPolicy;
  /** The baseline is committed. The line starts with `ready `. */
  readonly onReady: (line: string) => void;
  /** Something a person should know, as a sentence. */
  readonly onNotice: (line: string) => void;
  /** A scan is in the record, or has found nothing new. */
  readonly onScan?: (scan: Scan) => void;
}

/** What stays open while the record may not. */
export interface Collecting {
  readonly options: CollectorOptions;
  readonly host: HostFacts;
  readonly clock: TimelineClock;
  readonly observers: Observers;
  readonly nsids: NsidSource | null;
  readonly disk: DiskWatch;
  /** Timeline instant at which the collector ends by itself. */
  readonly endUs: number;
  /** Opens the record anew. */
  readonly open: () => Promise<Recorder>;
}

export interface Recording extends Collecting {
  readonly recorder: Recorder;
  /** Due until somebody has been told that the collector is ready. */
  readonly announcement: { isDue: boolean };
}
