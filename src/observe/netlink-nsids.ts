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
import { nameErrno, openLibc, type Libc, type Missing } from './libc.ts';

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
  /** What we were told of since the last call. Notices that did not fit are counted as lost. */
  take(): NsidNotice[];
  readonly lostCount: number;
  /** Refusals by errno name. */
  refusals(): ReadonlyMap<string, number>;
  close(): void;
}

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2_000_000;
const NETLINK_ROUTE = 0;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const RTNLGRP_NSID = 28;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const MSG_DONTWAIT = 0x40;

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const RTM_NEWNSID = 88;
const RTM_DELNSID = 89;
const RTM_GETNSID = 90;
const NLM_F_REQUEST = 1;
const NLM_F_DUMP = 0x300;

const NETNSA_NSID = 1;
const NETNSA_PID = 2;
const NETNSA_FD = 3;
/** Stands for "no id". */
const NOT_ASSIGNED = -1;

/** `struct nlmsghdr`, then `struct rtgenmsg` with its padding, then attributes of 4 + 4 bytes. */
const HEADER_BYTES = 16;
const GENERIC_BYTES = 4;
const ATTRIBUTE_BYTES = 8;
/** `struct sockaddr_nl`. */
const ADDRESS_BYTES = 12;
const REPLY_BYTES = 64 * 1024;
/** A notice takes about a kilobyte of it. The kernel cuts this to net.core.rmem_max. */
const NOTICE_BUFFER_BYTES = 4 * 1024 * 1024;

const { EAGAIN, ENOBUFS, EINTR } = constants.errno;

interface Message {
  readonly type: number;
  readonly sequence: number;
  readonly body: Buffer;
}

/** Splits what one recv returned. What is cut short ends it. */
export function parseMessages(bytes: Buffer): Message[] {
  const messages: Message[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const length = bytes.readUInt32LE(at);
    if (length < HEADER_BYTES || at + length > bytes.length) {
      break;
    }
    messages.push({
      type: bytes.readUInt16LE(at + 4),
      sequence: bytes.readUInt32LE(at + 8),
      body: bytes.subarray(at + HEADER_BYTES, at + length),
    });
    at += align(length);
  }
  return messages;
}

/** The id in a message about one; null where it says that there is none, or nothing. */
export function parseNsid(body: Buffer): number | null {
  for (let at = GENERIC_BYTES; at + ATTRIBUTE_BYTES <= body.length;) {
    const length = body.readUInt16LE(at);
    if (body.readUInt16LE(at + 2) === NETNSA_NSID) {
      const nsid = body.readInt32LE(at + 4);
      return nsid === NOT_ASSIGNED ? null : nsid;
    }
    at += Math.max(align(length), GENERIC_BYTES);
  }
  return null;
}

/** A request for ids: of all, or of one namespace. */
export function buildRequest(
  sequence: number,
  about: readonly [kind: number, value: number] | null,
): Buffer {
  const request = Buffer.alloc(HEADER_BYTES + GENERIC_BYTES + (about ? ATTRIBUTE_BYTES : 0));
  request.writeUInt32LE(request.length, 0);
  request.writeUInt16LE(RTM_GETNSID, 4);
  request.writeUInt16LE(about ? NLM_F_REQUEST : NLM_F_REQUEST | NLM_F_DUMP, 6);
  request.writeUInt32LE(sequence, 8);
  if (about) {
    const [kind, value] = about;
    request.writeUInt16LE(ATTRIBUTE_BYTES, HEADER_BYTES + GENERIC_BYTES);
    request.writeUInt16LE(kind, HEADER_BYTES + GENERIC_BYTES + 2);
    request.writeUInt32LE(value, HEADER_BYTES + GENERIC_BYTES + 4);
  }
  return request;
}

function align(length: number): number {
  return (length + 3) & ~3;
}

/** Opens both sockets, or says in one sentence why not. Needs no privilege. */
export function openNsids(): NsidSource | Missing {
  const libc = openLibc();
  if ('missing' in libc) {
    return libc;
  }
  const calls = bindCalls(libc);
  const asking = calls.open();
  const told = calls.open();
  if (asking < 0 || told < 0 || calls.join(told) < 0) {
    const reason = nameErrno(libc.errno());
    [asking, told].filter((fd) => fd >= 0).forEach((fd) => closeSync(fd));
    return { missing: `Network namespace ids cannot be asked for (${reason}).` };
  }
  return createSource(calls, { asking, told });
}

interface Calls {
  open(): number;
  join(fd: number): number;
  send(fd: number, request: Buffer): number;
  /** Bytes of one message, or a negative errno. */
  receive(fd: number, buffer: Buffer): number;
}

function bindCalls({ koffi, errno }: Libc): Calls {
  const library = koffi.load(null);
  const socket = library.func('int socket(int, int, int)');
  const bind = library.func('int bind(int, uint8_t *, uint32_t)');
  const setOption = library.func('int setsockopt(int, int, int, uint8_t *, uint32_t)');
  const send = library.func('int64_t send(int, uint8_t *, size_t, int)');
  const receive = library.func('int64_t recv(int, uint8_t *, size_t, int)');
  const toOption = (value: number): Buffer => {
    const option = Buffer.alloc(4);
    option.writeInt32LE(value);
    return option;
  };
  return {
    open: () => socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE) as number,
    join(fd) {
      setOption(fd, SOL_SOCKET, SO_RCVBUF, toOption(NOTICE_BUFFER_BYTES), 4);
      // A socket without an address of its own is told nothing, and getting one leaves every group.
      const address = Buffer.alloc(ADDRESS_BYTES);
      address.writeUInt16LE(AF_NETLINK);
      const bound = bind(fd, address, address.length) as number;
      const group = toOption(RTNLGRP_NSID);
      return bound < 0
        ? bound
        : (setOption(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group, 4) as number);
    },
    send: (fd, request) => Number(send(fd, request, request.length, 0)),
    receive(fd, buffer) {
      const count = Number(receive(fd, buffer, buffer.length, MSG_DONTWAIT));
      return count < 0 ? -errno() : count;
    },
  };
}

function createSource(calls: Calls, fds: { asking: number; told: number }): NsidSource {
  const buffer = Buffer.alloc(REPLY_BYTES);
  const refused = new Map<string, number>();
  let sequence = 0;
  let lostCount = 0;
  const refuse = (errno: number): void => {
    const name = nameErrno(errno);
    refused.set(name, (refused.get(name) ?? 0) + 1);
  };

  /** Answers are there when send returns: the kernel makes them in the call, and more at each receive. */
  const request = (about: readonly [number, number] | null): Message[] | null => {
    sequence += 1;
    calls.send(fds.asking, buildRequest(sequence, about));
    const answers: Message[] = [];
    for (;;) {
      const count = calls.receive(fds.asking, buffer);
      if (count === -EINTR) {
        continue;
      }
      if (count <= 0) {
        refuse(count);
        return null;
      }
      const messages = parseMessages(Buffer.from(buffer.subarray(0, count)));
      // What is left of a question that broke off.
      answers.push(...messages.filter((message) => message.sequence === sequence));
      const last = answers.at(-1);
      if (last && (about !== null || last.type === NLMSG_DONE || last.type === NLMSG_ERROR)) {
        return answers;
      }
    }
  };

  return {
    list() {
      const answers = request(null);
      if (answers?.at(-1)?.type !== NLMSG_DONE) {
        return null;
      }
      return new Set(
        answers.flatMap(({ type, body }) => (type === RTM_NEWNSID ? (parseNsid(body) ?? []) : [])),
      );
    },
    ask(target) {
      const about = 'pid' in target ? [NETNSA_PID, target.pid] : [NETNSA_FD, target.fd];
      const [answer] = request([about[0] ?? 0, about[1] ?? 0]) ?? [];
      if (answer?.type === RTM_NEWNSID) {
        return parseNsid(answer.body);
      }
      if (answer?.type === NLMSG_ERROR) {
        refuse(answer.body.readInt32LE(0));
      }
      return 'unknown';
    },
    take() {
      const notices: NsidNotice[] = [];
      for (;;) {
        const count = calls.receive(fds.told, buffer);
        if (count === -ENOBUFS) {
          lostCount += 1;
        } else if (count === -EAGAIN || (count <= 0 && count !== -EINTR)) {
          return notices;
        }
        for (const { type, body } of parseMessages(buffer.subarray(0, Math.max(0, count)))) {
          const nsid = parseNsid(body);
          if (nsid !== null && (type === RTM_NEWNSID || type === RTM_DELNSID)) {
            notices.push({ kind: type === RTM_NEWNSID ? 'given' : 'removed', nsid });
          }
        }
      }
    },
    get lostCount() {
      return lostCount;
    },
    refusals: () => refused,
    close() {
      closeSync(fds.asking);
      closeSync(fds.told);
    },
  };
}
