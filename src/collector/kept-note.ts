/** What the note in `--checkpoint-file`, which this log's key signed last, says about the log at a start. */
import { existsSync, readFileSync } from 'node:fs';
import { NsauditError } from '../domain/errors.ts';
import { parseCheckpoint, type Checkpoint } from '../store/checkpoint-note.ts';
import { checkSignature, parseNote, type VerifierKey } from '../store/signed-note.ts';
import type { Recorder } from './recorder.ts';

type Tree = Pick<Recorder['tree'], 'origin' | 'head' | 'rootAt'>;

/**
 * Throws NsauditError `integrity` when the note covers more than the log holds, or other events than it holds: the
 * log was put back, also together with its whole directory, or written anew. A file that is not there, is none of
 * ours, or covers only what has been pruned says nothing.
 */
export function refuseOtherThanKept(path: string | null, tree: Tree, key: VerifierKey): void {
  const kept = path === null ? undefined : readKept(path, tree.origin, key);
  if (kept === undefined) {
    return;
  }
  const { size } = tree.head();
  if (kept.size > size) {
    throw new NsauditError(
      'integrity',
      `the log ends at event ${size}, and the checkpoint in ${path} covers ${kept.size} events of it: an older copy was put in its place, or its -wal was deleted; put the newer one back, or move the checkpoint away to go on from the older one.`,
    );
  }
  if (tree.rootAt(kept.size)?.equals(kept.root) === false) {
    throw new NsauditError(
      'integrity',
      `events 1 to ${kept.size} of the log are not those that the checkpoint in ${path} covers: it was written anew, or went on from an older copy; keep both, run nsaudit verify, and move the checkpoint away to go on from this log.`,
    );
  }
}

function readKept(path: string, origin: string, key: VerifierKey): Checkpoint | undefined {
  const note = parseNote(existsSync(path) ? readFileSync(path, 'utf8') : '');
  const kept = note && parseCheckpoint(note.text);
  return note && kept?.origin === origin && checkSignature(note, key).state === 'valid'
    ? kept
    : undefined;
}
