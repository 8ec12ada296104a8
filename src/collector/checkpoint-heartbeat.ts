/**
 * Signs the head of the log again and again, also when nothing happens, and hands it out: to a line of output,
 * a file, and witnesses. What was handed out is recorded, with what could not be.
 *
 * Promises:  nothing here stops or delays the collecting: a witness is asked beside it, for a bounded time,
 *            and a failure is counted, said and recorded.
 * Does not:  append by itself at any other moment than `beat` and `finish`.
 * Proved by: test/collector/checkpoint-heartbeat.test.ts
 */
import type { KeyObject } from 'node:crypto';
import { startDraft } from '../domain/draft.ts';
import { US_PER_MS } from '../domain/time.ts';
import type { TimelineClock } from '../observe/host-clock.ts';
import { signCheckpoint } from '../store/checkpoint-note.ts';
import { replaceFile } from '../store/create-file.ts';
import type { TreeHead } from '../store/merkle-tree.ts';
import { toSigner, type VerifierKey } from '../store/signed-note.ts';
import { refuseOtherThanKept } from './kept-note.ts';
import type { Recorder } from './recorder.ts';
import { createWitness, WitnessError, type Cosignature, type Witness } from './witness.ts';

export interface CheckpointOptions {
  readonly privateKey: KeyObject;
  readonly intervalMs: number;
  /** Replaced by each checkpoint; null: none. */
  readonly file: string | null;
  readonly witnessUrls: readonly string[];
  readonly witnessKeys: readonly VerifierKey[];
  /** A signed note, as it leaves this host; called before witnesses are asked. */
  readonly onNote: (note: string) => void;
}

export interface Heartbeat {
  /** Records what was published since the last call, and signs anew when it is time. Call it between batches. */
  beat(): void;
  /** The last checkpoint, which covers the stop. Takes as long as witnesses take. */
  finish(): Promise<void>;
}

interface HeartbeatOptions {
  readonly options: CheckpointOptions;
  readonly recorder: Recorder;
  readonly clock: TimelineClock;
  readonly onNotice: (line: string) => void;
}

interface Failure {
  readonly target: string;
  readonly reason: string;
}

interface Published {
  readonly head: TreeHead;
  readonly note: string;
  readonly cosigned: readonly string[];
  readonly failed: readonly Failure[];
}

export function startHeartbeat({
  options,
  recorder,
  clock,
  onNotice,
}: HeartbeatOptions): Heartbeat {
  const { tree } = recorder;
  const signer = toSigner(tree.origin, options.privateKey);
  const publicKey = signer.verifier.text;
  refuseOtherThanKept(options.file, tree, signer.verifier);
  const witnesses = options.witnessUrls.map((url) =>
    createWitness({ url, keys: options.witnessKeys, prove: tree.prove }),
  );
  const tell = createFailureTeller(onNotice);
  let previousKey = tree.newestCheckpoint()?.publicKey ?? null;
  let dueUs = Number.NEGATIVE_INFINITY;
  let pending: Promise<void> | null = null;
  let published: Published | null = null;
  onNotice(`checkpoints of this log are signed by ${publicKey}; keep that key elsewhere.`);

  const begin = (): void => {
    dueUs = clock.timelineUs() + options.intervalMs * US_PER_MS;
    const head = tree.head();
    const note = signCheckpoint({ origin: tree.origin, ...head }, signer);
    pending = (async () => {
      published = await publish(note, head, { options, witnesses });
    })();
  };

  const record = (): void => {
    if (published === null) {
      return;
    }
    const { head, note, cosigned, failed } = published;
    published = null;
    pending = null;
    tell(failed);
    const atUs = Math.max(clock.timelineUs(), recorder.known.lastAt);
    const draft = startDraft(recorder.known.position, atUs);
    draft.add({
      event: 'checkpoint.published',
      size: head.size,
      root: head.root.toString('base64'),
      note,
      publicKey,
      rotatedFrom: previousKey === publicKey ? null : previousKey,
      cosigned: [...cosigned],
      failed: [...failed],
    });
    previousKey = publicKey;
    recorder.append(draft.events, atUs);
  };

  return {
    beat() {
      record();
      if (pending === null && clock.timelineUs() >= dueUs) {
        begin();
      }
    },
    async finish() {
      await pending;
      record();
      begin();
      await pending;
      record();
    },
  };
}

/** Everywhere; never rejects. */
async function publish(
  note: string,
  head: TreeHead,
  { options, witnesses }: { options: CheckpointOptions; witnesses: readonly Witness[] },
): Promise<Published> {
  options.onNote(note);
  const failed: Failure[] = [];
  const cosignatures: Cosignature[] = [];
  await Promise.all(
    witnesses.map(async (witness) => {
      try {
        cosignatures.push(...(await witness.cosign(note, head.size)));
      } catch (error) {
        const reason = error instanceof WitnessError ? error.message : `failed (${String(error)})`;
        failed.push({ target: witness.url, reason });
      }
    }),
  );
  const cosigned = note + cosignatures.map(({ line }) => line).join('');
  if (options.file !== null) {
    try {
      replaceFile(options.file, cosigned);
    } catch (error) {
      failed.push({ target: options.file, reason: `could not be written (${toText(error)})` });
    }
  }
  return { head, note: cosigned, cosigned: cosignatures.map(({ name }) => name), failed };
}

function toText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Says a failure when it begins, then ever less often, and when it is over: with how many it were in a row. */
function createFailureTeller(
  onNotice: (line: string) => void,
): (failed: readonly Failure[]) => void {
  const counts = new Map<string, number>();
  return (failed) => {
    for (const { target, reason } of failed) {
      const count = (counts.get(target) ?? 0) + 1;
      counts.set(target, count);
      if (Number.isInteger(Math.log2(count))) {
        onNotice(
          `checkpoint not published: ${target} ${reason}; ${count} in a row. Collecting goes on.`,
        );
      }
    }
    for (const [target, count] of counts) {
      if (!failed.some((failure) => failure.target === target)) {
        counts.delete(target);
        onNotice(`checkpoints are published again: ${target}, after ${count} that were not.`);
      }
    }
  };
}
