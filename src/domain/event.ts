/**
 * The event union, version 1: everything that can stand in the log.
 *
 * Names are past tense; each event carries an integer version and is never rewritten. A stored body
 * leaves out nulls; parsing puts them back. Instants are microseconds on the host timeline.
 */
import { z } from 'zod';
import { arrivalSchema, moveSchema } from './arrival.ts';
import { boundsSchema } from './bounds.ts';
import { containerSchema } from './container.ts';
import { diskLevelSchema } from './disk-policy.ts';
import { NsauditError } from './errors.ts';
import { compileEventCodec, type EventCodec, type EventHeader } from './event-codec.ts';
import { growthPolicySchema } from './growth-policy.ts';
import { holderIdentitySchema } from './holder.ts';
import { countedReferencesSchema, creatorSchema, END_REASONS, lifespanSchema } from './lifespan.ts';
import { NAMESPACE_TYPES } from './namespace-type.ts';
import { nsidNewsSchema } from './nsid.ts';
import { processFactsSchema } from './process-facts.ts';
import { upcast } from './upcast.ts';

const id = z.number().int().nonnegative();
const count = z.number().int().nonnegative();
const timelineUs = z.number().int();
const type = z.enum(NAMESPACE_TYPES);

function define<Name extends string, Shape extends z.ZodRawShape>(event: Name, shape: Shape) {
  return z.object({
    event: z.literal(event),
    version: z.literal(1),
    seq: id,
    at: timelineUs,
    ...shape,
  });
}

const unreadableSchema = z.object({
  source: z.string(),
  reason: z.string(),
  count,
  example: z.string(),
});

/** Which namespace of which type: stands in every event about one lifespan, so that a log line can be read alone. */
const subject = { lifespan: id, type, inum: id };

const collectorStarted = define('collector.started', {
  boot: z.string(),
  profile: z.enum(['trampoline', 'tracepoint', 'procfs']),
  sources: z.array(z.string()),
  /** Kernel hooks and their state; empty in the procfs profile, which has none. */
  hooks: z.array(z.object({ name: z.string(), state: z.string() })).default([]),
  kernel: z.string(),
  toolVersion: z.string(),
  pid: id,
  uid: id,
  capabilities: z.array(z.string()),
  ownNamespaces: z.record(z.string(), id),
  scanIntervalUs: count,
  initialHolders: z.enum(['count', 'full']),
  /** Beyond which members and births are counted instead of listed; null in logs from before: nothing was. */
  growth: growthPolicySchema.nullable().default(null),
});

const collectorStopped = define('collector.stopped', { boot: z.string(), reason: z.string() });

const bootStarted = define('boot.started', {
  boot: z.string(),
  kernel: z.string(),
  /** Timeline instant of boot time zero. */
  anchor: timelineUs,
  /** Wall time minus timeline from here on. */
  offsetUs: z.number().int(),
  previousBoot: z.string().nullable().default(null),
});

const clockStepped = define('clock.stepped', {
  boot: z.string(),
  /** Wall time minus timeline, before and from `at` on. */
  previousOffsetUs: z.number().int(),
  offsetUs: z.number().int(),
});

/**
 * How much is recorded has changed with the room that is left, or nothing could be recorded at all. What is
 * counted instead of listed from here on says `growth`, as in collector.started.
 */
const recordingChanged = define('recording.changed', {
  boot: z.string(),
  level: diskLevelSchema,
  previousLevel: diskLevelSchema,
  /** `space`: what is free has crossed a limit. `failure`: the record could not be written; `error` says how. */
  reason: z.enum(['space', 'failure']),
  error: z.string().nullable().default(null),
  /** Null where the file system could not be asked. */
  freeBytes: count.nullable().default(null),
  totalBytes: count.nullable().default(null),
  growth: growthPolicySchema,
});

/** One stretch of watching: it says what was watched, how often, and what could not be read. */
const coverageChanged = define('coverage.changed', {
  source: z.string(),
  from: timelineUs,
  to: timelineUs,
  /** Start of the last scan in the stretch: what it saw was alive then. */
  lastScan: timelineUs,
  scans: count,
  /** Longest time from the start of one scan to the end of the next: what lives longer cannot be missed. */
  minimumLifetimeUs: count,
  scanDurationUsMax: count,
  scanIntervalUsMedian: count,
  processes: count,
  complete: z.boolean(),
  unreadable: z.array(unreadableSchema).default([]),
});

const observationGap = define('observation.gap', {
  source: z.string(),
  /** How many events were lost, where a source can count them. */
  lost: count.nullable().default(null),
  from: timelineUs,
  to: timelineUs,
  reason: z.enum(['stopped', 'killed', 'stalled', 'reboot', 'lost', 'suspended']),
});

const observationGapClosed = define('observation.gap_closed', {
  source: z.string(),
  gap: id,
  /** Lifespans found again. */
  recovered: count,
  /** Births and ends that the gap hid and that were inferred afterwards. */
  inferred: count,
  /** Lifespans of which nothing could be said, because what held them cannot be read. */
  unknown: count,
});

const namespaceBorn = define('namespace.born', {
  ...subject,
  boot: z.string(),
  nsfsDev: lifespanSchema.shape.nsfsDev,
  kernelNamespaceId: lifespanSchema.shape.kernelNamespaceId,
  incarnation: lifespanSchema.shape.incarnation,
  initial: lifespanSchema.shape.initial,
  suspected: lifespanSchema.shape.suspected,
  born: boundsSchema,
  creator: creatorSchema.nullable().default(null),
  owner: id.nullable().default(null),
  parent: id.nullable().default(null),
  ownerUid: id.nullable().default(null),
});

/** Facts learnt or changed after the birth; a null says nothing new. */
const namespaceDescribed = define('namespace.described', {
  ...subject,
  kernelNamespaceId: lifespanSchema.shape.kernelNamespaceId,
  owner: id.nullable().default(null),
  parent: id.nullable().default(null),
  ownerUid: id.nullable().default(null),
  names: z.array(z.string()).nullable().default(null),
  nsids: z.array(nsidNewsSchema).nullable().default(null),
  /** Of a pid namespace: its init had ended, so that nobody can be forked into it any more. */
  initEnded: boundsSchema.nullable().default(null),
  /** As counted when two scans agreed first, and whenever what is unattributed begins or ends. */
  references: countedReferencesSchema.nullable().default(null),
});

const holderGained = define('holder.gained', {
  ...holderIdentitySchema.shape,
  type: type.nullable().default(null),
  /** Lifespans of the set, given by the event that introduces it. */
  namespaces: z.array(id).nullable().default(null),
  ...processFactsSchema.shape,
  ...arrivalSchema.shape,
  from: boundsSchema,
});

const holderLost = define('holder.lost', {
  holder: id,
  kind: holderIdentitySchema.shape.kind,
  pid: id.nullable().default(null),
  set: id.nullable().default(null),
  lifespan: id.nullable().default(null),
  type: type.nullable().default(null),
  /** By which call it left for other namespaces, see arrival.ts; null: it ended or let go, or nobody saw how. */
  how: moveSchema.nullable().default(null),
  to: boundsSchema,
});

/**
 * A process is in another control group than when it began to hold: container engines move a process after
 * they have started it. Its facts as they are now; a null says nothing new.
 */
const holderDescribed = define('holder.described', {
  holder: id,
  kind: holderIdentitySchema.shape.kind,
  pid: id.nullable().default(null),
  ...processFactsSchema.shape,
});

/** What the files of a container engine say about the container of a control group, learnt or changed. */
const containerDescribed = define('container.described', containerSchema.shape);

/**
 * Members of one set that are counted instead of listed: all of the initial set, and those of another one
 * that came and went beyond what is listed (see growth-policy.ts; then `gained` and `lost` are equal).
 */
const holdersChurned = define('holders.churned', {
  set: id,
  namespaces: z.array(id).nullable().default(null),
  /** Members that came and went between `from` and `to`, and how many there are at `to`. */
  gained: count,
  lost: count,
  now: count,
  /** Members gained, by comm; the most frequent ones, the rest under `""`. */
  byComm: z.record(z.string(), count),
  from: timelineUs,
  to: timelineUs,
});

/**
 * Short births of one uid that are counted instead of listed: each lived less than a second, and nothing
 * but its creator held it. They have no lifespan and no incarnation.
 */
const namespacesStormed = define('namespaces.stormed', {
  type,
  creator: creatorSchema,
  /** `several`: further processes of the same uid made some of them; `creator` made the first. */
  creators: z.enum(['one', 'several']).default('one'),
  count,
  firstKernelNamespaceId: lifespanSchema.shape.kernelNamespaceId,
  lastKernelNamespaceId: lifespanSchema.shape.kernelNamespaceId,
  from: timelineUs,
  to: timelineUs,
});

const namespaceUnheld = define('namespace.unheld', { ...subject, unheld: boundsSchema });
const namespaceUnreferenced = define('namespace.unreferenced', {
  ...subject,
  unreferenced: boundsSchema,
});

const namespaceDisappeared = define('namespace.disappeared', {
  ...subject,
  reason: z.enum(END_REASONS),
  gone: boundsSchema,
});

/**
 * The beginning of the log was removed, in the transaction that recorded this. Nothing was watched meanwhile,
 * so its instant is that of the event before it; the wall time is that of its batch.
 */
const logPruned = define('log.pruned', {
  /** What was removed; what is left begins after `lastSeq`. */
  firstSeq: id,
  lastSeq: id,
  /** From this instant on the log still tells everything. */
  before: timelineUs,
  prunedBy: z.string(),
  /** Of the hash tree over the events up to `lastSeq`, base64. */
  root: z.string(),
  /** Number and hash of the last batch that was removed, base64: what is left continues it. */
  lastBatch: id.default(0),
  batchHash: z.string().nullable().default(null),
  /** SHA-256 over what was kept of the state then, base64. */
  retained: z.string().nullable().default(null),
  /** Size of the checkpoint by which somebody outside vouches for what was removed; null: nobody does. */
  witnessedSize: id.nullable().default(null),
});

/**
 * The head of the hash tree as it was signed and handed out; it covers the first `size` events, all of them
 * before this one. Source: c2sp.org/tlog-checkpoint.
 */
const checkpointPublished = define('checkpoint.published', {
  size: id,
  /** Base64, as in the note. */
  root: z.string(),
  /** With the cosignatures of witnesses. */
  note: z.string(),
  /** The verifier key of the log that signed: name, id and key. */
  publicKey: z.string().nullable().default(null),
  /** The one that had signed before, when this is another. */
  rotatedFrom: z.string().nullable().default(null),
  /** Names of the witnesses that cosigned. */
  cosigned: z.array(z.string()).default([]),
  /** Where it could not be published. */
  failed: z.array(z.object({ target: z.string(), reason: z.string() })).default([]),
});

export const eventSchema = z.discriminatedUnion('event', [
  collectorStarted,
  collectorStopped,
  bootStarted,
  clockStepped,
  recordingChanged,
  coverageChanged,
  observationGap,
  observationGapClosed,
  namespaceBorn,
  namespaceDescribed,
  holderGained,
  holderLost,
  holderDescribed,
  containerDescribed,
  holdersChurned,
  namespacesStormed,
  namespaceUnheld,
  namespaceUnreferenced,
  namespaceDisappeared,
  logPruned,
  checkpointPublished,
]);

export type AuditEvent = z.infer<typeof eventSchema>;
export type EventName = AuditEvent['event'];
export type EventOf<Name extends EventName> = Extract<AuditEvent, { event: Name }>;

/** Every event name of this version, in the order of the catalogue. */
export const EVENT_NAMES: readonly EventName[] = eventSchema.options.map(
  (option) => option.shape.event.value,
);

/** An event as it is stored: columns, and a JSON body without nulls. */
export interface StoredEvent {
  readonly seq: number;
  readonly event: string;
  readonly version: number;
  /** Microseconds on the host timeline. */
  readonly at: number;
  readonly body: string;
}

/** By event name; an event without a codec always goes through zod. */
const codecs: ReadonlyMap<string, EventCodec> = new Map(
  eventSchema.options.flatMap((option) => {
    const codec = compileEventCodec(option.shape);
    return codec ? [[option.shape.event.value, codec] as const] : [];
  }),
);

/**
 * Checks an event and turns it into what is stored. Nulls are left out of the body.
 *
 * Errors: InvariantError's sibling, a ZodError, when our own code made an event that is none.
 */
export function toStoredEvent(event: AuditEvent): StoredEvent {
  const { event: name, version, seq, at } = event;
  const body = codecs.get(name)?.encode(event) ?? encodeWithZod(event);
  return { seq, event: name, version, at, body };
}

function encodeWithZod(event: AuditEvent): string {
  const {
    event: _event,
    version: _version,
    seq: _seq,
    at: _at,
    ...body
  } = eventSchema.parse(event);
  return JSON.stringify(body, (_key, value: unknown) => (value === null ? undefined : value));
}

/**
 * Reads a stored event back.
 *
 * Errors: NsauditError `integrity` naming the seq, when name, version or body are not of this catalogue.
 */
export function fromStoredEvent(stored: StoredEvent): AuditEvent {
  try {
    const { event, seq, at } = stored;
    const parsed = { version: stored.version, body: JSON.parse(stored.body) as object };
    const { version, body } = upcast(event, parsed);
    const header = { event, version, seq, at };
    return (
      (codecs.get(event)?.decode(body, header) as AuditEvent | undefined) ??
      decodeWithZod(body, header)
    );
  } catch (cause) {
    throw new NsauditError(
      'integrity',
      `event ${stored.seq} (${stored.event} version ${stored.version}) cannot be read: it was written by a newer nsaudit or is damaged; run nsaudit verify.`,
      { cause },
    );
  }
}

function decodeWithZod(body: object, { event, version, seq, at }: EventHeader): AuditEvent {
  return eventSchema.parse({ ...body, event, version, seq, at });
}
