/** The columns of the log: the header of every event, every field of the catalogue, and one line that sums it up. */
import { eventSchema, type EventName } from '../domain/event.ts';
import type { EventJson, LifespanJson } from '../domain/json.ts';
import { formatBounds, formatDistance, formatSpan } from './bounds-text.ts';
import { plainColumn, readField, type Column, type ColumnTable } from './columns.ts';

const HEADER_FIELDS = ['seq', 'event', 'version', 'at'];
const SUBJECT_FIELDS = ['lifespan', 'type', 'inum'];

/** Fields of an event as text; empty for what it lacks. */
function textOf(event: EventJson, field: string): string {
  const value = readField(event, field);
  return value === null || typeof value === 'object' ? '' : String(value);
}

function countOf(event: EventJson, field: string): number {
  const value = readField(event, field);
  return typeof value === 'number' ? value : 0;
}

function listOf(event: EventJson, field: string): readonly string[] {
  const value = readField(event, field);
  return Array.isArray(value) ? value.map(String) : [];
}

function boundsOf(event: EventJson, field: string): string {
  const value = readField(event, field);
  return formatBounds(value as LifespanJson['gone']) ?? '';
}

function windowOf(event: EventJson): string {
  const from = textOf(event, 'from');
  return `${from} to ${textOf(event, 'to')} (${formatDistance(from, textOf(event, 'to'))})`;
}

function processOf(event: EventJson, prefix = ''): string {
  const pid = textOf(event, `${prefix}pid`);
  return pid === '' ? '' : `${textOf(event, `${prefix}comm`) || '?'}[${pid}]`;
}

function tagged(tag: string, text: string): string {
  return text === '' ? '' : `${tag} ${text}`;
}

function linked(tag: string, id: string): string {
  return id === '' ? '' : `${tag} #${id}`.trim();
}

function joined(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(', ');
}

/** What a holder holds, and with what. */
function describeHolder(event: EventJson): string {
  return joined(
    `${textOf(event, 'kind')} ${processOf(event)}`.trim(),
    tagged('uid', textOf(event, 'uid')),
    tagged('tid', textOf(event, 'tid')),
    tagged('fd', textOf(event, 'fd')),
    textOf(event, 'path'),
    tagged('socket', textOf(event, 'socketInode')),
    textOf(event, 'interface'),
    linked('', textOf(event, 'namespace')),
    describeSet(event),
  );
}

function describeSet(event: EventJson): string {
  const members = listOf(event, 'namespaces');
  const set = tagged('set', textOf(event, 'set'));
  return members.length === 0 ? set : `${set} = ${members.map((id) => `#${id}`).join(' ')}`;
}

/** Ids that were given or taken back. */
function describeNsids(event: EventJson): readonly string[] {
  const news = readField(event, 'nsids');
  return (Array.isArray(news) ? news : []).map((each) => {
    const { nsid, observer, from = null, to = null } = each as unknown as NsidNewsJson;
    const bounds = formatBounds(to ?? from);
    return joined(`nsid ${nsid} in #${observer}${to === null ? '' : ' ended'}`, bounds ?? '');
  });
}

type NsidNewsJson = Pick<LifespanJson['nsids'][number], 'nsid' | 'observer' | 'to'> & {
  readonly from: LifespanJson['gone'];
};

/** One line for each event of the catalogue: what its header and subject do not say. */
const DETAIL: Readonly<Record<EventName, (event: EventJson) => string>> = {
  'collector.started': (event) =>
    joined(
      `profile ${textOf(event, 'profile')}`,
      `scan every ${formatSpan(countOf(event, 'scanIntervalUs'))}`,
      `pid ${textOf(event, 'pid')}`,
      `uid ${textOf(event, 'uid')}`,
      `nsaudit ${textOf(event, 'toolVersion')}`,
    ),
  'collector.stopped': (event) => textOf(event, 'reason'),
  'boot.started': (event) =>
    joined(`boot ${textOf(event, 'boot')}`, tagged('kernel', textOf(event, 'kernel'))),
  'clock.stepped': (event) => {
    const stepUs = countOf(event, 'offsetUs') - countOf(event, 'previousOffsetUs');
    return `${stepUs < 0 ? 'back' : 'forward'} by ${formatSpan(Math.abs(stepUs))}`;
  },
  'recording.changed': (event) =>
    joined(
      `${textOf(event, 'previousLevel')} to ${textOf(event, 'level')}`,
      tagged('bytes free', textOf(event, 'freeBytes')),
      textOf(event, 'error'),
    ),
  'coverage.changed': (event) =>
    joined(
      `${textOf(event, 'scans')} scans in ${formatDistance(textOf(event, 'from'), textOf(event, 'to'))}`,
      `min lifetime ${formatSpan(countOf(event, 'minimumLifetimeUs'))}`,
      `${textOf(event, 'processes')} processes`,
      textOf(event, 'complete') === 'true' ? 'complete' : 'incomplete',
    ),
  'observation.gap': (event) =>
    joined(windowOf(event), textOf(event, 'reason'), tagged('lost', textOf(event, 'lost'))),
  'observation.gap_closed': (event) =>
    joined(
      `gap ${textOf(event, 'gap')}`,
      ...['recovered', 'inferred', 'unknown'].map((field) => `${field} ${textOf(event, field)}`),
    ),
  'namespace.born': (event) =>
    joined(
      boundsOf(event, 'born'),
      tagged('by', processOf(event, 'creator.')),
      tagged('uid', textOf(event, 'creator.uid')),
      linked('owner', textOf(event, 'owner')),
      textOf(event, 'initial') === 'true' ? 'initial' : '',
      textOf(event, 'suspected') === 'true' ? 'suspected reuse' : '',
    ),
  'namespace.described': (event) =>
    joined(
      tagged('names', listOf(event, 'names').join(' ')),
      linked('owner', textOf(event, 'owner')),
      linked('parent', textOf(event, 'parent')),
      tagged('owner uid', textOf(event, 'ownerUid')),
      ...describeNsids(event),
      tagged('init ended', boundsOf(event, 'initEnded')),
    ),
  'holder.gained': (event) =>
    joined(
      describeHolder(event),
      tagged('by', textOf(event, 'how')),
      textOf(event, 'observer') === 'true' ? 'observer' : '',
      boundsOf(event, 'from'),
    ),
  'holder.described': (event) =>
    joined(
      `${textOf(event, 'kind')} ${processOf(event)}`.trim(),
      `holder ${textOf(event, 'holder')}`,
      tagged('cgroup', textOf(event, 'cgroup')),
    ),
  'container.described': (event) =>
    joined(
      `${textOf(event, 'engine')} ${textOf(event, 'name')}`.trim(),
      tagged('id', textOf(event, 'containerId')),
      tagged('pod', textOf(event, 'podUid')),
      tagged('cgroup', textOf(event, 'cgroup')),
    ),
  'holder.lost': (event) =>
    joined(
      `${textOf(event, 'kind')} ${textOf(event, 'pid')}`.trim(),
      `holder ${textOf(event, 'holder')}`,
      describeSet(event),
      tagged('by', textOf(event, 'how')),
      boundsOf(event, 'to'),
    ),
  'holders.churned': (event) =>
    joined(
      describeSet(event),
      ...['gained', 'lost', 'now'].map((field) => `${field} ${textOf(event, field)}`),
    ),
  'namespaces.stormed': (event) =>
    joined(
      `${textOf(event, 'count')} by ${processOf(event, 'creator.')}`,
      tagged('uid', textOf(event, 'creator.uid')),
      windowOf(event),
    ),
  'namespace.unheld': (event) => boundsOf(event, 'unheld'),
  'namespace.unreferenced': (event) => boundsOf(event, 'unreferenced'),
  'namespace.disappeared': (event) => joined(textOf(event, 'reason'), boundsOf(event, 'gone')),
  'log.pruned': (event) =>
    `${textOf(event, 'firstSeq')} to ${textOf(event, 'lastSeq')} by ${textOf(event, 'prunedBy')}`,
  'checkpoint.published': (event) => `size ${textOf(event, 'size')}`,
};

function toDetailText(event: EventJson): string | null {
  const describe: ((event: EventJson) => string) | undefined = DETAIL[event.event as EventName];
  return describe?.(event) || null;
}

/** Names of the events that have a field, by field, in the order of the catalogue. */
function listCatalogueFields(): Map<string, string[]> {
  const eventsByField = new Map<string, string[]>();
  for (const { shape } of eventSchema.options) {
    for (const field of Object.keys(shape)) {
      const events = eventsByField.get(field) ?? [];
      eventsByField.set(field, [...events, shape.event.value]);
    }
  }
  return eventsByField;
}

const catalogueFields = listCatalogueFields();
const ownFields = [...catalogueFields.keys()].filter(
  (field) => !HEADER_FIELDS.includes(field) && !SUBJECT_FIELDS.includes(field),
);

const columns: readonly Column<EventJson>[] = [
  plainColumn('seq', 'position in the log', { align: 'right' }),
  plainColumn('event', 'what happened'),
  plainColumn('version', 'version of the fields of this event', { align: 'right' }),
  plainColumn('at', 'when it was recorded'),
  plainColumn('lifespan', 'to which life', { align: 'right' }),
  plainColumn('type', 'its type'),
  plainColumn('inum', 'its inode number', { align: 'right' }),
  {
    ...plainColumn<EventJson>('detail', 'the rest in one line'),
    parts: ownFields,
    toText: toDetailText,
  },
  ...ownFields.map((field) =>
    plainColumn<EventJson>(field, `of ${(catalogueFields.get(field) ?? []).join(', ')}`),
  ),
];

export const eventColumns: ColumnTable<EventJson> = {
  columns,
  defaults: ['seq', 'at', 'event', 'lifespan', 'type', 'inum', 'detail'],
};
