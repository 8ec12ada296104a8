/**
 * The bytes of questions and answers about network namespace ids. Pure.
 *
 * Source: netlink(7), rtnetlink(7); include/uapi/linux/net_namespace.h, rtnetlink.h.
 */

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const RTM_NEWNSID = 88;
export const RTM_DELNSID = 89;
const RTM_GETNSID = 90;
const NLM_F_REQUEST = 1;
const NLM_F_DUMP = 0x300;

const NETNSA_NSID = 1;
export const NETNSA_PID = 2;
export const NETNSA_FD = 3;
/** Stands for "no id". */
const NOT_ASSIGNED = -1;

/** `struct nlmsghdr`, then `struct rtgenmsg` with its padding, then attributes of 4 + 4 bytes. */
const HEADER_BYTES = 16;
const GENERIC_BYTES = 4;
const ATTRIBUTE_BYTES = 8;

export interface Message {
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
