/** The newest signed checkpoint, and what it proves. */
import { NsauditError } from '../domain/errors.ts';
import { toInstantJson } from '../domain/json.ts';
import { originOf, readNewestCheckpoint } from '../store/checkpoint-note.ts';
import { toLeafText } from '../store/log-hash.ts';
import { formatProof, proveEvent } from '../store/tlog-proof.ts';
import type { CheckpointJson, ProofJson } from './history.ts';
import type { Question } from './question.ts';

/** Errors: NsauditError `not-found` when there is none. */
export function findCheckpoint({ head, log }: Question): CheckpointJson {
  const reader = log();
  const event = readNewestCheckpoint(reader);
  if (event === undefined) {
    throw new NsauditError(
      'not-found',
      'no checkpoint of this log has been published: the collector signs them when it has a key (collect --checkpoint-key).',
    );
  }
  const { seq, size, root, publicKey, cosigned, note } = event;
  const at = toInstantJson(head.clock, event.at);
  return { seq, at, origin: originOf(reader), size, root, publicKey, cosigned, note };
}

/** Errors: as proveEvent says. */
export function findProof({ log }: Question, seq: number): ProofJson {
  const proof = proveEvent(log(), seq);
  return {
    seq,
    index: proof.index,
    leaf: Buffer.from(toLeafText(proof.event)).toString('base64'),
    path: proof.path.map((hash) => hash.toString('base64')),
    checkpoint: proof.note,
    text: formatProof(proof),
  };
}
