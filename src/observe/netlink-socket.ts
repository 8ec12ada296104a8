/** The socket calls that asking about network namespace ids takes. Source: netlink(7), socket(2), recv(2). */
import type { Libc } from './libc.ts';

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

/** `struct sockaddr_nl`. */
const ADDRESS_BYTES = 12;
/** A notice takes about a kilobyte of it. The kernel cuts this to net.core.rmem_max. */
export const NOTICE_BUFFER_BYTES = 4 * 1024 * 1024;

export interface NetlinkCalls {
  /** A descriptor, or -1. */
  open(): number;
  /** Has the socket told of ids given and taken back; -1 when that is refused. */
  join(fd: number, bufferBytes: number): number;
  send(fd: number, request: Buffer): number;
  /** Bytes of one message, or a negative errno. */
  receive(fd: number, buffer: Buffer): number;
}

/** Sockets of NETLINK_ROUTE, through the C library. */
export function bindNetlinkCalls({ koffi, errno }: Libc): NetlinkCalls {
  const library = koffi.load(null);
  const socket = library.func('int socket(int, int, int)');
  const bind = library.func('int bind(int, uint8_t *, uint32_t)');
  const setOption = library.func('int setsockopt(int, int, int, uint8_t *, uint32_t)');
  const send = library.func('int64_t send(int, uint8_t *, size_t, int)');
  const receive = library.func('int64_t recv(int, uint8_t *, size_t, int)');
  return {
    open: () => socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE) as number,
    join(fd, bufferBytes) {
      setOption(fd, SOL_SOCKET, SO_RCVBUF, toOption(bufferBytes), 4);
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

function toOption(value: number): Buffer {
  const option = Buffer.alloc(4);
  option.writeInt32LE(value);
  return option;
}
