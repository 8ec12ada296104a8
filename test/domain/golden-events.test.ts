/**
 * Stored events of every type and version that was ever written still read, as today's shape.
 *
 * golden-events/NAME.vN.ndjson has rows of `event` as the versions of nsaudit that first had their fields wrote
 * them, with their leaf hashes: these files only grow. NAME.vN.decoded.txt beside it is what is read from them
 * today; a field that was added shows there (vitest -u).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  EVENT_NAMES,
  fromStoredEvent,
  toStoredEvent,
  type StoredEvent,
} from '../../src/domain/event.ts';
import { currentVersion, upcast, UPCASTERS, type Upcasters } from '../../src/domain/upcast.ts';
import { hashLeaf } from '../../src/store/log-hash.ts';

const DIRECTORY = join(import.meta.dirname, 'golden-events');
const FILES = readdirSync(DIRECTORY).filter((name) => name.endsWith('.ndjson'));

interface GoldenRow extends StoredEvent {
  /** Hexadecimal. */
  readonly leaf: string;
}

function readRows(file: string): GoldenRow[] {
  return readFileSync(join(DIRECTORY, file), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as GoldenRow);
}

test('there is a golden file for every event in every version, and for nothing else', () => {
  const expected = EVENT_NAMES.flatMap((name) =>
    Array.from({ length: currentVersion(name) }, (_, index) => `${name}.v${index + 1}.ndjson`),
  );
  expect(FILES.toSorted()).toEqual(expected.toSorted());
  expect(
    Object.keys(UPCASTERS).filter((name) => !EVENT_NAMES.some((known) => known === name)),
  ).toEqual([]);
});

describe.each(FILES)('%s', (file) => {
  const [, event = '', version = ''] = /^(.*)\.v(\d+)\.ndjson$/.exec(file) ?? [];

  test('has the bytes that were hashed when they were written', () => {
    for (const { leaf, ...stored } of readRows(file)) {
      expect(stored).toMatchObject({ event, version: Number(version) });
      expect(hashLeaf(stored).toString('hex'), `event ${stored.seq}`).toBe(leaf);
    }
  });

  test('reads as today’s shape, which is stored and read back as itself', async () => {
    const decoded = readRows(file).map((stored) => fromStoredEvent(stored));
    for (const each of decoded) {
      expect(each.version).toBe(currentVersion(event));
      expect(fromStoredEvent(toStoredEvent(each))).toEqual(each);
    }
    const text = decoded.map((each) => `${JSON.stringify(each, null, 1)}\n`).join('');
    await expect(text).toMatchFileSnapshot(join(DIRECTORY, `${event}.v${version}.decoded.txt`));
  });
});

describe('a body of an earlier version', () => {
  /** As they would be if `reason` had become `why`, and that a list. */
  const upcasters: Upcasters = {
    'collector.stopped': [
      ({ reason, ...rest }) => ({ ...rest, why: reason }),
      (body) => ({ ...body, why: [body['why']] }),
    ],
  };

  test.each([
    [1, { boot: 'b', reason: 'signal' }],
    [2, { boot: 'b', why: 'signal' }],
    [3, { boot: 'b', why: ['signal'] }],
  ])('version %i is brought to the newest, step by step', (version, body) => {
    expect(currentVersion('collector.stopped', upcasters)).toBe(3);
    expect(upcast('collector.stopped', { version, body }, upcasters)).toEqual({
      version: 3,
      body: { boot: 'b', why: ['signal'] },
    });
  });

  test('one of a newer version, and events without upcasters, stay as they are', () => {
    const newer = { version: 4, body: { boot: 'b' } };
    expect(upcast('collector.stopped', newer, upcasters)).toEqual(newer);
    expect(upcast('holder.lost', newer, upcasters)).toBe(newer);
  });
});
