/**
 * Notes are those of c2sp.org/signed-note: what others signed verifies, what was changed does not.
 *
 * Truth: the example of the reference implementation (golang.org/x/mod/sumdb/note).
 */
import { createPrivateKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  findTrust,
  parseCheckpoint,
  readTrustedCheckpoints,
  signCheckpoint,
} from '../../src/store/checkpoint-note.ts';
import {
  checkSignature,
  cosignNote,
  parseNote,
  parseVerifierKey,
  signNote,
  toSigner,
  toWitness,
} from '../../src/store/signed-note.ts';
import { COSIGNED_AT_S, cosign, makeKey } from './checkpoints.ts';
import { refusalOf } from './disk.ts';

const NEUMANN = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const NEUMANN_SEED = 'AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz';
const NEUMANN_TEXT =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const NEUMANN_NOTE = `${NEUMANN_TEXT}
— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
`;

/** The 32 bytes of a seed as PKCS #8 (RFC 8410). */
function fromSeed(text: string) {
  const prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
  const key = Buffer.concat([prefix, Buffer.from(text, 'base64').subarray(1)]);
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
}

function parsed(note: string) {
  const found = parseNote(note);
  if (found === undefined) {
    throw new Error('no note');
  }
  return found;
}

const root = Buffer.alloc(32, 7);
const origin = 'nsaudit/host.example/log-1';
const signer = toSigner(origin, makeKey());
const witness = toWitness('witness.example/w1', makeKey());
const NOTE = signCheckpoint({ origin, size: 10, root }, signer);

describe('a note', () => {
  test('is read, made and verified as by the reference implementation', () => {
    const key = parseVerifierKey(NEUMANN);
    expect(checkSignature(parsed(NEUMANN_NOTE), key)).toEqual({ state: 'valid', atS: null });
    const own = toSigner('PeterNeumann', fromSeed(NEUMANN_SEED));
    expect(own.verifier.text).toBe(NEUMANN);
    expect(signNote(NEUMANN_TEXT, own)).toBe(NEUMANN_NOTE);
  });

  test('does not verify when any byte of it is another', () => {
    const place = fc.record({ at: fc.nat(), by: fc.integer({ min: 1, max: 94 }) });
    fc.assert(
      fc.property(place, ({ at, by }) => {
        const index = at % (NOTE.length - 2);
        const code = NOTE.charCodeAt(index);
        fc.pre(code > 32 && code < 127);
        const other = String.fromCharCode(33 + ((code - 33 + by) % 94));
        fc.pre(other !== NOTE[index]);
        const changed = NOTE.slice(0, index) + other + NOTE.slice(index + 1);
        const note = parseNote(changed);
        expect(note && checkSignature(note, signer.verifier).state).not.toBe('valid');
      }),
    );
  });

  test('does not verify when its last character has other bits that say nothing', () => {
    const last = NOTE.length - 3;
    expect(NOTE.slice(last + 1)).toBe('=\n');
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
    const same = alphabet[alphabet.indexOf(NOTE[last] ?? '') + 1];
    expect(parseNote(`${NOTE.slice(0, last)}${same}=\n`)).toBeUndefined();
  });

  test('of another key of the same name is not looked at', () => {
    const other = toSigner(origin, makeKey());
    expect(checkSignature(parsed(NOTE), other.verifier)).toEqual({ state: 'absent' });
  });

  test('with a cosignature says when the witness signed, and the time is signed too', () => {
    const note = parsed(cosign(NOTE, witness));
    expect(findTrust(note, [signer.verifier, witness.verifier])).toEqual({
      signedBy: [origin, 'witness.example/w1'],
      cosignedAtS: COSIGNED_AT_S,
    });
    const line = cosignNote(note.text, witness, COSIGNED_AT_S);
    const bytes = Buffer.from(line.split(' ')[2] ?? '', 'base64');
    bytes[11] = (bytes[11] ?? 0) ^ 1;
    const moved = `${NOTE}— witness.example/w1 ${bytes.toString('base64')}\n`;
    expect(findTrust(parsed(moved), [witness.verifier])).toBe('wrong');
  });
});

describe('a verifier key', () => {
  test.each([
    'text',
    NEUMANN.replace('c74f20a3', 'c74f20a4'),
    NEUMANN.replace('PeterNeumann', 'Peter Neumann'),
    NEUMANN.replace('ARpc', 'AhPc'),
    NEUMANN.slice(0, -4),
  ])('that is none is refused: %s', async (text) => {
    expect(await refusalOf(() => parseVerifierKey(text))).toMatchObject({ code: 'usage' });
  });
});

describe('a checkpoint', () => {
  test('has three lines: origin, size and root', () => {
    expect(parsed(NOTE).text).toBe(`${origin}\n10\n${root.toString('base64')}\n`);
    expect(parseCheckpoint(parsed(NOTE).text)).toEqual({ origin, size: 10, root });
  });

  test.each([
    ['a size with a leading zero', `${origin}\n010\n${root.toString('base64')}\n`],
    ['a size that is none', `${origin}\n-1\n${root.toString('base64')}\n`],
    [
      'a size that is not exact in a number',
      `${origin}\n9007199254740993\n${root.toString('base64')}\n`,
    ],
    ['a short root', `${origin}\n10\n${root.subarray(1).toString('base64')}\n`],
    ['no origin', `\n10\n${root.toString('base64')}\n`],
    ['no end', `${origin}\n10\n${root.toString('base64')}`],
  ])('with %s is none', (_title, text) => {
    expect(parseCheckpoint(text)).toBeUndefined();
  });

  test('is found between other lines, as often as it is there', () => {
    const second = signCheckpoint({ origin, size: 11, root }, signer);
    const journal = `ready profile=procfs\n${NOTE}nsaudit: something else\n${second}${cosign(NOTE, witness)}`;
    const found = readTrustedCheckpoints(journal, [signer.verifier], 'journal');
    expect(found.map(({ size }) => size)).toEqual([10, 11, 10]);
  });

  test.each([
    ['nothing of the kind', 'text\n', 'usage'],
    [
      'one that others signed',
      signCheckpoint({ origin, size: 10, root }, toSigner('x', makeKey())),
      'integrity',
    ],
    ['one that was changed', NOTE.replace('\n10\n', '\n11\n'), 'integrity'],
  ])('is refused: %s', async (_title, text, code) => {
    const refusal = await refusalOf(() => readTrustedCheckpoints(text, [signer.verifier], 'FILE'));
    expect(refusal).toMatchObject({ code, message: expect.stringContaining('FILE') as string });
  });
});
