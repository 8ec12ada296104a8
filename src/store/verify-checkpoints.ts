/**
 * What checkpoints say about a log: those recorded in it, and those that were kept elsewhere.
 *
 * A checkpoint that the log itself holds binds what was before it only as far as nobody who can write the
 * log has the key. So it counts as a witness only when a witness cosigned it, whose key the reader brings.
 */
import type { EventOf } from '../domain/event.ts';
import type { Fault } from './check-batch.ts';
import { findTrust, parseCheckpoint, type TrustedCheckpoint } from './checkpoint-note.ts';
import { checkSignature, parseNote, parseVerifierKey, type VerifierKey } from './signed-note.ts';

/** What the reader brings along to compare the log with. */
export interface Trust {
  /** Keys of the log. When there are any, every checkpoint in the log has to be signed by one of them. */
  readonly logKeys: readonly VerifierKey[];
  readonly witnessKeys: readonly VerifierKey[];
  /** Checkpoints that were kept elsewhere. */
  readonly checkpoints: readonly TrustedCheckpoint[];
}

export const NO_TRUST: Trust = { logKeys: [], witnessKeys: [], checkpoints: [] };

/** The largest checkpoint that vouches for the log, and who vouches for the checkpoint. */
export interface Witness extends Pick<TrustedCheckpoint, 'size' | 'signedBy' | 'cosignedAtS'> {
  /** `kept`: it was brought along. `recorded`: it is in the log, cosigned by a witness. */
  readonly from: 'kept' | 'recorded';
}

type Published = EventOf<'checkpoint.published'>;

export class CheckpointCheck {
  /** How many are recorded, and the size of the newest. */
  readonly recorded = { count: 0, newestSize: null as number | null };
  witness: Witness | null = null;
  readonly #origin: string;
  readonly #trust: Trust;
  readonly #rootAt: (size: number) => Buffer | null;
  /** Null: none had signed. Undefined: what had, has been removed. */
  #previousKey: string | null | undefined;
  /** Up to here the log is what a checkpoint says. */
  #goodSize = 0;

  /** `rootAt` gives null for what cannot be compared any more; `isCut`: the log has lost its beginning. */
  constructor(
    origin: string,
    trust: Trust,
    { rootAt, isCut }: { rootAt: (size: number) => Buffer | null; isCut: boolean },
  ) {
    this.#previousKey = isCut ? undefined : null;
    this.#origin = origin;
    this.#trust = trust;
    this.#rootAt = rootAt;
  }

  /** Looks at the next recorded one; `passed` is how many events there are before its batch. */
  add(event: Published, batch: number, passed: number): Fault | null {
    const { seq, size } = event;
    const found = this.#check(event, passed);
    if (typeof found === 'string') {
      const what = `the checkpoint in event ${seq} ${found}`;
      return { batch, seq, what, verdict: 'tampered' };
    }
    if (found) {
      return found;
    }
    this.#previousKey = event.publicKey;
    this.#goodSize = Math.max(this.#goodSize, size);
    this.recorded.count += 1;
    this.recorded.newestSize = size;
    return null;
  }

  /** What is wrong with a recorded checkpoint, or with the events that it covers. */
  #check(event: Published, passed: number): Fault | string | null {
    const note = parseNote(event.note);
    const checkpoint = note && parseCheckpoint(note.text);
    if (!note || !checkpoint) {
      return 'is no signed note';
    }
    const { size, root, origin } = checkpoint;
    if (size !== event.size || root.toString('base64') !== event.root) {
      return 'has a note that says something else';
    }
    if (origin !== this.#origin) {
      return `is of ${origin}, and this log is ${this.#origin}`;
    }
    if (size > passed) {
      return `covers ${size} events, and there were ${passed}`;
    }
    const wrong =
      this.#findRootFault(size, root, `the checkpoint in event ${event.seq}`) ??
      findKeyFault(event, this.#trust.logKeys, this.#previousKey);
    if (wrong !== null) {
      return wrong;
    }
    const found = findTrust(note, this.#trust.witnessKeys);
    if (found === 'wrong') {
      return 'has a wrong signature of a witness';
    }
    if (found && this.#rootAt(size) !== null) {
      this.#noteWitness({ size, ...found, from: 'recorded' });
    }
    return null;
  }

  /** Compares with those that were brought along, once `events` events have been passed. */
  compare(events: number): Fault | null {
    let passed = 0;
    this.#goodSize = 0;
    const kept = this.#trust.checkpoints.toSorted((left, right) => left.size - right.size);
    for (const { size, root, origin, signedBy, cosignedAtS } of kept) {
      const which = `the checkpoint of size ${size} that was kept elsewhere`;
      if (origin !== this.#origin) {
        const what = `${which} is of ${origin}, and this log is ${this.#origin}`;
        return { batch: null, seq: null, what, verdict: 'tampered' };
      }
      if (size > events) {
        const what = `${which} covers ${size} events, and the log has ${events}: its tail was cut, or an older copy may have been put in its place`;
        return { batch: null, seq: events + 1, what, verdict: 'incomplete' };
      }
      // Of two of one size with different roots one is wrong, and the other tells nothing about what is before.
      this.#goodSize = size > passed ? passed : this.#goodSize;
      const wrong = this.#findRootFault(size, root, which);
      if (wrong) {
        return wrong;
      }
      if (this.#rootAt(size) !== null) {
        passed = size;
        this.#noteWitness({ size, signedBy, cosignedAtS, from: 'kept' });
      }
    }
    return null;
  }

  /** What the events up to `size` should be, and are not. Nothing can be said when they have been removed. */
  #findRootFault(size: number, root: Buffer, which: string): Fault | null {
    if (this.#rootAt(size)?.equals(root) !== false) {
      return null;
    }
    const seq = this.#goodSize + 1;
    const what = `events ${seq} to ${size} are not those that ${which} covers`;
    return { batch: null, seq, what, verdict: 'tampered' };
  }

  #noteWitness(found: Witness): void {
    if (this.witness === null || this.witness.size < found.size) {
      this.witness = found;
    }
  }
}

/** What is wrong with the key that signed a recorded checkpoint, or with its signature. */
function findKeyFault(
  { note, publicKey, rotatedFrom }: Published,
  logKeys: readonly VerifierKey[],
  previousKey: string | null | undefined,
): string | null {
  if (publicKey === null) {
    return 'does not say which key signed it';
  }
  let key: VerifierKey;
  try {
    key = parseVerifierKey(publicKey);
  } catch {
    return 'names a key that is none';
  }
  const parsed = parseNote(note);
  if (parsed === undefined || checkSignature(parsed, key).state !== 'valid') {
    return 'is not signed by the key that it names';
  }
  if (logKeys.length > 0 && !logKeys.some(({ text }) => text === key.text)) {
    return `is signed by ${publicKey}, which is none of the keys that were given`;
  }
  const isAnnounced =
    publicKey === previousKey ? rotatedFrom === null : rotatedFrom === previousKey;
  return isAnnounced || previousKey === undefined
    ? null
    : 'changes the key without saying from which';
}
