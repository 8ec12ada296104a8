/**
 * Signed notes: a text, a blank line, and one line for each signature over the text.
 *
 * Two kinds of key: a log's own (Ed25519 over the text) and a witness's (a timestamped cosignature, which
 * also says when). Signatures by other keys are ignored.
 *
 * Source: c2sp.org/signed-note, c2sp.org/tlog-cosignature (cosignature/v1).
 */
import { createPublicKey, hash, sign, verify, type KeyObject } from 'node:crypto';
import { NsauditError } from '../domain/errors.ts';

/** Signature type identifier bytes of the specification. */
const SIGNATURE_TYPE = { log: 0x01, witness: 0x04 } as const;
export type KeyKind = keyof typeof SIGNATURE_TYPE;

const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const ID_BYTES = 4;
const TIMESTAMP_BYTES = 8;
/** A note with more lines than any that is meant. */
const SIGNATURES_MAX = 100;

export interface VerifierKey {
  readonly kind: KeyKind;
  readonly name: string;
  /** Four bytes, hexadecimal. */
  readonly id: string;
  readonly publicKey: KeyObject;
  /** As users write it: `name+id+key`. */
  readonly text: string;
}

export interface Signer {
  readonly verifier: VerifierKey;
  readonly privateKey: KeyObject;
}

interface NoteSignature {
  readonly name: string;
  readonly id: string;
  readonly bytes: Buffer;
  readonly line: string;
}

export interface Note {
  /** What is signed; ends with a newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** `absent`: the key has not signed. `wrong`: what stands there as its signature is none. */
export type SignatureState =
  | { readonly state: 'absent' | 'wrong' }
  /** `atS`: when a witness signed, POSIX seconds; null for a log's key, which does not say. */
  | { readonly state: 'valid'; readonly atS: number | null };

/** Makes the key that verifies what `privateKey` signs under a name. */
export function toSigner(name: string, privateKey: KeyObject): Signer {
  const raw = rawOf(createPublicKey(privateKey));
  return { privateKey, verifier: toVerifierKey('log', name, raw) };
}

function rawOf(publicKey: KeyObject): Buffer {
  return Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
}

function toVerifierKey(kind: KeyKind, name: string, raw: Buffer): VerifierKey {
  const typed = Buffer.concat([Buffer.of(SIGNATURE_TYPE[kind]), raw]);
  const material = Buffer.concat([Buffer.from(`${name}\n`), typed]);
  const id = hash('sha256', material, 'hex').slice(0, ID_BYTES * 2);
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') };
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
  return { kind, name, id, publicKey, text: `${name}+${id}+${typed.toString('base64')}` };
}

/**
 * Reads `name+id+key`.
 *
 * Errors: NsauditError `usage` for anything else, and for a key that its id does not fit.
 */
export function parseVerifierKey(text: string): VerifierKey {
  const match = /^([^\s+]+)\+([\da-f]{8})\+([A-Za-z\d+/]+=*)$/.exec(text.trim());
  const typed = Buffer.from(match?.[3] ?? '', 'base64');
  const kind = typed[0] === SIGNATURE_TYPE.log ? 'log' : 'witness';
  if (match && typed.length === 1 + KEY_BYTES && typed[0] === SIGNATURE_TYPE[kind]) {
    const key = toVerifierKey(kind, match[1] ?? '', typed.subarray(1));
    if (key.id === match[2]) {
      return key;
    }
  }
  throw new NsauditError(
    'usage',
    `"${text.trim()}" is no verifier key of an Ed25519 log or witness: it is NAME+ID+KEY, as nsaudit checkpoint prints it (c2sp.org/signed-note).`,
  );
}

/** Signs a text that ends with a newline. */
export function signNote(text: string, { privateKey, verifier }: Signer): string {
  const signature = sign(null, Buffer.from(text), privateKey);
  return `${text}\n${formatSignature(verifier, signature)}`;
}

/** What a witness adds to a note: its line. `atS` are POSIX seconds. */
export function cosignNote(text: string, { privateKey, verifier }: Signer, atS: number): string {
  const timestamp = Buffer.alloc(TIMESTAMP_BYTES);
  timestamp.writeBigUInt64BE(BigInt(atS));
  const signature = sign(null, Buffer.from(cosigned(text, String(atS))), privateKey);
  return formatSignature(verifier, Buffer.concat([timestamp, signature]));
}

/** A signer whose signatures are cosignatures. */
export function toWitness(name: string, privateKey: KeyObject): Signer {
  const raw = rawOf(createPublicKey(privateKey));
  return { privateKey, verifier: toVerifierKey('witness', name, raw) };
}

function cosigned(text: string, seconds: string): string {
  return `cosignature/v1\ntime ${seconds}\n${text}`;
}

function formatSignature({ name, id }: VerifierKey, signature: Buffer): string {
  const bytes = Buffer.concat([Buffer.from(id, 'hex'), signature]);
  return `— ${name} ${bytes.toString('base64')}\n`;
}

/** Undefined for what is no signed note. */
export function parseNote(note: string): Note | undefined {
  const end = note.lastIndexOf('\n\n');
  if (end < 0 || !note.endsWith('\n')) {
    return undefined;
  }
  const lines = note.slice(end + 2, -1).split('\n');
  const signatures = lines.slice(0, SIGNATURES_MAX).map(parseSignature);
  return signatures.includes(undefined) || lines.length > SIGNATURES_MAX
    ? undefined
    : { text: note.slice(0, end + 1), signatures: signatures.filter((line) => line !== undefined) };
}

/** One line without its newline; undefined for what is no signature. */
function parseSignature(line: string): NoteSignature | undefined {
  const match = /^— ([^\s+]+) ([A-Za-z\d+/]+={0,2})$/.exec(line);
  const bytes = Buffer.from(match?.[2] ?? '', 'base64');
  // The last character may have bits that say nothing; a signature is written in one way only.
  return match === null || bytes.length <= ID_BYTES || bytes.toString('base64') !== match[2]
    ? undefined
    : {
        name: match[1] ?? '',
        id: bytes.subarray(0, ID_BYTES).toString('hex'),
        bytes: bytes.subarray(ID_BYTES),
        line: `${line}\n`,
      };
}

/** Whether a key has signed a note. */
export function checkSignature({ text, signatures }: Note, key: VerifierKey): SignatureState {
  const own = signatures.filter(({ name, id }) => name === key.name && id === key.id);
  if (own.length === 0) {
    return { state: 'absent' };
  }
  const states = own.map(({ bytes }) => checkBytes(text, bytes, key));
  return states.find(({ state }) => state === 'wrong') ?? states[0] ?? { state: 'absent' };
}

function checkBytes(text: string, bytes: Buffer, { kind, publicKey }: VerifierKey): SignatureState {
  if (kind === 'log') {
    const isValid =
      bytes.length === SIGNATURE_BYTES && verify(null, Buffer.from(text), publicKey, bytes);
    return isValid ? { state: 'valid', atS: null } : { state: 'wrong' };
  }
  if (bytes.length !== TIMESTAMP_BYTES + SIGNATURE_BYTES) {
    return { state: 'wrong' };
  }
  const seconds = bytes.readBigUInt64BE();
  const message = Buffer.from(cosigned(text, String(seconds)));
  return verify(null, message, publicKey, bytes.subarray(TIMESTAMP_BYTES))
    ? { state: 'valid', atS: Number(seconds) }
    : { state: 'wrong' };
}
