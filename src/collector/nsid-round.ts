/**
 * Watches the ids that network namespaces have in our own: takes notices often, lists and asks after scans.
 *
 * A notice that arrives while namespaces are asked makes the answers about its id worthless, so they are
 * dropped and the namespaces asked again.
 */
import {
  createNsidMemory,
  deriveAnswer,
  deriveListed,
  deriveNoticesLost,
  deriveRemoved,
  listToAsk,
  noteGiven,
  type NsidInput,
  type NsidMemory,
} from '../domain/derive-nsids.ts';
import { startFoldingDraft, type Draft } from '../domain/draft.ts';
import { eachHolder, findLifespan, type Known } from '../domain/known.ts';
import type { Lifespan } from '../domain/lifespan.ts';
import { toNamespaceKey } from '../domain/namespace-type.ts';
import type { Watch } from '../domain/watch.ts';
import type { TimelineClock } from '../observe/host-clock.ts';
import type { NsidNotice, NsidSource } from '../observe/netlink-nsids.ts';
import { lookUpNsid, type NsidTarget } from '../observe/nsid-lookup.ts';
import type { Observers } from './open-observers.ts';
import type { Recorder } from './recorder.ts';

export interface NsidRound {
  /** After a scan also lists and asks; in between it only takes what it was told. */
  run(watch: Watch, options: { readonly hasScanned: boolean }): void;
}

export interface NsidRoundOptions {
  readonly source: NsidSource | null;
  readonly recorder: Recorder;
  readonly clock: TimelineClock;
  readonly observers: Pick<Observers, 'kernel'>;
  readonly procRoot: string;
  /** inums of the namespaces that the collector is in. */
  readonly own: { readonly net: number | undefined; readonly mnt: number | undefined };
}

/** Namespaces asked at once. */
const ASKED_MAX = 200;

interface Told {
  readonly notices: readonly NsidNotice[];
  /** There were more, which found no room. */
  readonly hasLost: boolean;
  /** They came after this instant and by `byUs`. */
  readonly afterUs: number;
  readonly byUs: number;
}

export function startNsidRound(options: NsidRoundOptions): NsidRound {
  const { source, recorder, clock, own } = options;
  if (source === null || own.net === undefined) {
    return { run: () => {} };
  }
  const { known } = recorder;
  const ownKey = toNamespaceKey('net', own.net);
  let memory: NsidMemory | null = null;
  // An id is taken back a moment before we are told: what is told now may have been so at the last call.
  let takenUs: readonly [earlier: number, last: number] = [clock.timelineUs(), clock.timelineUs()];

  const take = (): Told => {
    const [afterUs, lastUs] = takenUs;
    takenUs = [lastUs, clock.timelineUs()];
    return { ...source.take(), afterUs, byUs: clock.timelineUs() };
  };

  return {
    run(watch, { hasScanned }) {
      const observer = findLifespan(known, ownKey);
      if (observer === undefined) {
        return;
      }
      if (memory?.observer !== observer.id) {
        memory = createNsidMemory(observer.id);
      }
      const lastSeenUs = (id: number): number =>
        watch.sightings.get(id)?.lastSeenUs ?? Number.NEGATIVE_INFINITY;
      const input = { known, memory, lastSeenUs };
      const told = take();
      if (!hasScanned && told.notices.length === 0 && !told.hasLost) {
        return;
      }
      const draft = startFoldingDraft(known, Math.max(clock.timelineUs(), known.lastAt), (event) =>
        recorder.fold(event),
      );
      deriveTold(input, told, draft);
      listAndAsk(input, { ...options, source, take }, draft);
      recorder.appendFolded(draft.events, Math.max(clock.timelineUs(), known.lastAt));
    },
  };
}

function deriveTold(input: NsidInput, told: Told, draft: Draft): void {
  const { notices, hasLost, afterUs, byUs } = told;
  if (hasLost) {
    deriveNoticesLost(input.memory, { from: afterUs, to: byUs }, draft);
  }
  const bounds = { after: afterUs, by: byUs, evidence: 'kernel-event' } as const;
  for (const { kind, nsid } of notices) {
    if (kind === 'removed') {
      deriveRemoved(input, nsid, bounds, draft);
    } else {
      noteGiven(input, nsid, bounds);
    }
  }
}

interface Asking extends Omit<NsidRoundOptions, 'source'> {
  readonly source: NsidSource;
  readonly take: () => Told;
}

function listAndAsk(input: NsidInput, asking: Asking, draft: Draft): void {
  const { source, clock, observers, procRoot, own, take } = asking;
  const fromUs = clock.timelineUs();
  const nsids = source.list();
  if (nsids === null) {
    return;
  }
  const openGaps = input.memory.openGaps.splice(0);
  deriveListed(input, { nsids, fromUs, toUs: clock.timelineUs(), openGaps }, draft);
  const probe = observers.kernel?.probe ?? null;
  const answers = listToAsk(input, nsids, ASKED_MAX).map((lifespan) => ({
    id: lifespan.id,
    nsid: lookUpNsid(source, toTarget(input.known, lifespan, own), { procRoot, probe }),
    atUs: clock.timelineUs(),
  }));
  const told = answers.length > 0 ? take() : null;
  const isDoubtful = (nsid: number | null): boolean =>
    told !== null &&
    (told.hasLost || told.notices.some((notice) => notice.nsid === nsid || nsid === null));
  for (const { id, nsid, atUs } of answers) {
    if (nsid !== 'unknown' && !isDoubtful(nsid)) {
      deriveAnswer(input, { id, nsid, atUs }, draft);
    }
  }
  if (told !== null) {
    deriveTold(input, told, draft);
  }
  input.memory.listed = { nsids, fromUs };
}

/** By what a namespace can be named: processes in it, and mounts that we can reach ourselves. */
function toTarget(
  known: Known,
  { id, inum, kernelNamespaceId }: Lifespan,
  own: NsidRoundOptions['own'],
): NsidTarget {
  const ownMount =
    own.mnt === undefined ? undefined : findLifespan(known, toNamespaceKey('mnt', own.mnt));
  const pids: number[] = inum === own.net ? [process.pid] : [];
  const paths: string[] = [];
  for (const { kind, pid, path, mountNamespace } of eachHolder(known, id)) {
    if (kind === 'process' && pid !== null) {
      pids.push(pid);
    } else if (path !== null && mountNamespace === ownMount?.id) {
      paths.push(path);
    }
  }
  return { namespace: { type: 'net', inum, kernelNamespaceId }, pids, paths };
}
