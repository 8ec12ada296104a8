/** Births beyond the limit of a user: each is listed or counted, and only short ones that nobody else held are counted. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  emptyBirthBooks,
  openBirthBooks,
  type BirthBooks,
  type NewLife,
} from '../../src/domain/birth-books.ts';
import { countBirth, isStorming, NO_BIRTHS } from '../../src/domain/birth-rate.ts';
import { startDraft } from '../../src/domain/draft.ts';
import { fromStoredEvent, toStoredEvent, type EventOf } from '../../src/domain/event.ts';
import type { NamespaceKey } from '../../src/domain/namespace-type.ts';
import { only } from '../support/scan-builder.ts';

const SECOND_US = 1_000_000;
const START_US = 1_000 * SECOND_US;
const LIMITS = { perMinuteMax: 10, shortLifeUs: SECOND_US };

function life(
  id: number,
  bornUs: number,
  { pid = 50, uid = 1_000 }: { pid?: number; uid?: number | null } = {},
): NewLife {
  const creator = {
    pid,
    startTimeTicks: 100,
    ppid: 1,
    comm: 'storm',
    exe: '/bin/storm',
    uid,
    gid: 0,
    loginuid: null,
    session: null,
    cgroup: null,
    containerId: null,
    how: 'unshare',
    evidence: 'kernel-event',
  } as const;
  return { type: 'uts', kernelNamespaceId: String(id), creator, bornUs };
}

function key(inum: number): NamespaceKey {
  return `uts:${inum}`;
}

/** Keeps books over many batches, one for each call. */
class Keeper {
  readonly stormed: EventOf<'namespaces.stormed'>[] = [];
  listed = 0;
  #books: BirthBooks<null> = emptyBirthBooks();

  open<Result>(
    atUs: number,
    work: (books: ReturnType<typeof openBirthBooks<null>>) => Result,
  ): Result {
    const books = openBirthBooks(this.#books, LIMITS);
    const result = work(books);
    this.#books = books.close(atUs);
    return result;
  }

  get books(): BirthBooks<null> {
    return this.#books;
  }

  bear(inum: number, newLife: NewLife): 'list' | 'pend' {
    return this.open(newLife.bornUs, (books) => {
      const verdict = books.admit(key(inum), newLife, null);
      this.listed += Number(verdict === 'list');
      return verdict;
    });
  }

  flush(atUs: number, everyUs = 0): void {
    const draft = startDraft(0, atUs);
    this.open(atUs, (books) => books.addStorms({ atUs, everyUs }, draft));
    // Through the stored form, so that nothing is lost in storage.
    const events = draft.events.map((event) => fromStoredEvent(toStoredEvent(event)));
    this.stormed.push(...only(events, 'namespaces.stormed'));
  }
}

describe('the rate', () => {
  test('counts what was born in the second it is and the 59 before', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5_000_000), { maxLength: 200 }), (waits) => {
        let rate = NO_BIRTHS;
        let atUs = START_US;
        const births: number[] = [];
        for (const waitUs of waits) {
          atUs += waitUs;
          births.push(atUs);
          rate = countBirth(rate, atUs);
          const oldest = Math.floor(atUs / SECOND_US) - 59;
          const expected = births.filter((bornUs) => Math.floor(bornUs / SECOND_US) >= oldest);
          expect(rate.total).toBe(expected.length);
          expect(isStorming(rate, atUs, expected.length)).toBe(false);
          expect(isStorming(rate, atUs, expected.length - 1)).toBe(true);
          expect(rate.seconds.length).toBeLessThanOrEqual(60);
        }
      }),
    );
  });
});

describe('a storm', () => {
  test('counts exactly the short lives beyond the limit, with first and last', () => {
    const keeper = new Keeper();
    for (let index = 0; index < 1_000; index += 1) {
      const atUs = START_US + index * 100;
      keeper.bear(index, life(index, atUs));
      keeper.open(atUs + 50, (books) => books.end(key(index), atUs + 50));
    }
    keeper.flush(START_US + SECOND_US);
    expect(keeper.listed).toBe(10);
    expect(keeper.stormed).toMatchObject([
      {
        count: 990,
        creators: 'one',
        creator: { pid: 50 },
        firstKernelNamespaceId: '10',
        lastKernelNamespaceId: '999',
        from: START_US + 1_000,
        to: START_US + 99_950,
      },
    ]);
    expect(keeper.books.pending.size).toBe(0);
  });

  test('is over when the user makes fewer again', () => {
    const keeper = new Keeper();
    for (let index = 0; index < 20; index += 1) {
      keeper.bear(index, life(index, START_US));
    }
    expect(keeper.bear(20, life(20, START_US + 59 * SECOND_US))).toBe('pend');
    expect(keeper.bear(21, life(21, START_US + 61 * SECOND_US))).toBe('list');
  });

  test('of one user is none of another, nor of somebody unknown', () => {
    const keeper = new Keeper();
    for (let index = 0; index < 20; index += 1) {
      keeper.bear(index, life(index, START_US));
    }
    expect(keeper.bear(20, life(20, START_US, { uid: 1_001 }))).toBe('list');
    expect(keeper.bear(21, life(21, START_US, { uid: null }))).toBe('list');
  });

  test('does not hide a life that is not short', () => {
    const keeper = new Keeper();
    for (let index = 0; index < 12; index += 1) {
      keeper.bear(index, life(index, START_US + index));
    }
    const overdue = keeper.open(START_US + SECOND_US + 10, (books) => ({
      early: books.releaseOverdue(START_US + SECOND_US),
      due: books.releaseOverdue(START_US + SECOND_US + 10).map(([name]) => name),
      isCounted: books.end(key(11), START_US + SECOND_US + 11),
    }));
    expect(overdue).toEqual({ early: [], due: [key(10)], isCounted: false });
    expect(keeper.books.pending.has(key(11))).toBe(true);
  });

  test('does not hide a life that somebody else held', () => {
    const keeper = new Keeper();
    for (let index = 0; index < 12; index += 1) {
      keeper.bear(index, life(index, START_US));
    }
    const result = keeper.open(START_US + 10, (books) => ({
      released: books.release(key(10))?.life.kernelNamespaceId,
      isCounted: books.end(key(10), START_US + 20),
    }));
    expect(result).toEqual({ released: '10', isCounted: false });
  });

  test('is written when it has been counted for long enough, and then begins anew', () => {
    const keeper = new Keeper();
    for (let index = 0; index < 300; index += 1) {
      const atUs = START_US + index * 10_000;
      keeper.bear(index, life(index, atUs));
      keeper.open(atUs, (books) => books.end(key(index), atUs));
      keeper.flush(atUs, SECOND_US);
    }
    keeper.flush(START_US + 4 * SECOND_US);
    expect(keeper.stormed).toHaveLength(3);
    expect(keeper.stormed.reduce((sum, { count }) => sum + count, 0)).toBe(290);
  });

  test('of a process for each birth is not an event for each birth', () => {
    const keeper = new Keeper();
    for (let index = 0; index < 500; index += 1) {
      keeper.bear(index, life(index, START_US + index, { pid: 100 + index }));
      keeper.open(START_US + index, (books) => books.end(key(index), START_US + index));
    }
    keeper.flush(START_US + SECOND_US);
    expect(keeper.stormed).toHaveLength(17);
    expect(keeper.stormed.reduce((sum, { count }) => sum + count, 0)).toBe(490);
    expect(keeper.stormed.filter(({ creators }) => creators === 'several')).toHaveLength(1);
  });

  test('lists or counts every birth once, whatever comes', () => {
    const step = fc.record({
      do: fc.constantFrom('bear', 'bear', 'end', 'release', 'overdue', 'flush'),
      pid: fc.integer({ min: 50, max: 80 }),
      waitUs: fc.nat(700_000),
      choice: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
        const keeper = new Keeper();
        let atUs = START_US;
        let born = 0;
        for (const { do: what, pid, waitUs, choice } of steps) {
          atUs += waitUs;
          const open = [...keeper.books.pending.keys()];
          const chosen = open[choice % Math.max(1, open.length)] ?? key(-1);
          if (what === 'bear') {
            keeper.bear(born, life(born, atUs, { pid }));
            born += 1;
          } else if (what === 'end') {
            keeper.open(atUs, (books) => books.end(chosen, atUs));
          } else if (what === 'release') {
            keeper.listed += Number(
              keeper.open(atUs, (books) => books.release(chosen)) !== undefined,
            );
          } else if (what === 'overdue') {
            keeper.listed += keeper.open(atUs, (books) => books.releaseOverdue(atUs)).length;
          } else {
            keeper.flush(atUs, SECOND_US);
          }
        }
        keeper.flush(atUs);
        const counted = keeper.stormed.reduce((sum, { count }) => sum + count, 0);
        expect(keeper.listed + counted + keeper.books.pending.size).toBe(born);
      }),
    );
  });
});
