/**
 * The compiled codec against zod: whatever the codec accepts, zod accepts with the same result.
 *
 * Method: events of random stories, and the same with a field replaced, removed or added anywhere in them.
 * What is expected is computed with zod alone.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { compileEventCodec } from '../../src/domain/event-codec.ts';
import {
  eventSchema,
  fromStoredEvent,
  toStoredEvent,
  type AuditEvent,
} from '../../src/domain/event.ts';
import { storyArbitrary, tellStory } from '../support/scan-model.ts';

const ALWAYS_ZOD = [
  'checkpoint.published',
  'collector.started',
  'coverage.changed',
  'namespace.described',
  'holders.churned',
];

function bodyByZod(event: unknown): string | undefined {
  const { success, data } = eventSchema.safeParse(event);
  if (!success) {
    return undefined;
  }
  const { event: _event, version: _version, seq: _seq, at: _at, ...body } = data;
  return JSON.stringify(body, (_key, value: unknown) => (value === null ? undefined : value));
}

function bodyByUs(event: unknown): string | undefined {
  try {
    return toStoredEvent(event as AuditEvent).body;
  } catch (error) {
    if (error instanceof z.ZodError) {
      return undefined;
    }
    throw error;
  }
}

function readByUs(body: string, { event, version, seq, at }: AuditEvent): unknown {
  try {
    return fromStoredEvent({ event, version, seq, at, body });
  } catch {
    return undefined;
  }
}

function readByZod(body: string, { event, version, seq, at }: AuditEvent): unknown {
  return eventSchema.safeParse({ ...JSON.parse(body), event, version, seq, at }).data;
}

/** Paths of all values in an event, also those inside of it. */
function listPaths(value: unknown, prefix: readonly string[] = []): string[][] {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([key, item]) => [
        [...prefix, key],
        ...listPaths(item, [...prefix, key]),
      ])
    : [];
}

function change(event: object, path: readonly string[], value: unknown): unknown {
  const copy = structuredClone(event) as Record<string, unknown>;
  let parent = copy;
  for (const key of path.slice(0, -1)) {
    parent = parent[key] as Record<string, unknown>;
  }
  const last = path.at(-1) ?? '';
  if (value === REMOVED) {
    delete parent[last];
  } else {
    parent[last] = value;
  }
  return copy;
}

const REMOVED = Symbol('removed');

const strangeValue = fc.oneof(
  fc.constant(REMOVED),
  fc.constantFrom(
    null,
    undefined,
    true,
    0,
    -0,
    -1,
    1.5,
    2 ** 53,
    Number.NaN,
    '',
    '12',
    'scan',
    'net',
  ),
  fc.constantFrom([], [1], [null], ['a'], {}, { after: 1, by: 2, evidence: 'scan' }),
  fc.anything(),
);

describe('the compiled codec agrees with zod', () => {
  test('every event that is frequent is compiled', () => {
    for (const option of eventSchema.options) {
      const name = option.shape.event.value;
      const isCompiled = compileEventCodec(option.shape) !== undefined;
      expect(isCompiled || ALWAYS_ZOD.includes(name), name).toBe(true);
    }
  });

  test('on events as they are, and on what is stored of them', () => {
    fc.assert(
      fc.property(storyArbitrary(50), (story) => {
        for (const event of tellStory(story).flat()) {
          const body = bodyByZod(event);
          expect(bodyByUs(event)).toBe(body);
          expect(readByUs(body ?? '', event)).toEqual(readByZod(body ?? '', event));
        }
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  test('on events with one value changed, removed or added anywhere', () => {
    fc.assert(
      fc.property(
        storyArbitrary(25),
        fc.nat(),
        fc.nat(),
        strangeValue,
        (story, eventIndex, pathIndex, value) => {
          const events = tellStory(story).flat();
          const event = events[eventIndex % events.length] ?? {};
          const paths = [...listPaths(event), ['stranger'], ['__proto__x']];
          const changed = change(event, paths[pathIndex % paths.length] ?? [], value);
          expect(bodyByUs(changed)).toBe(bodyByZod(changed));
        },
      ),
      { numRuns: 1_500 },
    );
  }, 60_000);

  test('on bodies with one value changed, removed or added anywhere', () => {
    fc.assert(
      fc.property(
        storyArbitrary(25),
        fc.nat(),
        fc.nat(),
        fc.oneof(fc.constant(REMOVED), fc.jsonValue(), strangeValue),
        (story, eventIndex, pathIndex, value) => {
          const events = tellStory(story).flat();
          const event = events[eventIndex % events.length];
          if (!event) {
            return;
          }
          const stored = JSON.parse(toStoredEvent(event).body) as object;
          const paths = [...listPaths(stored), ['stranger']];
          const changed = change(stored, paths[pathIndex % paths.length] ?? [], value);
          const body = toJson(changed);
          expect(readByUs(body, event)).toEqual(readByZod(body, event));
        },
      ),
      { numRuns: 1_500 },
    );
  }, 60_000);

  test('a body that is no object is refused as damaged', () => {
    for (const body of ['null', '1', '"x"', '[]', '{', '']) {
      const stored = { seq: 7, event: 'holder.lost', version: 1, at: 1, body };
      expect(() => fromStoredEvent(stored)).toThrow(/event 7 .* cannot be read/);
    }
  });

  test('an unknown event or version is refused, not guessed', () => {
    const body = JSON.stringify({ boot: 'b', reason: 'SIGTERM' });
    const stored = { seq: 1, event: 'collector.stopped', version: 1, at: 1, body };
    expect(fromStoredEvent(stored)).toMatchObject({ reason: 'SIGTERM' });
    expect(() => fromStoredEvent({ ...stored, version: 2 })).toThrow(/version 2/);
    expect(() => fromStoredEvent({ ...stored, event: 'collector.paused' })).toThrow(/paused/);
  });
});

/** Values that JSON cannot hold become null there, which is a change like any other. */
function toJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch {
    return 'null';
  }
}
