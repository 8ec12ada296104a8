/** What a reader of the log can ask about its hash tree, its checkpoints and its file. */
import type { StoredEvent } from '../domain/event.ts';
import { openLogTree } from './log-tree.ts';
import type { NodeAt } from './merkle-proof.ts';
import type { DatabaseHandle } from './open-database.ts';

export interface LogTreeReader {
  /** `user_version`: how many migrations made it. */
  formatVersion(): number;
  /** What SQLite finds wrong with its file (PRAGMA integrity_check), rows, indexes and pages; null: nothing. */
  checkFile(): string | null;
  /** Leaf hashes from leaf `index` on, which counts from 0, one after the other; fewer at the end of the log. */
  readLeaves(index: number, count: number): Buffer;
  /** Stored nodes of the hash tree in the order of their position. */
  readTreeNodes(page: { level: number; first: number; count: number }): Buffer[];
  /** Nodes of the hash tree, stored or computed from what is. Errors: NsauditError `integrity`. */
  readonly nodeAt: NodeAt;
  /** Sizes of all recorded checkpoints, in order. */
  readCheckpointSizes(): number[];
  /** The newest checkpoint.published; undefined when there is none. */
  readCheckpoint(): StoredEvent | undefined;
}

/**
 * Statements are made when they are needed: few readers do, and a log of the first format has no tree.
 * `guard` turns what SQLite says into an NsauditError.
 */
export function createLogTreeReader(
  db: DatabaseHandle,
  guard: <Result>(action: () => Result) => Result,
): LogTreeReader {
  const tree = lazily(() => openLogTree(db));
  const selectLeaves = lazily(() =>
    db
      .prepare<[number, number], Buffer>(
        'SELECT leaf FROM event WHERE seq > ? ORDER BY seq LIMIT ?',
      )
      .pluck(),
  );
  const selectNodes = lazily(() =>
    db
      .prepare<[number, number, number], Buffer>(
        'SELECT hash FROM tree_node WHERE level = ? AND position >= ? ORDER BY position LIMIT ?',
      )
      .pluck(),
  );
  const selectSizes = lazily(() =>
    db
      .prepare<[], number>(
        `SELECT json_extract(body, '$.size') FROM event WHERE event = 'checkpoint.published' ORDER BY seq`,
      )
      .pluck(),
  );
  const selectNewest = lazily(() =>
    db.prepare<[], StoredEvent>(
      `SELECT seq, event, version, at_us AS at, body FROM event
       WHERE event = 'checkpoint.published' ORDER BY seq DESC LIMIT 1`,
    ),
  );
  return {
    formatVersion: () => guard(() => Number(db.pragma('user_version', { simple: true }))),
    checkFile: () =>
      guard(() => {
        const found = String(db.pragma('integrity_check(1)', { simple: true }));
        return found === 'ok' ? null : found.replaceAll(/\s+/g, ' ');
      }),
    readLeaves: (index, count) => guard(() => Buffer.concat(selectLeaves().all(index, count))),
    readTreeNodes: ({ level, first, count }) => guard(() => selectNodes().all(level, first, count)),
    nodeAt: (level, index) => guard(() => tree().nodeAt(level, index)),
    readCheckpointSizes: () => guard(() => selectSizes().all()),
    readCheckpoint: () => guard(() => selectNewest().get()),
  };
}

function lazily<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
