/** Asks the files of container engines about control groups that are new in the record, and records what they say. */
import { findContainer } from '../domain/container.ts';
import { deriveContainer } from '../domain/derive-containers.ts';
import { startDraft } from '../domain/draft.ts';
import { US_PER_SECOND } from '../domain/time.ts';
import type { ContainerFiles } from '../observe/container-files.ts';
import type { Recorder } from './recorder.ts';

export interface ContainerRound {
  /** Looks up what is due. Cheap when nothing is. */
  run(nowUs: number): void;
}

interface Pending {
  readonly tries: number;
  readonly dueUs: number;
}

/** An engine may write a moment after it has started the first process. */
const TRIES_MAX = 3;
const RETRY_US = US_PER_SECOND;
/** Groups looked up in one round. */
const GROUPS_MAX = 50;
/** Groups of which nothing more is expected. */
const SETTLED_MAX = 20_000;

/** Null for `files`: nothing is looked up, because the engines of this host run on another. */
export function startContainerRound(
  recorder: Recorder,
  files: ContainerFiles | null,
  onNotice: (line: string) => void,
): ContainerRound {
  if (files === null) {
    return { run: () => void recorder.takeCgroups() };
  }
  const pending = new Map<string, Pending>();
  const settled = new Set<string>();
  let toldRefusals = 0;
  const { known } = recorder;
  for (const { cgroup } of known.holders.values()) {
    if (cgroup !== null) {
      pending.set(cgroup, { tries: 0, dueUs: 0 });
    }
  }

  const lookUp = (cgroup: string, { tries }: Pending, nowUs: number): void => {
    const found = files.describe(cgroup);
    const draft = startDraft(known.position, Math.max(nowUs, known.lastAt));
    if (found !== null && (found.name !== null || findContainer(cgroup) === null)) {
      deriveContainer(known, found, draft);
      recorder.append(draft.events, Math.max(nowUs, known.lastAt));
    }
    if ((found?.name ?? null) === null && tries + 1 < TRIES_MAX) {
      pending.set(cgroup, { tries: tries + 1, dueUs: nowUs + RETRY_US });
    } else {
      pending.delete(cgroup);
      settled.add(cgroup);
    }
  };

  return {
    run(nowUs) {
      for (const cgroup of recorder.takeCgroups()) {
        if (!settled.has(cgroup) && !pending.has(cgroup)) {
          pending.set(cgroup, { tries: 0, dueUs: nowUs });
        }
      }
      const due = [...pending].filter(([, { dueUs }]) => dueUs <= nowUs).slice(0, GROUPS_MAX);
      for (const [cgroup, each] of due) {
        lookUp(cgroup, each, nowUs);
      }
      if (settled.size > SETTLED_MAX) {
        settled.clear();
      }
      const refusals = files.refusals();
      if (refusals.size > toldRefusals) {
        toldRefusals = refusals.size;
        const list = [...refusals].map(
          ([reason, { count, example }]) => `${count} × ${reason}, as ${example}`,
        );
        onNotice(
          `files of container engines cannot be read: ${list.join('; ')}. Names of containers may be missing.`,
        );
      }
    },
  };
}
