/** The one way from derived events into the record: log first, then the projection, then the known state. */
import { randomUUID } from 'node:crypto';
import type { AuditEvent, EventOf } from '../domain/event.ts';
import type { Known } from '../domain/known.ts';
import type { HostClock } from '../observe/host-clock.ts';
import { openProjection } from '../projections/project.ts';
import { originOf, readNewestCheckpoint } from '../store/checkpoint-note.ts';
import { proveConsistency } from '../store/merkle-proof.ts';
import type { TreeHead } from '../store/merkle-tree.ts';
import { openLog, type OpenLog } from '../store/open-log.ts';

export interface Pulse {
  readonly scanStartedUs: number;
  readonly scanEndedUs: number;
  readonly scanIntervalUs: number;
  readonly watchedUs: number | null;
}

export interface Recorder {
  /** What the log says; changed by `append` alone. */
  readonly known: Known;
  /** Why read.db had to be built anew; null when it was taken up where it stood. */
  readonly rebuildReason: string | null;
  /**
   * Makes the events durable and visible; `atUs` is the timeline instant of the batch. They are evidence
   * once this returns. When the process dies between the two databases, the next start folds in what
   * the projection lacks.
   */
  append(events: readonly AuditEvent[], atUs: number): void;
  /**
   * Folds one event into the known state before it is durable; `appendFolded` must follow. For events
   * that are derived one from the other (startFoldingDraft).
   */
  fold(event: AuditEvent): void;
  /** Makes folded events durable and visible. When this throws, the known state is worth nothing any more. */
  appendFolded(events: readonly AuditEvent[], atUs: number): void;
  /** Control groups of processes that events named since the last call, each once. */
  takeCgroups(): ReadonlySet<string>;
  /** A life with this kernel id is in the record, ended or not. */
  isRecorded(kernelNamespaceId: string): boolean;
  /** Says that a scan has been recorded, also when nothing happened. */
  pulse(pulse: Pulse): void;
  /** What checkpoints say and prove about the log. */
  readonly tree: RecordedTree;
  close(): void;
}

export interface RecordedTree {
  /** The name of the log in its checkpoints. */
  readonly origin: string;
  head(): TreeHead;
  /** That the first `size` events continue the first `oldSize`. */
  prove(oldSize: number, size: number): readonly Buffer[];
  newestCheckpoint(): EventOf<'checkpoint.published'> | undefined;
}

export interface RecorderOptions {
  readonly stateDirectory: string;
  readonly host: string;
  readonly clock: HostClock;
}

/**
 * Opens the record for its one writer. Every run is a producer of its own, so that two runs of a
 * collector can never be taken for one.
 *
 * Errors: as openLog and openProjection say.
 */
export async function openRecorder({
  stateDirectory,
  host,
  clock,
}: RecorderOptions): Promise<Recorder> {
  const holder = { pid: process.pid, startedUs: clock.wallUs(), purpose: 'collector' };
  const log = await openLog({ stateDirectory, holder, host });
  try {
    const projection = await openProjection({ files: log.files, log: log.reader });
    const producer = randomUUID();
    let producerSeq = 0;
    let cgroups = new Set<string>();
    const noteCgroup = (event: AuditEvent): void => {
      if ('cgroup' in event && event.cgroup !== null && event.event !== 'container.described') {
        cgroups.add(event.cgroup);
      }
    };
    const appendToLog = (events: readonly AuditEvent[], atUs: number): Buffer => {
      producerSeq += 1;
      const header = { producer, producerSeq, atUs, wallUs: clock.wallUs() };
      return log.writer.appendBatch(events, header).batchHash;
    };
    return {
      known: projection.known,
      rebuildReason: projection.rebuildReason,
      append(events, atUs) {
        if (events.length > 0) {
          events.forEach(noteCgroup);
          projection.apply(events, appendToLog(events, atUs));
        }
      },
      fold(event) {
        noteCgroup(event);
        projection.fold(event);
      },
      takeCgroups() {
        const taken = cgroups;
        cgroups = new Set();
        return taken;
      },
      appendFolded(events, atUs) {
        if (events.length > 0) {
          projection.commit(appendToLog(events, atUs));
        }
      },
      isRecorded: (id) => projection.hasLifespan(id),
      tree: toRecordedTree(log),
      pulse: (pulse) => projection.setLive({ ...pulse, position: projection.known.position }),
      close() {
        projection.close();
        log.close();
      },
    };
  } catch (error) {
    log.close();
    throw error;
  }
}

function toRecordedTree({ writer, reader }: OpenLog): RecordedTree {
  return {
    origin: originOf(reader),
    head: () => writer.treeHead(),
    prove: (oldSize, size) => proveConsistency(reader.nodeAt, oldSize, size),
    newestCheckpoint: () => readNewestCheckpoint(reader),
  };
}
