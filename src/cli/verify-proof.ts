/** `nsaudit verify --proof`: one event, without the log. */
import { NsauditError } from '../domain/errors.ts';
import { readTrustedCheckpoints, type TrustedCheckpoint } from '../store/checkpoint-note.ts';
import { checkProof, parseProof } from '../store/tlog-proof.ts';
import type { CommandContext } from './command-context.ts';
import { escapeText } from './escape-text.ts';
import { EXIT_STATUS } from './exit-status.ts';
import { formatPairs, toJsonLine } from './format-rows.ts';
import { toErrorLine } from './output.ts';
import { readNamedFile, readVerifierKeys } from './read-keys.ts';
import { readFormat } from './read-options.ts';

/**
 * Verified: the event is in the log whose key, or a witness's, signed. Without a key to check with the proof
 * can only be self-consistent.
 *
 * Errors: NsauditError `usage` for a file that is no proof, `integrity` when no key that was given signed.
 */
export function verifyProof(context: CommandContext, file: string): number {
  const { options, output } = context;
  const format = readFormat(options, ['table', 'json']);
  const keys = [
    ...readVerifierKeys(context, 'public-key'),
    ...readVerifierKeys(context, 'witness-key'),
  ];
  const proof = parseProof(readNamedFile(context, 'proof', file));
  if (proof === undefined) {
    throw new NsauditError(
      'usage',
      `--proof: ${file} is no proof, as nsaudit events --proof prints it.`,
    );
  }
  const found = checkProof(proof);
  const fault = typeof found === 'string' ? found : null;
  const trusted =
    fault === null && keys.length > 0
      ? readTrustedCheckpoints(proof.note, keys, file)[0]
      : undefined;
  const verdict = judge(fault, trusted);
  const { seq, event, version, at: atUs, body } = proof.event;
  const head = typeof found === 'string' ? null : found;
  const answer = {
    verdict,
    seq,
    event,
    version,
    timelineUs: atUs,
    body,
    origin: head?.origin ?? null,
    size: head?.size ?? null,
    signedBy: trusted?.signedBy ?? [],
    fault,
  };
  output.write(
    format === 'json'
      ? toJsonLine(answer)
      : formatPairs(
          Object.entries(answer).map(([name, value]) => [name, escapeText(toCell(value))] as const),
        ),
  );
  if (fault !== null) {
    output.say(toErrorLine(`the proof does not verify: ${fault}.`));
  }
  const isPolicyMissed = verdict === 'self-consistent' && options.has('require-witness');
  return isPolicyMissed ? EXIT_STATUS.policy : STATUS_BY_VERDICT[verdict];
}

const STATUS_BY_VERDICT = {
  verified: EXIT_STATUS.ok,
  'self-consistent': EXIT_STATUS.ok,
  tampered: EXIT_STATUS.integrity,
} as const;

function judge(
  fault: string | null,
  trusted: TrustedCheckpoint | undefined,
): keyof typeof STATUS_BY_VERDICT {
  if (fault !== null) {
    return 'tampered';
  }
  return trusted === undefined ? 'self-consistent' : 'verified';
}

function toCell(value: string | number | readonly string[] | null): string {
  return Array.isArray(value) ? value.join(', ') || '-' : String(value ?? '-');
}
