/** The one way from derived events into the record: log first, then the projection, then the known state. */
import { randomUUID } from 'node:crypto';
import { NsauditError, type ErrorCode } from '../domain/errors.ts';
import type { AuditEvent, EventOf } from '../domain/event.ts';
import type { Known } from '../domain/known.ts';
import type { HostClock } from '../observe/host-clock.ts';
import { openProjection } from '../projections/project.ts';
import { originOf, readNewestCheckpoint } from '../store/checkpoint-note.ts';
import { proveConsistency, rootOf } from '../store/merkle-proof.ts';
import type { TreeHead } from '../store/merkle-tree.ts';
import { openLog, type OpenLog } from '../store/open-log.ts';
import type { StateFiles } from '../store/state-directory.ts';
import { refuseOtherBoot, refuseOtherHost, startCgroupNotes } from './record-checks.ts';

export interface Pulse {
  readonly scanStartedUs: number;
  readonly scanEndedUs: number;
  readonly scanIntervalUs: number;
  readonly watchedUs: number | null;
}

/**
 * Something was observed and could not be recorded. The record is as it was before or has it whole; who opens
 * it anew can go on.
 */
export class NotRecordedError extends NsauditError {
  constructor(cause: NsauditError) {
    super(cause.code, cause.message, { cause });
  }
}

/** Errors of everything that writes: NotRecordedError; after it only `close` may be called. */
export interface Recorder {
  readonly files: StateFiles;
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
  /** Empties both write-ahead logs as far as readers and the disk let it. */
  emptyWals(): void;
  /** What checkpoints say and prove about the log. */
  readonly tree: RecordedTree;
  close(): void;
}

export interface RecordedTree {
  /** The name of the log in its checkpoints. */
  readonly origin: string;
  head(): TreeHead;
  /** The root of the first `size` events, which the log has; null when it cannot be told, because they were pruned. */
  rootAt(size: number): Buffer | null;
  /** That the first `size` events continue the first `oldSize`. */
  prove(oldSize: number, size: number): readonly Buffer[];
  newestCheckpoint(): EventOf<'checkpoint.published'> | undefined;
}

export interface RecorderOptions {
  readonly stateDirectory: string;
  /** Null where the host has no machine id. */
  readonly hostId: string | null;
  readonly bootId: string;
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
  hostId,
  bootId,
  clock,
}: RecorderOptions): Promise<Recorder> {
  const holder = { pid: process.pid, startedUs: clock.wallUs(), purpose: 'collector' };
  const host = hostId ?? randomUUID().replaceAll('-', '');
  const log = await openLog({ stateDirectory, holder, host });
  try {
    refuseOtherHost(log, hostId);
    const projection = await openProjection({ files: log.files, log: log.reader });
    refuseOtherBoot(log, projection, bootId);
    const producer = randomUUID();
    let producerSeq = 0;
    const cgroups = startCgroupNotes();
    const appendToLog = (events: readonly AuditEvent[], atUs: number): Buffer => {
      producerSeq += 1;
      const header = { producer, producerSeq, atUs, wallUs: clock.wallUs() };
      return recording(['io'], () => log.writer.appendBatch(events, header).batchHash);
    };
    // A read.db that turns out to be damaged is built anew by the next opening.
    const projecting = (action: () => void): void => recording(['io', 'integrity'], action);
    return {
      files: log.files,
      known: projection.known,
      rebuildReason: projection.rebuildReason,
      append(events, atUs) {
        if (events.length > 0) {
          events.forEach((event) => cgroups.note(event));
          const batchHash = appendToLog(events, atUs);
          projecting(() => projection.apply(events, batchHash));
        }
      },
      fold(event) {
        cgroups.note(event);
        projection.fold(event);
      },
      takeCgroups: () => cgroups.take(),
      appendFolded(events, atUs) {
        if (events.length > 0) {
          const batchHash = appendToLog(events, atUs);
          projecting(() => projection.commit(batchHash));
        }
      },
      isRecorded: (id) => projection.hasLifespan(id),
      tree: toRecordedTree(log),
      pulse: (pulse) =>
        projecting(() => projection.setLive({ ...pulse, position: projection.known.position })),
      emptyWals() {
        unlessRefused(() => log.writer.emptyWal());
        unlessRefused(() => projection.emptyWal());
      },
      close() {
        try {
          projection.close();
        } finally {
          log.close();
        }
      },
    };
  } catch (error) {
    log.close();
    throw error;
  }
}

/** Errors of these kinds are of the record. */
function recording<Result>(kinds: readonly ErrorCode[], action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    throw error instanceof NsauditError && kinds.includes(error.code)
      ? new NotRecordedError(error)
      : error;
  }
}

/** What the file system refuses here loses nothing, and the next append will be told too. */
function unlessRefused(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof NsauditError) || error.code !== 'io') {
      throw error;
    }
  }
}

function toRecordedTree({ writer, reader }: OpenLog): RecordedTree {
  return {
    origin: originOf(reader),
    head: () => writer.treeHead(),
    rootAt: (size) => findRoot(reader, size),
    prove: (oldSize, size) => proveConsistency(reader.nodeAt, oldSize, size),
    newestCheckpoint: () => readNewestCheckpoint(reader),
  };
}

function findRoot({ nodeAt }: OpenLog['reader'], size: number): Buffer | null {
  try {
    return rootOf(nodeAt, size);
  } catch (error) {
    if (error instanceof NsauditError && error.code === 'pruned') {
      return null;
    }
    throw error;
  }
}
