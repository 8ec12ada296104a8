/** `nsaudit verify`: whether the log is complete and unchanged, and who says so. */
import { resolve } from 'node:path';
import { toRfc3339, US_PER_SECOND } from '../../domain/time.ts';
import { describeSigners, type IgnoredCheckpoint } from '../../store/checkpoint-note.ts';
import { openLogFile, openLogReader } from '../../store/event-log-reader.ts';
import type { Trust, Witness } from '../../store/verify-checkpoints.ts';
import { verifyLog, type Verification } from '../../store/verify-log.ts';
import type { CommandContext } from '../command-context.ts';
import { EXIT_STATUS } from '../exit-status.ts';
import { findRecordedStateDirectory } from '../find-state-directory.ts';
import { formatPairs, toJsonLine } from '../format-rows.ts';
import { toErrorLine } from '../output.ts';
import { readTrust } from '../read-keys.ts';
import { readFormat } from '../read-options.ts';
import { showProgress } from '../show-progress.ts';
import { verifyProof } from '../verify-proof.ts';

export async function run(context: CommandContext): Promise<number> {
  const { operands, options, output, currentDirectory } = context;
  const proof = options.text('proof');
  if (proof !== undefined) {
    return verifyProof(context, proof);
  }
  const format = readFormat(options, ['table', 'json']);
  // Before the log is looked at: the collector may publish meanwhile.
  const trust = readTrust(context);
  const [file] = operands;
  const reader =
    file === undefined
      ? openLogReader(findRecordedStateDirectory(context))
      : openLogFile(resolve(currentDirectory, file));
  let verification: Verification;
  try {
    verification = await showProgress(context, 'verify', (onProgress) =>
      verifyLog(reader, trust, onProgress),
    );
  } finally {
    reader.close();
  }
  output.write(
    format === 'json'
      ? toJsonLine(toJson(verification, trust.ignored))
      : formatVerification(verification),
  );
  const { fault, verdict } = verification;
  if (fault) {
    output.say(toErrorLine(`the log does not verify: ${describeFault(verification, fault)}`));
  } else if (!options.has('quiet') && format !== 'json') {
    output.say(describeTrust(verification));
  }
  if (trust.ignored.length > 0 && !options.has('quiet') && format !== 'json') {
    output.say(toErrorLine(describeIgnored(trust, options.text('checkpoint') ?? '')));
  }
  const isPolicyMissed = verdict === 'self-consistent' && options.has('require-witness');
  return isPolicyMissed ? EXIT_STATUS.policy : STATUS_BY_VERDICT[verdict];
}

const STATUS_BY_VERDICT: Readonly<Record<Verification['verdict'], number>> = {
  verified: EXIT_STATUS.ok,
  'self-consistent': EXIT_STATUS.ok,
  tampered: EXIT_STATUS.integrity,
  incomplete: EXIT_STATUS.incomplete,
};

function toJson(
  { witness, ...verification }: Verification,
  ignoredCheckpoints: readonly IgnoredCheckpoint[],
): unknown {
  if (witness === null) {
    return { ...verification, witness, ignoredCheckpoints };
  }
  const { cosignedAtS, ...rest } = witness;
  const unwitnessed = verification.events - witness.size;
  return {
    ...verification,
    witness: { ...rest, cosignedAt: toInstant(cosignedAtS), unwitnessed },
    ignoredCheckpoints,
  };
}

function toInstant(seconds: number | null): string | null {
  return seconds === null ? null : toRfc3339(seconds * US_PER_SECOND);
}

function formatVerification(verification: Verification): string {
  const { verdict, origin, events, batches, headHash, root, checkpoints, witness } = verification;
  const { pruned } = verification;
  const newest =
    checkpoints.newestSize === null ? '' : `, the newest of size ${checkpoints.newestSize}`;
  return formatPairs([
    ['verdict', verdict],
    ['log', origin],
    ['events', String(events)],
    ['batches', String(batches)],
    ...(pruned === null ? [] : [['pruned', `events 1 to ${pruned.events}`] as const]),
    ['head hash', headHash],
    ['tree root', root],
    ['checkpoints', `${checkpoints.count} recorded${newest}`],
    ['witness', witness === null ? 'none' : describeWitness(witness, events)],
  ]);
}

function describeWitness(witness: Witness, events: number): string {
  const { size, signedBy, cosignedAtS, from } = witness;
  const when = cosignedAtS === null ? '' : `, cosigned ${toInstant(cosignedAtS)}`;
  const where = from === 'kept' ? 'a checkpoint that was kept' : 'a recorded checkpoint';
  return `${where}, size ${size}, by ${signedBy.join(', ')}${when}; ${events - size} events after it are not witnessed`;
}

function describeTrust({ witness }: Verification): string {
  return witness === null
    ? 'Whoever may write the log could rewrite all of it: keep checkpoints elsewhere, and give one with --checkpoint.'
    : `Verified are events 1 to ${witness.size}; those after them are consistent with themselves.`;
}

/** What the verdict does not rest on, though it was brought along. */
function describeIgnored(
  { checkpoints, ignored }: Pick<Trust, 'checkpoints'> & { ignored: readonly IgnoredCheckpoint[] },
  file: string,
): string {
  const all = ignored.length + checkpoints.length;
  return `${ignored.length} of ${all} checkpoints in ${file} are signed by none of the keys that were given, so the log was not compared with them; ${describeSigners(ignored)}: give its key, too, with --public-key or --witness-key.`;
}

function describeFault(
  { events }: Verification,
  { what, batch, seq }: NonNullable<Verification['fault']>,
): string {
  if (batch === null && seq === null) {
    return `${what}; the hashes of ${events} events fit.`;
  }
  const where = [
    ...(batch === null ? [] : [`batch ${batch}`]),
    ...(seq === null ? [] : [`event ${seq}`]),
  ];
  return `${what} (${where.join(', ')}); what was recorded before that is intact.`;
}
