/**
 * Network namespace ids as the network namespace that we are in counts them: read, never given.
 *
 * Two sockets: one asks (RTM_GETNSID), one is told of ids given and taken back (RTNLGRP_NSID). Nothing that
 * is sent here changes anything: the kernel gives an id on RTM_NEWNSID alone, which we never send. An id is
 * taken back when, and only when, the namespace it denotes is being cleaned up after its last reference.
 *
 * Source: netlink(7), rtnetlink(7); include/uapi/linux/net_namespace.h, rtnetlink.h; kernel
 * net/core/net_namespace.c rtnl_net_getid, rtnl_net_dumpid, unhash_nsid, rtnl_net_notifyid.
 */
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { nameErrno, openLibc, type Missing } from './libc.ts';
import { bindNetlinkCalls, NOTICE_BUFFER_BYTES, type NetlinkCalls } from './netlink-socket.ts';
import {
  buildRequest,
  NETNSA_FD,
  NETNSA_PID,
  NLMSG_DONE,
  NLMSG_ERROR,
  parseMessages,
  parseNsid,
  RTM_DELNSID,
  RTM_NEWNSID,
  type Message,
} from './nsid-message.ts';

export interface NsidNotice {
  readonly kind: 'given' | 'removed';
  readonly nsid: number;
}

/** An id; null where there is none; `unknown` where the kernel would not say, which is counted. */
export type NsidAnswer = number | null | 'unknown';

export interface NsidSource {
  /** Every id that counts here at this moment; null when the kernel broke off its list. */
  list(): ReadonlySet<number> | null;
  /** The id of the network namespace of a process, or of the one that a descriptor refers to. */
  ask(target: { readonly pid: number } | { readonly fd: number }): NsidAnswer;
  /**
   * What we were told of since the last call. `hasLost`: some did not fit; how many, the kernel does not say
   * (ENOBUFS in netlink(7)).
   */
  take(): { readonly notices: readonly NsidNotice[]; readonly hasLost: boolean };
  /** Refusals by errno name. */
  refusals(): ReadonlyMap<string, number>;
  close(): void;
}

const REPLY_BYTES = 64 * 1024;
const { ENOBUFS, EINTR } = constants.errno;

/**
 * Opens both sockets, or says in one sentence why not. Needs no privilege. `bufferBytes`: what notices that wait
 * may take.
 */
export function openNsids(bufferBytes = NOTICE_BUFFER_BYTES): NsidSource | Missing {
  const libc = openLibc();
  if ('missing' in libc) {
    return libc;
  }
  const calls = bindNetlinkCalls(libc);
  const asking = calls.open();
  const told = calls.open();
  if (asking < 0 || told < 0 || calls.join(told, bufferBytes) < 0) {
    const reason = nameErrno(libc.errno());
    [asking, told].filter((fd) => fd >= 0).forEach((fd) => closeSync(fd));
    return { missing: `Network namespace ids cannot be asked for (${reason}).` };
  }
  return createSource(calls, { asking, told });
}

interface Asking {
  readonly calls: NetlinkCalls;
  readonly fd: number;
  readonly buffer: Buffer;
  readonly refuse: (errno: number) => void;
}

/**
 * Answers are there when send returns: the kernel makes them in the call, and more at each receive. Null
 * when it breaks off.
 */
function exchange(
  { calls, fd, buffer, refuse }: Asking,
  sequence: number,
  about: readonly [number, number] | null,
): Message[] | null {
  calls.send(fd, buildRequest(sequence, about));
  const answers: Message[] = [];
  for (;;) {
    const count = calls.receive(fd, buffer);
    if (count === -EINTR) {
      continue;
    }
    if (count <= 0) {
      refuse(count);
      return null;
    }
    const messages = parseMessages(Buffer.from(buffer.subarray(0, count)));
    // What is left of a question that broke off has another number.
    answers.push(...messages.filter((message) => message.sequence === sequence));
    const last = answers.at(-1);
    if (last && (about !== null || last.type === NLMSG_DONE || last.type === NLMSG_ERROR)) {
      return answers;
    }
  }
}

/** Every notice that waits, and whether some were dropped before. */
function takeNotices(
  calls: NetlinkCalls,
  fd: number,
  buffer: Buffer,
): { readonly notices: NsidNotice[]; readonly hasLost: boolean } {
  const notices: NsidNotice[] = [];
  for (let hasLost = false; ;) {
    const count = calls.receive(fd, buffer);
    if (count === -ENOBUFS) {
      hasLost = true;
    } else if (count <= 0 && count !== -EINTR) {
      return { notices, hasLost };
    }
    for (const { type, body } of parseMessages(buffer.subarray(0, Math.max(0, count)))) {
      const nsid = parseNsid(body);
      if (nsid !== null && (type === RTM_NEWNSID || type === RTM_DELNSID)) {
        notices.push({ kind: type === RTM_NEWNSID ? 'given' : 'removed', nsid });
      }
    }
  }
}

function createSource(calls: NetlinkCalls, fds: { asking: number; told: number }): NsidSource {
  const buffer = Buffer.alloc(REPLY_BYTES);
  const refused = new Map<string, number>();
  let sequence = 0;
  const refuse = (errno: number): void => {
    const name = nameErrno(errno);
    refused.set(name, (refused.get(name) ?? 0) + 1);
  };
  const ask = (about: readonly [number, number] | null): Message[] | null => {
    sequence += 1;
    return exchange({ calls, fd: fds.asking, buffer, refuse }, sequence, about);
  };
  return {
    list() {
      const answers = ask(null);
      if (answers?.at(-1)?.type !== NLMSG_DONE) {
        return null;
      }
      return new Set(
        answers.flatMap(({ type, body }) => (type === RTM_NEWNSID ? (parseNsid(body) ?? []) : [])),
      );
    },
    ask(target) {
      const about = 'pid' in target ? [NETNSA_PID, target.pid] : [NETNSA_FD, target.fd];
      const [answer] = ask([about[0] ?? 0, about[1] ?? 0]) ?? [];
      if (answer?.type === RTM_NEWNSID) {
        return parseNsid(answer.body);
      }
      if (answer?.type === NLMSG_ERROR) {
        refuse(answer.body.readInt32LE(0));
      }
      return 'unknown';
    },
    take: () => takeNotices(calls, fds.told, buffer),
    refusals: () => refused,
    close() {
      closeSync(fds.asking);
      closeSync(fds.told);
    },
  };
}
