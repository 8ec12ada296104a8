import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { findInheritedSocket, listen, parseListenAddress } from '../../src/api/listen.ts';
import { isInstalled, skipNotice } from '../systemd/offline-root.ts';
import { ACTIVATOR, findFreePort, startActivated } from './activated-server.ts';
import { buildTestApp, send, TOKEN } from './app.ts';

function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'nsaudit-listen-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

describe('an address to listen on', () => {
  test.each([
    ['unix:/run/nsaudit/api.sock', { kind: 'unix', path: '/run/nsaudit/api.sock' }],
    ['unix:api.sock', { kind: 'unix', path: 'api.sock' }],
    ['127.0.0.1:8080', { kind: 'tcp', host: '127.0.0.1', port: 8080 }],
    ['127.0.0.1:0', { kind: 'tcp', host: '127.0.0.1', port: 0 }],
    ['localhost:8080', { kind: 'tcp', host: '127.0.0.1', port: 8080 }],
    ['[::1]:8080', { kind: 'tcp', host: '::1', port: 8080 }],
  ])('%s is understood', (text, address) => {
    expect(parseListenAddress(text)).toEqual(address);
  });

  test.each([
    '',
    '8080',
    ':8080',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '::1:80',
    'unix:',
    `unix:/${'a'.repeat(107)}`,
    '/run/x.sock',
    'http://127.0.0.1:80',
  ])('"%s" is refused with the accepted forms', (text) => {
    expect(() => parseListenAddress(text)).toThrow(
      /use unix:PATH, 127\.0\.0\.1:PORT or \[::1\]:PORT/,
    );
  });

  test.each(['0.0.0.0:80', '[::]:80', '192.0.2.1:80', 'host.example:80', '127.0.0.1.example:80'])(
    '%s is for other machines and has to be asked for',
    (text) => {
      expect(() => parseListenAddress(text)).toThrow(/other machines/);
      expect(parseListenAddress(text, { allowRemote: true })).toMatchObject({ kind: 'tcp' });
    },
  );
});

describe('a unix socket', () => {
  test('is for owner and group only, whatever the umask, and goes when the server goes', async () => {
    const path = join(makeDirectory(), 'api.sock');
    const previous = process.umask(0);
    onTestFinished(() => void process.umask(previous));
    const app = buildTestApp();
    expect(await listen(app, { kind: 'unix', path }, 'unix')).toBe(`unix:${path}`);
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect(process.umask()).toBe(0);
    const answer = await send({ socketPath: path, path: '/v1/state' });
    expect(answer.status).toBe(200);
    await app.close();
    expect(existsSync(path)).toBe(false);
  });

  test('that nobody answers on any more is replaced', async () => {
    const path = join(makeDirectory(), 'api.sock');
    await leaveStaleSocket(path);
    expect(statSync(path).isSocket()).toBe(true);
    await listen(buildTestApp(), { kind: 'unix', path }, 'unix');
    expect((await send({ socketPath: path, path: '/healthz' })).status).toBe(200);
  });

  test('that somebody answers on stays theirs', async () => {
    const path = join(makeDirectory(), 'api.sock');
    await listen(buildTestApp(), { kind: 'unix', path }, 'unix');
    const second = listen(buildTestApp(), { kind: 'unix', path }, 'unix');
    await expect(second).rejects.toMatchObject({
      code: 'busy',
      message: `${path} is in use (connected): stop the server that listens there, or choose another path.`,
    });
    expect((await send({ socketPath: path, path: '/healthz' })).status).toBe(200);
  });

  test('never replaces a file', async () => {
    const path = join(makeDirectory(), 'api.sock');
    writeFileSync(path, 'precious');
    const listening = listen(buildTestApp(), { kind: 'unix', path }, 'unix');
    await expect(listening).rejects.toMatchObject({ code: 'usage' });
    expect(statSync(path).isFile()).toBe(true);
  });

  test('in a directory that does not exist is an error that says so', async () => {
    const path = join(makeDirectory(), 'missing', 'api.sock');
    const listening = listen(buildTestApp(), { kind: 'unix', path }, 'unix');
    await expect(listening).rejects.toMatchObject({
      code: 'io',
      message: expect.stringContaining(path),
    });
  });
});

describe('a TCP address', () => {
  test('that is taken is busy', async () => {
    const options = { listener: 'tcp', token: TOKEN } as const;
    const url = await listen(buildTestApp(options), parseListenAddress('127.0.0.1:0'), 'tcp');
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const again = parseListenAddress(url.slice('http://'.length));
    await expect(listen(buildTestApp(options), again, 'tcp')).rejects.toMatchObject({
      code: 'busy',
    });
  });
});

describe('a socket from systemd', () => {
  test('is taken only when it was meant for this process', () => {
    const pid = 4711;
    const meant = { LISTEN_FDS: '1', LISTEN_PID: '4711' };
    expect(findInheritedSocket(meant, pid)).toEqual({ kind: 'inherited', fd: 3 });
    expect(findInheritedSocket({ ...meant, LISTEN_PID: '4712' }, pid)).toBeUndefined();
    expect(findInheritedSocket({ LISTEN_FDS: '1' }, pid)).toBeUndefined();
    expect(findInheritedSocket({ ...meant, LISTEN_FDS: '0' }, pid)).toBeUndefined();
    expect(findInheritedSocket({}, pid)).toBeUndefined();
    expect(() => findInheritedSocket({ ...meant, LISTEN_FDS: '2' }, pid)).toThrow(/2 sockets/);
  });
});

const missing = isInstalled(ACTIVATOR) ? [] : [ACTIVATOR];

describe.skipIf(missing.length > 0)(`${skipNotice(missing)}a socket that systemd passes`, () => {
  test('is served, and stays when the server goes', async () => {
    const directory = makeDirectory();
    const path = join(directory, 'api.sock');
    const server = await startActivated(directory, path);
    const answer = await send({ socketPath: path, path: '/' });
    expect(answer.status).toBe(200);
    expect(server.output()).toBe('at unix:inherited\n');
    expect(await server.stop()).toBe(0);
    expect(existsSync(path)).toBe(true);
  });

  test('is refused without a token when it is a TCP socket', async () => {
    const port = await findFreePort();
    const server = await startActivated(makeDirectory(), `127.0.0.1:${port}`);
    await expect(send({ host: '127.0.0.1', port, path: '/' })).rejects.toThrow(
      /ECONNRESET|ECONNREFUSED|hang up/,
    );
    await vi.waitFor(() => expect(server.output()).toMatch(/^usage: .*--token-file/), 5_000);
  });
});

/** The socket of a process that was killed: it is still there, and nobody accepts on it. */
async function leaveStaleSocket(path: string): Promise<void> {
  const script = `require('node:net').createServer().listen(process.argv[1], () => console.log('ready'))`;
  const child = spawn(process.execPath, ['--eval', script, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
