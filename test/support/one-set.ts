/** One namespace set whose members come and go as kernel events would say, and the log of it. */
import { startDraft, type Draft } from '../../src/domain/draft.ts';
import type { AuditEvent } from '../../src/domain/event.ts';
import { evolve } from '../../src/domain/evolve.ts';
import type { GrowthPolicy } from '../../src/domain/growth-policy.ts';
import { emptyKnown, type Known } from '../../src/domain/known.ts';
import {
  openMemberBooks,
  type MemberBooks,
  type MemberGain,
  type OpenMemberBooks,
} from '../../src/domain/member-books.ts';
import { addAllMembers, addCountedWhenDue, settleMembers } from '../../src/domain/member-events.ts';
import type { ProcessFacts } from '../../src/domain/process-facts.ts';

export const SECOND_US = 1_000_000;
const HEARTBEAT_US = 60 * SECOND_US;
export const START_US = 1_000 * SECOND_US;
/** seq of namespace.born, after boot.started. */
export const LIFESPAN = 2;
/** seq of the holder.gained that introduces the set. */
const SET = 3;

type Limits = Pick<GrowthPolicy, 'holders' | 'movers'>;

/**
 * A collector that is told by the kernel who joins and leaves the set. Real: the books, the draft, the fold.
 */
export class OneSet {
  readonly log: AuditEvent[] = [];
  readonly known: Known = emptyKnown();
  readonly #limits: Limits;
  #books: MemberBooks = new Map();
  #atUs = START_US;
  #reconciledUs = START_US;
  readonly #inside = new Map<number, string>();
  #nextPid = 1;
  /** Who joined, by comm. */
  readonly joined = new Map<string, number>();
  lastLeft: number | null = null;

  readonly #facts: Partial<ProcessFacts>;

  constructor(limits: Limits, facts: Partial<ProcessFacts> = {}) {
    this.#limits = limits;
    this.#facts = facts;
    this.#write((draft) => {
      const boot = '0d5b4b9e-3f61-4c66-9a51-6f0f7c1f2ab3';
      const anchor = START_US;
      draft.add({
        event: 'boot.started',
        boot,
        kernel: '6.18.0',
        anchor,
        offsetUs: 0,
        previousBoot: null,
      });
      draft.add({
        event: 'namespace.born',
        lifespan: draft.nextSeq(),
        type: 'net',
        inum: 4_026_532_268,
        boot,
        nsfsDev: null,
        kernelNamespaceId: null,
        incarnation: 1,
        initial: false,
        suspected: false,
        born: exactly(START_US),
        creator: null,
        owner: null,
        parent: null,
        ownerUid: null,
      });
    });
  }

  get inside(): ReadonlyMap<number, string> {
    return this.#inside;
  }

  get books(): MemberBooks {
    return this.#books;
  }

  pass(us: number): void {
    this.#atUs += us;
  }

  join(comm: string, isMover = false): number {
    const pid = this.#nextPid;
    const isFirst = pid === 1;
    this.#nextPid += 1;
    this.#inside.set(pid, comm);
    this.joined.set(comm, (this.joined.get(comm) ?? 0) + 1);
    this.lastLeft = null;
    const gain = { ...toGain(pid, comm, this.#atUs, isFirst), ...this.#facts };
    this.#write((draft, books) => {
      const admission = { atUs: this.#atUs, isMover };
      if (books.admit(SET, gain, admission) === 'list') {
        draft.add(gain);
      }
    });
    return pid;
  }

  leave(pid: number): void {
    const to = exactly(this.#atUs);
    const isLeft = this.#inside.delete(pid) && this.#inside.size === 0;
    this.lastLeft = isLeft ? pid : null;
    this.#write((draft, books) => {
      const member = { pid, startTimeTicks: pid };
      const listed = [...this.known.holders.values()];
      if (!books.leave(SET, member, to, listed.length === 0)) {
        const holder = listed.find((other) => other.pid === pid)?.id ?? 0;
        const rest = { kind: 'process', pid, set: SET, lifespan: null, type: null } as const;
        draft.add({ event: 'holder.lost', holder, ...rest, how: null, to });
      }
    });
  }

  reconcile(): void {
    this.#write((draft, books) => {
      for (const { gain } of books.releaseOlder(this.#reconciledUs)) {
        draft.add(gain);
      }
      addCountedWhenDue(this.known, books, { atUs: this.#atUs, heartbeatUs: HEARTBEAT_US }, draft);
    });
    this.#reconciledUs = this.#atUs;
  }

  stop(): void {
    this.#write((draft, books) => addAllMembers(this.known, books, draft));
  }

  end(): void {
    this.#write((draft, books) => {
      const gone = exactly(this.#atUs);
      settleMembers({ known: this.known, books }, LIFESPAN, gone, draft);
      const subject = { lifespan: LIFESPAN, type: 'net', inum: 4_026_532_268 } as const;
      draft.add({ event: 'namespace.disappeared', ...subject, reason: 'destroyed', gone });
    });
    this.#inside.clear();
  }

  #write(add: (draft: Draft, books: OpenMemberBooks) => void): void {
    const draft = startDraft(this.known.position, this.#atUs);
    const books = openMemberBooks(this.#books, this.#limits);
    add(draft, books);
    this.#books = books.close(this.#atUs);
    for (const event of draft.events) {
      this.log.push(event);
      evolve(this.known, structuredClone(event));
    }
  }
}

/** Bounds of what the kernel said. */
export function exactly(atUs: number) {
  return { after: atUs, by: atUs, evidence: 'kernel-event' } as const;
}

function toGain(pid: number, comm: string, atUs: number, isFirst: boolean): MemberGain {
  return {
    event: 'holder.gained',
    kind: 'process',
    set: SET,
    lifespan: null,
    pid,
    tid: null,
    startTimeTicks: pid,
    fd: null,
    path: null,
    mountNamespace: null,
    socketInode: null,
    interface: null,
    namespace: null,
    type: null,
    namespaces: isFirst ? [LIFESPAN] : null,
    ppid: null,
    comm,
    exe: null,
    uid: 0,
    gid: 0,
    loginuid: null,
    session: null,
    cgroup: null,
    containerId: null,
    how: 'fork',
    ancestors: null,
    observer: null,
    from: exactly(atUs),
  };
}
