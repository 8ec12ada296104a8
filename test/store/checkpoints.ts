/** Logs with checkpoints in them, as a collector and a witness make them. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { AuditEvent, EventOf } from '../../src/domain/event.ts';
import { originOf, signCheckpoint } from '../../src/store/checkpoint-note.ts';
import type { OpenLog } from '../../src/store/open-log.ts';
import {
  cosignNote,
  parseNote,
  toSigner,
  toWitness,
  type Signer,
} from '../../src/store/signed-note.ts';
import type { Trust } from '../../src/store/verify-checkpoints.ts';
import { createAppender, openTestLog } from '../support/state-on-disk.ts';
import { instantOf, makeEvents } from './numbered-events.ts';

export function makeKey(): KeyObject {
  return generateKeyPairSync('ed25519').privateKey;
}

/** 2026-11-22T10:17:00Z */
export const COSIGNED_AT_S = 1_795_342_620;

export interface Scribe {
  readonly log: OpenLog;
  readonly signer: Signer;
  readonly witness: Signer;
  /** One batch of so many events. */
  write(count: number): void;
  /** Signs the head as it is, with the witness's signature or without, and records it. */
  publish(options?: {
    isCosigned?: boolean;
    change?: Partial<EventOf<'checkpoint.published'>>;
  }): string;
}

export interface Keys {
  readonly log: KeyObject;
  readonly witness: KeyObject;
}

export async function openScribe(
  stateDirectory: string,
  keys: Keys = { log: makeKey(), witness: makeKey() },
  run = 'run-1',
): Promise<Scribe> {
  const log = await openTestLog(stateDirectory);
  const append = createAppender(log, run);
  const origin = originOf(log.reader);
  const signer = toSigner(origin, keys.log);
  const witness = toWitness('witness.example/w1', keys.witness);
  return {
    log,
    signer,
    witness,
    write: (count) => append(makeEvents(log.writer.head().position + 1, count)),
    publish({ isCosigned = false, change = {} } = {}) {
      const { size, root } = log.writer.treeHead();
      const signed = signCheckpoint({ origin, size, root }, signer);
      const note = isCosigned ? cosign(signed, witness) : signed;
      append([{ ...toEvent(size, root, note, signer), ...change } as AuditEvent]);
      return note;
    },
  };
}

export function cosign(note: string, witness: Signer): string {
  return `${note}${cosignNote(parseNote(note)?.text ?? '', witness, COSIGNED_AT_S)}`;
}

function toEvent(
  size: number,
  root: Buffer,
  note: string,
  { verifier }: Signer,
): EventOf<'checkpoint.published'> {
  const seq = size + 1;
  return {
    event: 'checkpoint.published',
    version: 1,
    seq,
    at: instantOf(seq),
    size,
    root: root.toString('base64'),
    note,
    publicKey: verifier.text,
    rotatedFrom: null,
    cosigned: [],
    failed: [],
  };
}

export function trustIn(parts: Partial<Trust>): Trust {
  return { logKeys: [], witnessKeys: [], checkpoints: [], ...parts };
}
