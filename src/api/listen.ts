/**
 * Where the API listens: a unix socket, a TCP address, or a socket that systemd opened.
 *
 * Promises:  a unix socket never has a mode wider than 0660, not even for a moment; a socket that
 *            somebody answers on is never taken away; TCP beyond this machine only when asked for.
 * Proved by: test/api/listen.test.ts
 *
 * Source: unix(7), sd_listen_fds(3).
 */
import { once } from 'node:events';
import { lstatSync, rmSync } from 'node:fs';
import { connect, type AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { NsauditError } from '../domain/errors.ts';

export type ListenAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** A listening socket that this process was started with. */
  | { readonly kind: 'inherited'; readonly fd: number };

/** One sentence part for help texts and errors. */
export const LISTEN_FORMS = 'unix:PATH, 127.0.0.1:PORT or [::1]:PORT (port 0 takes any free one)';

const TCP = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/;
const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|::1)$/;
const PORT_MAX = 65_535;
/** sizeof(sockaddr_un.sun_path) is 108 with the terminating zero: unix(7). */
const SOCKET_PATH_BYTES_MAX = 107;
const FIRST_INHERITED_FD = 3;
const SOCKET_MODE = 0o660;

/**
 * Parses what --listen takes. Names are not looked up, except `localhost`, which is 127.0.0.1.
 *
 * Errors: NsauditError `usage` naming the text and the accepted forms; also for an address that other
 * machines can reach, unless `allowRemote`.
 */
export function parseListenAddress(
  text: string,
  { allowRemote = false }: { allowRemote?: boolean } = {},
): ListenAddress {
  const address = text.startsWith('unix:') ? parsePath(text.slice(5)) : parseTcp(text);
  if (!address) {
    throw new NsauditError('usage', `cannot listen on "${text}": use ${LISTEN_FORMS}.`);
  }
  if (address.kind === 'tcp' && !allowRemote && !LOOPBACK.test(address.host)) {
    throw new NsauditError(
      'usage',
      `"${text}" can be reached from other machines and HTTP is not encrypted: listen on 127.0.0.1 and forward the port, for example with ssh -L.`,
    );
  }
  return address;
}

function parsePath(path: string): ListenAddress | undefined {
  const isUsable =
    path !== '' && !path.includes('\0') && Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX;
  return isUsable ? { kind: 'unix', path } : undefined;
}

function parseTcp(text: string): ListenAddress | undefined {
  const [, ipv6, name, digits] = TCP.exec(text) ?? [];
  const host = ipv6 ?? (name === 'localhost' ? '127.0.0.1' : name);
  const port = Number(digits);
  return host === undefined || port > PORT_MAX ? undefined : { kind: 'tcp', host, port };
}

/**
 * The socket that systemd passed to this very process, or undefined. `pid` is our own.
 *
 * Errors: NsauditError `usage` for more than one, because we would leave clients of the others waiting.
 */
export function findInheritedSocket(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): ListenAddress | undefined {
  const count = Number(environment['LISTEN_FDS'] ?? 0);
  if (environment['LISTEN_PID'] !== String(pid) || !Number.isInteger(count) || count < 1) {
    return undefined;
  }
  if (count > 1) {
    throw new NsauditError(
      'usage',
      `systemd passed ${count} sockets and nsaudit serves one: give the socket unit one ListenStream=.`,
    );
  }
  return { kind: 'inherited', fd: FIRST_INHERITED_FD };
}

/**
 * Starts listening and says where: `http://127.0.0.1:8080`, `unix:/run/nsaudit/api.sock`, or
 * `unix:inherited` for a socket that systemd opened and whose path it alone knows.
 * `app.close()` ends it and removes a unix socket that was made here. The app is closed on failure.
 *
 * Errors: NsauditError `busy` when somebody answers there already, `io` when the system refuses, `usage`
 * when the path is not a socket, or for an inherited TCP socket while the app `expects` a unix socket.
 */
export async function listen(
  app: FastifyInstance,
  address: ListenAddress,
  expects: 'unix' | 'tcp',
): Promise<string> {
  try {
    await app.ready();
    await bind(app, address);
    const bound = app.server.address();
    if (expects === 'unix' && isTcp(bound)) {
      throw new NsauditError(
        'usage',
        'the inherited socket is a TCP socket, which needs a token: give --token-file.',
      );
    }
    return toUrl(bound);
  } catch (error) {
    await app.close();
    throw error;
  }
}

type Bound = ReturnType<FastifyInstance['server']['address']>;

/** Node.js knows the path of a unix socket that it bound itself, and null of an inherited one. */
function isTcp(bound: Bound): bound is AddressInfo {
  return typeof bound === 'object' && bound !== null;
}

function toUrl(bound: Bound): string {
  if (!isTcp(bound)) {
    return `unix:${bound ?? 'inherited'}`;
  }
  const host = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  return `http://${host}:${bound.port}`;
}

async function bind(app: FastifyInstance, address: ListenAddress): Promise<void> {
  const { server } = app;
  try {
    if (address.kind === 'unix') {
      await removeStaleSocket(address.path);
    }
    const listening = once(server, 'listening');
    switch (address.kind) {
      case 'unix':
        listenOnPath(app, address.path);
        break;
      case 'tcp':
        server.listen({ host: address.host, port: address.port });
        break;
      case 'inherited':
        server.listen({ fd: address.fd });
        break;
    }
    await listening;
  } catch (cause) {
    throw cause instanceof NsauditError ? cause : toListenError(cause, address);
  }
}

/** The socket is bound before listen() returns, so the narrow umask meets no other file of this process. */
function listenOnPath({ server }: FastifyInstance, path: string): void {
  const previous = process.umask(0o777 & ~SOCKET_MODE);
  try {
    server.listen({ path });
  } finally {
    process.umask(previous);
  }
}

/** Removes a socket whose owner died without removing it: nobody accepts connections on it. */
async function removeStaleSocket(path: string): Promise<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (!stats) {
    return;
  }
  if (!stats.isSocket()) {
    throw new NsauditError('usage', `${path} exists and is not a socket: choose another path.`);
  }
  const outcome = await tryConnect(path);
  if (outcome === 'ECONNREFUSED') {
    rmSync(path, { force: true });
  } else if (outcome !== 'ENOENT') {
    throw new NsauditError(
      'busy',
      `${path} is in use (${outcome}): stop the server that listens there, or choose another path.`,
    );
  }
}

/** `connected`, or the errno of connect(2): ECONNREFUSED where the file outlived its listener. */
async function tryConnect(path: string): Promise<string> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return 'connected';
  } catch (error) {
    return errnoOf(error);
  } finally {
    socket.destroy();
  }
}

function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

function toListenError(cause: unknown, address: ListenAddress): NsauditError {
  const where = describe(address);
  const errno = errnoOf(cause);
  return errno === 'EADDRINUSE'
    ? new NsauditError(
        'busy',
        `${where} is in use: stop the server that listens there, or choose another address.`,
        { cause },
      )
    : new NsauditError('io', `cannot listen on ${where}: ${errno}.`, { cause });
}

function describe(address: ListenAddress): string {
  switch (address.kind) {
    case 'unix':
      return address.path;
    case 'tcp':
      return `${address.host}:${address.port}`;
    case 'inherited':
      return `the inherited descriptor ${address.fd}`;
  }
}
