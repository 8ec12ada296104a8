/**
 * Checkpoints: signed notes whose text is the head of the log's hash tree.
 *
 * Source: c2sp.org/tlog-checkpoint: origin, size and root, a line each; further lines are for others.
 */
import { NsauditError } from '../domain/errors.ts';
import { fromStoredEvent, type EventOf } from '../domain/event.ts';
import { HASH_BYTES } from './log-hash.ts';
import type { LogTreeReader } from './log-tree-reader.ts';
import type { TreeHead } from './merkle-tree.ts';
import {
  checkSignature,
  parseNote,
  signNote,
  type Note,
  type Signer,
  type VerifierKey,
} from './signed-note.ts';

export interface Checkpoint extends TreeHead {
  readonly origin: string;
}

/** The name of a log for witnesses: no two logs share one, not even of one host. */
export function originOf({ host, logId }: { host: string; logId: string }): string {
  // What a key name may not have in it; a machine id has none of that.
  return `nsaudit/${host.replaceAll(/[\s+]/g, '-')}/${logId}`;
}

/** The checkpoint as a signed note. */
export function signCheckpoint({ origin, size, root }: Checkpoint, signer: Signer): string {
  return signNote(`${origin}\n${size}\n${root.toString('base64')}\n`, signer);
}

/** Undefined for a text that is no checkpoint. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  const [origin = '', size = '', hash = ''] = text.split('\n');
  const root = Buffer.from(hash, 'base64');
  const isCheckpoint =
    origin !== '' &&
    /^(0|[1-9]\d*)$/.test(size) &&
    Number.isSafeInteger(Number(size)) &&
    root.length === HASH_BYTES &&
    root.toString('base64') === hash &&
    text.endsWith('\n');
  return isCheckpoint ? { origin, size: Number(size), root } : undefined;
}

/** A checkpoint that somebody vouches for whom the reader trusts. */
export interface TrustedCheckpoint extends Checkpoint {
  /** Names of the keys. */
  readonly signedBy: readonly string[];
  /** The latest cosignature of a witness, POSIX seconds; null without one. */
  readonly cosignedAtS: number | null;
}

/** Origin, size, root, blank line, signatures: also between other lines, as a journal has them. */
const NOTE = /^[^\n]+\n\d+\n[A-Za-z\d+/]{43}=\n(?:[^\n—][^\n]*\n)*\n(?:— [^\n]+\n)+/gm;

/** A checkpoint that none of the reader's keys has signed: nothing is compared with it. */
export interface IgnoredCheckpoint extends Pick<Checkpoint, 'origin' | 'size'> {
  /** Who its last lines say has signed: name and id of each key, which nobody has checked. */
  readonly signedBy: readonly string[];
}

export interface SortedCheckpoints {
  readonly trusted: TrustedCheckpoint[];
  readonly ignored: IgnoredCheckpoint[];
}

/** As sortCheckpoints, those alone that one of the keys has signed. */
export function readTrustedCheckpoints(
  text: string,
  keys: readonly VerifierKey[],
  where: string,
): TrustedCheckpoint[] {
  return sortCheckpoints(text, keys, where).trusted;
}

/**
 * Finds the checkpoints in a text, and tells those that one of the keys has signed from the others.
 *
 * Errors: NsauditError `usage` when there is no checkpoint in it, `integrity` when none is signed by one of
 * the keys, or a signature of one of them is wrong. `where` names the text.
 */
export function sortCheckpoints(
  text: string,
  keys: readonly VerifierKey[],
  where: string,
): SortedCheckpoints {
  const notes = text.replace(/\n*$/, '\n').match(NOTE) ?? [];
  const found = notes.flatMap((note) => {
    const parsed = parseNote(note);
    const checkpoint = parsed && parseCheckpoint(parsed.text);
    return parsed && checkpoint ? [{ parsed, checkpoint }] : [];
  });
  if (found.length === 0) {
    throw new NsauditError(
      'usage',
      `${where} holds no checkpoint: it is a signed note, as nsaudit checkpoint prints it.`,
    );
  }
  const trusted: TrustedCheckpoint[] = [];
  const ignored: IgnoredCheckpoint[] = [];
  for (const { parsed, checkpoint } of found) {
    const trust = findTrust(parsed, keys);
    if (trust === 'wrong') {
      throw new NsauditError(
        'integrity',
        `the checkpoint of size ${checkpoint.size} in ${where} has a wrong signature: the note was changed, or forged.`,
      );
    }
    if (trust === null) {
      const { origin, size } = checkpoint;
      const signedBy = parsed.signatures.map(({ name, id }) => `${name}+${id}`);
      ignored.push({ origin, size, signedBy });
    } else {
      trusted.push({ ...checkpoint, ...trust });
    }
  }
  if (trusted.length === 0) {
    throw new NsauditError(
      'integrity',
      `no checkpoint in ${where} is signed by a key that was given; ${describeSigners(ignored)}: give its key, from where it is kept.`,
    );
  }
  return { trusted, ignored };
}

/** Who says to have signed the largest of them. */
export function describeSigners(ignored: readonly IgnoredCheckpoint[]): string {
  const [largest] = ignored.toSorted((left, right) => right.size - left.size);
  return `the largest covers ${largest?.size ?? 0} events and names ${largest?.signedBy.join(', ') ?? 'nobody'} as who signed`;
}

type Trust = Pick<TrustedCheckpoint, 'signedBy' | 'cosignedAtS'>;

/** Which of the keys have signed; null when none has, `wrong` when a signature of one of them does not verify. */
export function findTrust(note: Note, keys: readonly VerifierKey[]): Trust | null | 'wrong' {
  const signedBy: string[] = [];
  let cosignedAtS: number | null = null;
  for (const key of keys) {
    const found = checkSignature(note, key);
    if (found.state === 'wrong') {
      return 'wrong';
    }
    if (found.state === 'valid') {
      signedBy.push(key.name);
      cosignedAtS = found.atS === null ? cosignedAtS : Math.max(cosignedAtS ?? 0, found.atS);
    }
  }
  return signedBy.length === 0 ? null : { signedBy, cosignedAtS };
}

/** The newest checkpoint that the log holds; undefined when there is none. */
export function readNewestCheckpoint(
  reader: Pick<LogTreeReader, 'readCheckpoint'>,
): EventOf<'checkpoint.published'> | undefined {
  const stored = reader.readCheckpoint();
  const event = stored && fromStoredEvent(stored);
  return event?.event === 'checkpoint.published' ? event : undefined;
}
