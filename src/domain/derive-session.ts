/** Events about the collector and the clock: start, stop, new boot, wall clock steps. */
import { deriveChurn, toCoverage } from './derive-coverage.ts';
import { startDraft, type Draft, type DraftEvent } from './draft.ts';
import type { AuditEvent, EventOf } from './event.ts';
import type { Known } from './known.ts';
import { openMemberBooks } from './member-books.ts';
import { addAllMembers } from './member-events.ts';
import { NAMESPACE_TYPES, toNamespaceKey } from './namespace-type.ts';
import { anchorBoot, isWallStep } from './wall-clock.ts';
import type { Watch } from './watch.ts';

/** What the collector says about itself when it starts. */
export type CollectorFacts = Omit<EventOf<'collector.started'>, 'event' | 'version' | 'seq' | 'at'>;

export interface ClockReading {
  readonly wallUs: number;
  /** CLOCK_BOOTTIME: since boot, suspend included. */
  readonly bootTimeUs: number;
}

/** Where a boot is on the host timeline, and wall time minus timeline. */
export interface Anchor {
  readonly anchorUs: number;
  readonly offsetUs: number;
}

/** The anchor of the running boot: the recorded one, or a new one that never lets the timeline run back. */
export function chooseAnchor(known: Known, bootId: string, reading: ClockReading): Anchor {
  if (known.boot?.boot === bootId) {
    return { anchorUs: known.boot.anchorUs, offsetUs: known.wallOffsets.at(-1)?.offsetUs ?? 0 };
  }
  return anchorBoot({ ...reading, lastTimelineUs: known.lastAt });
}

/**
 * Derives what a start means: the end of everything of an earlier boot, the new boot, and the start itself.
 * An ended boot's namespaces were last known when the log ends, and gone when the next boot began.
 *
 * `anchor` is the one that everything else of this run is reckoned by: chosen once, because two readings of
 * the clocks differ by as long as the process had to wait between them.
 */
export function deriveStart(
  known: Known,
  facts: CollectorFacts,
  { anchor: { anchorUs, offsetUs }, bootTimeUs }: { anchor: Anchor; bootTimeUs: number },
): AuditEvent[] {
  const draft = startDraft(known.position, anchorUs + bootTimeUs);
  if (known.boot?.boot !== facts.boot) {
    const { boot, kernel } = facts;
    const previousBoot = known.boot?.boot ?? null;
    for (const { id, type, inum, born } of known.lifespans.values()) {
      const after = Math.max(known.coverage?.lastScan ?? 0, born.by);
      const gone = { after, by: anchorUs, evidence: 'reboot' } as const;
      draft.add({
        event: 'namespace.disappeared',
        lifespan: id,
        type,
        inum,
        reason: 'reboot',
        gone,
      });
    }
    draft.add({ event: 'boot.started', boot, kernel, anchor: anchorUs, offsetUs, previousBoot });
  }
  draft.add({ event: 'collector.started', ...facts });
  return draft.events;
}

/** Derives clock.stepped when wall time has left the recorded offset by more than slewing would. */
export function deriveClockStep(known: Known, reading: ClockReading): AuditEvent[] {
  if (known.boot === null) {
    return [];
  }
  const timelineUs = known.boot.anchorUs + reading.bootTimeUs;
  const previousOffsetUs = known.wallOffsets.at(-1)?.offsetUs ?? 0;
  const offsetUs = reading.wallUs - timelineUs;
  if (!isWallStep(previousOffsetUs, offsetUs)) {
    return [];
  }
  const draft = startDraft(known.position, timelineUs);
  draft.add({ event: 'clock.stepped', boot: known.boot.boot, previousOffsetUs, offsetUs });
  return draft.events;
}

/** Nobody is admitted any more. */
const NO_LIMITS = {
  holders: { burst: 0, perSecond: 0 },
  movers: { burst: 0, perSecond: 0 },
};

/** Derives the last events of a collector that ends on purpose: the watching stretch so far, the counts, the stop. */
export function deriveStop(
  known: Known,
  watch: Watch,
  { atUs, reason }: { atUs: number; reason: string },
): AuditEvent[] {
  const draft = startDraft(known.position, atUs);
  addOpen(known, watch, atUs, draft);
  const stopped: DraftEvent = { event: 'collector.stopped', boot: known.boot?.boot ?? '', reason };
  draft.add(stopped);
  return draft.events;
}

/** What changed about the recording. */
export type RecordingChange = Omit<
  EventOf<'recording.changed'>,
  'event' | 'version' | 'seq' | 'at' | 'boot'
>;

/**
 * Derives that recording goes on in another way from now on. Before a suspension everything is written that
 * is not in the log: `watch` is what was watched until now, null when nobody knows any more.
 */
export function deriveRecordingChange(
  known: Known,
  change: RecordingChange,
  { atUs, watch }: { atUs: number; watch: Watch | null },
): AuditEvent[] {
  const draft = startDraft(known.position, atUs);
  if (watch !== null) {
    addOpen(known, watch, atUs, draft);
  }
  draft.add({ event: 'recording.changed', boot: known.boot?.boot ?? '', ...change });
  return draft.events;
}

/** Adds the stretch so far and what was only counted. */
function addOpen(known: Known, watch: Watch, atUs: number, draft: Draft): void {
  const { stretch, initialMembers, initial } = watch;
  addAllMembers(known, openMemberBooks(watch.members, NO_LIMITS), draft);
  const isGrowing = stretch?.source === 'kernel' && atUs > stretch.fromUs;
  if (stretch && (isGrowing || stretch.scanDurationsUs.length > 0)) {
    // Hooks watch until the end, scans until the last one.
    const toUs = stretch.source === 'kernel' ? atUs : stretch.toUs;
    draft.add(toCoverage({ ...stretch, toUs }));
  }
  const initialSet = NAMESPACE_TYPES.flatMap(
    (type) => known.lifespanByKey.get(toNamespaceKey(type, initial[type] ?? 0)) ?? [],
  ).toSorted((left, right) => left - right);
  deriveChurn(
    { known, members: initialMembers, initialSet, atUs: stretch?.toUs ?? atUs, isDue: true },
    draft,
  );
}
