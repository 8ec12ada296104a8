/**
 * Asks a witness to cosign a checkpoint: an HTTP service elsewhere that remembers the largest tree it has
 * seen of each log and signs only what continues it.
 *
 * Source: c2sp.org/tlog-witness (add-checkpoint).
 */
import { checkSignature, parseNote, type VerifierKey } from '../store/signed-note.ts';

/** A whole exchange, a repetition included. */
const TIMEOUT_MS = 5_000;
const ANSWER_BYTES_MAX = 64 * 1_024;
const SIZE_TYPE = 'text/x.tlog.size';

export interface WitnessOptions {
  /** The submission prefix, without a slash at its end. */
  readonly url: string;
  /** Cosignatures by other keys are ignored. */
  readonly keys: readonly VerifierKey[];
  readonly prove: (oldSize: number, size: number) => readonly Buffer[];
}

export interface Cosignature {
  readonly name: string;
  /** The line to add to the note. */
  readonly line: string;
}

/** Why there is no cosignature, as the rest of a sentence that begins with the witness. */
export class WitnessError extends Error {}

export interface Witness {
  readonly url: string;
  /** Errors: WitnessError, whatever happened. */
  cosign(note: string, size: number): Promise<Cosignature[]>;
}

export function createWitness(options: WitnessOptions): Witness {
  // What the witness has seen last, as far as we know; it says so when it is otherwise.
  let seenSize = 0;
  return {
    url: options.url,
    async cosign(note, size) {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const first = await submit(options, {
        note,
        size,
        oldSize: Math.min(seenSize, size),
        signal,
      });
      const answer =
        first.status === 409
          ? await submit(options, { note, size, oldSize: readSeenSize(first, size), signal })
          : first;
      const cosignatures = readCosignatures(answer, note, options.keys);
      seenSize = size;
      return cosignatures;
    },
  };
}

interface Submission {
  readonly note: string;
  readonly size: number;
  readonly oldSize: number;
  readonly signal: AbortSignal;
}

interface WitnessAnswer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

async function submit(
  { url, prove }: WitnessOptions,
  { note, size, oldSize, signal }: Submission,
): Promise<WitnessAnswer> {
  const proof = prove(oldSize, size).map((hash) => `${hash.toString('base64')}\n`);
  try {
    const response = await fetch(`${url}/add-checkpoint`, {
      method: 'POST',
      body: `old ${oldSize}\n${proof.join('')}\n${note}`,
      redirect: 'error',
      signal,
    });
    const text = await readText(response);
    return { status: response.status, type: response.headers.get('content-type') ?? '', text };
  } catch (error) {
    throw error instanceof WitnessError ? error : new WitnessError(describeFailure(error));
  }
}

async function readText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > ANSWER_BYTES_MAX) {
      throw new WitnessError('answered with more than signatures');
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function describeFailure(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') {
    return `did not answer within ${TIMEOUT_MS / 1_000} s`;
  }
  // fetch says only that it failed; its cause says why.
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return `could not be asked (${cause instanceof Error ? cause.message : String(cause)})`;
}

function readSeenSize({ type, text }: WitnessAnswer, size: number): number {
  const seen = /^(0|[1-9]\d*)\n?$/.exec(text)?.[1];
  if (!type.startsWith(SIZE_TYPE) || seen === undefined) {
    throw new WitnessError('has seen another tree of the same size: the log was written anew');
  }
  if (Number(seen) > size) {
    throw new WitnessError(
      `has seen ${seen} events and the log has ${size}: the log was cut, or is an older copy`,
    );
  }
  return Number(seen);
}

const REFUSALS: Readonly<Record<number, string>> = {
  403: 'does not trust the key of the log',
  404: 'does not know the log',
  409: 'has seen another tree of that size: the log was written anew',
  422: 'finds that the log does not continue what it has seen: the log was written anew',
};

function readCosignatures(
  { status, text }: WitnessAnswer,
  note: string,
  keys: readonly VerifierKey[],
): Cosignature[] {
  if (status !== 200) {
    throw new WitnessError(REFUSALS[status] ?? `answered with status ${status}`);
  }
  const cosigned = parseNote(`${note}${text}`);
  const found = keys.flatMap((key) => {
    if (cosigned === undefined || checkSignature(cosigned, key).state !== 'valid') {
      return [];
    }
    const own = cosigned.signatures.find(({ name, id }) => name === key.name && id === key.id);
    return own ? [{ name: own.name, line: own.line }] : [];
  });
  if (found.length === 0) {
    throw new WitnessError('answered without a cosignature by a key that was given');
  }
  return found;
}
