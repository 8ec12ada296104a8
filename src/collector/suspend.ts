/**
 * What the collector does while nothing can be recorded: it says so in the record, into the room that the
 * ballast leaves if need be, waits, and goes on when it can write again.
 *
 * Promises:  never a loop of failures: attempts come ever less often; the lock stays with this collector as
 *            long as its files can be kept open; what was not recorded is a gap from the last thing that was.
 * Does not:  look at the host meanwhile. Hooks go on: what their rings have no room for is counted by them.
 * Proved by: test/kernel/full-disk.test.ts
 */
import {
  deriveRecordingChange,
  deriveStop,
  type RecordingChange,
} from '../domain/derive-session.ts';
import { sizeBallast, type DiskLevel } from '../domain/disk-policy.ts';
import { NsauditError } from '../domain/errors.ts';
import { resumeWatch, type Watch } from '../domain/watch.ts';
import type { TimelineClock } from '../observe/host-clock.ts';
import { makeBallast, releaseBallast } from '../store/ballast.ts';
import { requireStateDirectory, toStateFiles } from '../store/state-directory.ts';
import type { DiskWatch } from './disk-watch.ts';
import type { Recorder } from './recorder.ts';
import { rest, toSpaceNews } from './running.ts';

/** Why recording ends for now. */
export interface Suspension {
  /** What the record could not be written for; null: room is short, and it still can be. */
  readonly error: NsauditError | null;
  /** Before this. */
  readonly level: DiskLevel;
  /** What was watched until now; null when the record has failed, and nobody knows how far it came. */
  readonly watch: Watch | null;
}

export interface Resumption {
  readonly recorder: Recorder;
  readonly change: RecordingChange;
  /** Timeline instant of the last thing that was recorded. */
  readonly fromUs: number;
}

export interface SuspendOptions {
  readonly stateDirectory: string;
  readonly bootId: string;
  /** Opens the record anew. */
  readonly open: () => Promise<Recorder>;
  readonly disk: DiskWatch;
  readonly clock: TimelineClock;
  readonly signal: AbortSignal;
  readonly endUs: number;
  /** How long the first attempt to go on waits: longer where recording has failed again and again. */
  readonly restUs: number;
  readonly onNotice: (line: string) => void;
}

const REST_MAX_US = 30_000_000;
/** So many times the ballast must be free. */
const ROOM_FACTOR = 2;

/**
 * Waits until the record can be written. Null when the collector is told to end before that; the record is
 * closed then.
 *
 * Errors: as opening the record says, but `io` and `unavailable`, whose end is waited for.
 */
export async function suspend(
  recorder: Recorder,
  suspension: Suspension,
  options: SuspendOptions,
): Promise<Resumption | null> {
  const { disk, clock, signal, endUs } = options;
  const suspended = new SuspendedRecord(recorder, suspension, options);
  let { restUs } = options;
  await suspended.attempt(() => suspended.record());
  while (!signal.aborted && clock.timelineUs() < endUs) {
    await rest(Math.min(restUs, endUs - clock.timelineUs()), signal);
    disk.look(clock.timelineUs());
    if (!signal.aborted && !disk.isSuspended()) {
      const resumption = await suspended.attempt(() => suspended.resume());
      if (resumption) {
        return resumption;
      }
      restUs = Math.min(REST_MAX_US, 2 * restUs);
    }
  }
  await suspended.attempt(() => suspended.stop());
  suspended.close();
  return null;
}

class SuspendedRecord {
  readonly #options: SuspendOptions;
  readonly #suspension: Suspension;
  readonly #ballastPath: string;
  /** Null while it cannot be opened. */
  #recorder: Recorder | null;
  /** Null until the record says that it is suspended. */
  #fromUs: number | null = null;

  constructor(recorder: Recorder, suspension: Suspension, options: SuspendOptions) {
    this.#recorder = recorder;
    this.#suspension = suspension;
    this.#options = options;
    this.#ballastPath = toStateFiles(options.stateDirectory).ballastPath;
    const { error } = suspension;
    if (error !== null) {
      options.onNotice(
        `nothing is recorded until the record can be written again: ${error.message}`,
      );
      this.close();
    }
  }

  /** Undefined when the file system refuses. */
  async attempt<Result>(action: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await action();
    } catch (error) {
      if (!isRefusal(error)) {
        throw error;
      }
      this.close();
      return undefined;
    }
  }

  /** Says in the record that it is suspended, with the help of the ballast, and since when. */
  async record(): Promise<number> {
    this.#fromUs ??= (await this.attempt(() => this.#write())) ?? null;
    if (this.#fromUs === null) {
      releaseBallast(this.#ballastPath);
      this.#fromUs = await this.#write();
    }
    return this.#fromUs;
  }

  /**
   * The ballast comes first: that it can be written is the proof that the disk can be. There must be room
   * for more than that, or the next batch would fail again. Undefined when there is not.
   */
  async resume(): Promise<Resumption | undefined> {
    const fromUs = await this.record();
    const { disk, onNotice } = this.#options;
    const { freeBytes, totalBytes } = disk.space ?? { freeBytes: 0, totalBytes: 0 };
    const ballastBytes = sizeBallast({ totalBytes });
    if (totalBytes > 0 && freeBytes < ROOM_FACTOR * ballastBytes) {
      return undefined;
    }
    makeBallast(this.#ballastPath, ballastBytes);
    this.#recorder ??= await this.#open();
    onNotice('the record can be written again; what was missed meanwhile is a gap in it.');
    const change = this.#toChange('suspended', disk.level);
    return { recorder: this.#recorder, change, fromUs };
  }

  async stop(): Promise<void> {
    await this.record();
    this.#recorder ??= await this.#open();
    const { known } = this.#recorder;
    const { clock, bootId } = this.#options;
    const atUs = Math.max(clock.timelineUs(), known.lastAt);
    const nothing = { ...resumeWatch(known, bootId), resumed: null };
    this.#recorder.append(deriveStop(known, nothing, { atUs, reason: 'suspended' }), atUs);
  }

  close(): void {
    if (this.#recorder !== null) {
      closeQuietly(this.#recorder);
      this.#recorder = null;
    }
  }

  /** Opens the record that was there, and begins no new one: its file system may have been unmounted. */
  #open(): Promise<Recorder> {
    requireStateDirectory(this.#options.stateDirectory);
    return this.#options.open();
  }

  async #write(): Promise<number> {
    const { clock } = this.#options;
    const { level, watch } = this.#suspension;
    const isOpen = this.#recorder !== null;
    this.#recorder ??= await this.#open();
    const { known } = this.#recorder;
    const lastUs = Math.max(known.coverage?.to ?? 0, known.lastAt);
    const atUs = isOpen ? Math.max(clock.timelineUs(), lastUs) : lastUs;
    const change = this.#toChange(level, 'suspended');
    const events = deriveRecordingChange(known, change, { atUs, watch: isOpen ? watch : null });
    this.#recorder.append(events, atUs);
    return isOpen ? (known.coverage?.to ?? atUs) : lastUs;
  }

  #toChange(previousLevel: DiskLevel, level: DiskLevel): RecordingChange {
    const { disk } = this.#options;
    const { error } = this.#suspension;
    return {
      previousLevel,
      level,
      reason: error === null ? 'space' : 'failure',
      error: error?.message ?? null,
      ...toSpaceNews(disk),
    };
  }
}

/** The disk refuses, or is not there. */
function isRefusal(error: unknown): error is NsauditError {
  return error instanceof NsauditError && ['io', 'unavailable'].includes(error.code);
}

/** A record that cannot be written cannot be closed well either; what is durable stays so. */
export function closeQuietly(recorder: Recorder): void {
  try {
    recorder.close();
  } catch (error) {
    if (!isRefusal(error)) {
      throw error;
    }
  }
}
