/**
 * What one stream lost, exactly: each CPU numbers what it tells before it looks for room in the ring, so a
 * number that never arrives was told and had none.
 *
 * A number can also arrive late, because its writer was interrupted between counting and writing. So a hole
 * is told only when the owner says that nothing that old can come any more.
 */

/** The same in the unit of whoever notes: instants in `from` and `to` enclose what was lost. */
export interface Loss {
  readonly count: number;
  readonly from: number;
  readonly to: number;
}

export interface Numbered {
  readonly cpu: number;
  readonly seq: number;
  readonly count: number;
}

export interface LossWatch {
  /** A record arrived, which has `count` numbers up to `seq`. */
  note(record: Numbered, at: number): void;
  /** All records were read that a CPU had written when its number stood at `seq`, which was at `at`. */
  noteEnd(cpu: number, seq: number, at: number): void;
  /** The holes that ended by `limit`, as one loss; null where nothing was lost. Told once. */
  take(limit: number): Loss | null;
}

interface Hole {
  readonly cpu: number;
  first: number;
  last: number;
  readonly from: number;
  readonly to: number;
}

interface CpuState {
  next: number;
  lastAt: number;
}

export interface LossWatchStart {
  /** From when on this stream is watched. */
  readonly at: number;
  /** By CPU, the last number that is no longer waited for; a CPU that is not named starts with 1. */
  readonly seqs: readonly number[];
  /** Lost between `at` and `until` and known only as a count. */
  readonly lostCount: number;
  readonly until: number;
}

export function createLossWatch(start: LossWatchStart): LossWatch {
  const states = new Map<number, CpuState>();
  let holes: Hole[] = [];
  if (start.lostCount > 0) {
    holes.push({ cpu: -1, first: 1, last: start.lostCount, from: start.at, to: start.until });
  }

  function stateOf(cpu: number): CpuState {
    let state = states.get(cpu);
    if (state === undefined) {
      state = { next: (start.seqs[cpu] ?? 0) + 1, lastAt: start.at };
      states.set(cpu, state);
    }
    return state;
  }

  function fill(cpu: number, seq: number): void {
    const hole = holes.find((one) => one.cpu === cpu && one.first <= seq && seq <= one.last);
    if (hole === undefined) {
      return;
    }
    holes = holes.filter((one) => one !== hole);
    const parts = [
      { ...hole, last: seq - 1 },
      { ...hole, first: seq + 1 },
    ];
    holes.push(...parts.filter(({ first, last }) => first <= last));
  }

  return {
    note({ cpu, seq, count }, at) {
      if (count === 0) {
        return;
      }
      const state = stateOf(cpu);
      const first = seq - count + 1;
      if (first < state.next) {
        for (let late = first; late <= seq; late += 1) {
          fill(cpu, late);
        }
        return;
      }
      if (first > state.next) {
        holes.push({ cpu, first: state.next, last: first - 1, from: state.lastAt, to: at });
      }
      state.next = seq + 1;
      state.lastAt = at;
    },
    noteEnd(cpu, seq, at) {
      const state = stateOf(cpu);
      if (seq >= state.next) {
        holes.push({ cpu, first: state.next, last: seq, from: state.lastAt, to: at });
        state.next = seq + 1;
        state.lastAt = at;
      }
    },
    take(limit) {
      const ended = holes.filter(({ to }) => to <= limit);
      if (ended.length === 0) {
        return null;
      }
      holes = holes.filter(({ to }) => to > limit);
      return {
        count: ended.reduce((sum, { first, last }) => sum + last - first + 1, 0),
        from: Math.min(...ended.map(({ from }) => from)),
        to: Math.max(...ended.map(({ to }) => to)),
      };
    },
  };
}
