/** Events as they are printed: instants and ids as everywhere else. */
import type { AuditEvent } from './event.ts';
import { toInstantJson, type EventJson } from './json.ts';
import type { WallClock } from './wall-clock.ts';

/** Field names of events whose numbers are instants, and those whose numbers are ids; the catalogue keeps to them. */
const INSTANT_FIELDS = new Set(['at', 'after', 'by', 'from', 'to', 'lastScan', 'anchor', 'before']);
const ID_FIELDS = new Set([
  'lifespan',
  'owner',
  'parent',
  'set',
  'holder',
  'namespace',
  'mountNamespace',
  'namespaces',
  'startTimeTicks',
  'observer',
]);

/** An event as it is printed: header first, then its own fields, instants and ids as everywhere else. */
export function toEventJson(event: AuditEvent, clock: WallClock): EventJson {
  const { seq, event: name, version, at, ...fields } = event;
  const header = { seq, event: name, version, at: toInstantJson(clock, at) };
  return { ...header, ...(convert(fields, clock) as object) };
}

/** Fields whose keys are data (names that processes choose, types): their values are plain counts and inums. */
const DATA_FIELDS = new Set(['byComm', 'ownNamespaces']);

function convert(value: unknown, clock: WallClock, field = ''): unknown {
  if (DATA_FIELDS.has(field)) {
    return value;
  }
  if (Array.isArray(value)) {
    return value.map((item) => convert(item, clock, field));
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, convert(item, clock, name)]),
    );
  }
  if (typeof value !== 'number') {
    return value;
  }
  if (INSTANT_FIELDS.has(field)) {
    return toInstantJson(clock, value);
  }
  return ID_FIELDS.has(field) ? String(value) : value;
}
