/**
 * The built program as the system sees it: streams, signals, exit statuses. Real processes, the real
 * /proc, a real state directory.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { isInstalled, skipNotice } from '../systemd/offline-root.ts';
import { MAIN_FILE, runProgram, startProgram, type Finished } from './built-program.ts';

const scratch = mkdtempSync(join(tmpdir(), 'nsaudit-main-'));
const stateDirectory = join(scratch, 'state');
const where = ['--state-dir', stateDirectory];

// A machine may be busy with other things, and each of these is several processes.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let collected: Finished;

beforeAll(async () => {
  collected = await runProgram(['collect', '--once', ...where]);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test('collect --once records what there is, says ready, and ends', () => {
  expect(collected).toMatchObject({ status: 0, stdout: '' });
  expect(collected.stderr).toMatch(/^ready /m);
});

/** systemd-socket-activate(1) listens, and executes a program when the first connection comes. */
const ACTIVATOR = 'systemd-socket-activate';

/** script(1) of util-linux gives a program a terminal. */
const TERMINAL_PROGRAM = 'script';

describe('streams', () => {
  test('a reader that goes away ends it quietly', async () => {
    for (const words of [
      ['--help'],
      ['events', '-o', 'ndjson', ...where],
      ['events', '-f', ...where],
    ]) {
      const program = startProgram(words);
      program.child.stdout?.destroy();
      expect(await program.finished, words.join(' ')).toMatchObject({
        status: 0,
        stderr: expect.not.stringContaining('nsaudit:'),
      });
    }
  });

  test('a disk that is full is an I/O error', async () => {
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = await runProgram(['state', '-q', ...where], {
      stdio: ['ignore', full, 'pipe'],
    });
    closeSync(full);
    expect(stderr).toBe(
      'nsaudit: cannot write the answer to stdout (ENOSPC: no space left on device, write).\n',
    );
    expect(status).toBe(74);
  });

  test('nothing is read from stdin: an open one that never ends holds up nothing', async () => {
    const program = startProgram(['state', ...where], { stdio: ['pipe', 'pipe', 'pipe'] });
    expect(await program.finished).toMatchObject({ status: 0 });
    program.child.stdin?.destroy();
  });

  test('a report needs no environment, no terminal and no stdin', async () => {
    const { status, stdout, stderr } = await runProgram(['report', 'summary', ...where], {
      environment: {},
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    for (const head of ['host', 'window', 'coverage', 'gaps', 'log position']) {
      expect(stdout).toMatch(new RegExp(`^${head} +\\S`, 'm'));
    }
  });

  test('what it prints does not depend on a terminal', async () => {
    const words = ['events', '-q', ...where];
    const program = startProgram(words);
    const plain = await program.finished;
    const typescript = join(scratch, 'typescript');
    const command = program.child.spawnargs.map((word) => `'${word}'`).join(' ');
    execFileSync(TERMINAL_PROGRAM, ['-qec', command, typescript], {
      stdio: 'ignore',
      env: { TERM: 'xterm-256color', PATH: process.env['PATH'] },
    });
    const shown = readFileSync(typescript, 'utf8')
      .split('\n')
      .filter((line) => !line.startsWith('Script '));
    expect(shown.join('\n').replaceAll('\r', '').trim()).toBe(
      `${plain.stdout}${plain.stderr}`.trim(),
    );
  });
});

describe('signals', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s stops a collector cleanly', async (signal) => {
    const own = ['--state-dir', join(scratch, signal)];
    const program = startProgram(['collect', '--scan-interval', '50ms', ...own]);
    await program.until(/^ready /m);
    program.child.kill(signal);
    expect(await program.finished).toMatchObject({ status: 0, signal: null, stdout: '' });
    const verified = await runProgram(['verify', ...own]);
    expect(verified.status).toBe(0);
    const eventCount = Number(/^events +(\d+)$/m.exec(verified.stdout)?.[1]);
    const words = ['events', '-q', '--after', String(eventCount - 1), '-o', 'ndjson', ...own];
    const { stdout } = await runProgram(words);
    expect(JSON.parse(stdout)).toMatchObject({ seq: eventCount, event: 'collector.stopped' });
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('%s ends --follow with exit 0', async (signal) => {
    const program = startProgram(['events', '-f', ...where]);
    await program.until(/collector\.stopped/);
    program.child.kill(signal);
    expect(await program.finished).toMatchObject({ status: 0, signal: null, stderr: '' });
  });
});

test('a second collector on the same state directory is told to come back later', async () => {
  const own = ['--state-dir', join(scratch, 'twice')];
  const first = startProgram(['collect', ...own]);
  await first.until(/^ready /m);
  const second = await runProgram(['collect', ...own]);
  first.child.kill('SIGTERM');
  await first.finished;
  expect(second.stderr).toMatch(/^nsaudit: [^\n]*\n$/);
  expect(second.status).toBe(75);
});

describe('serve', () => {
  test('on its unix socket, until it is stopped', async () => {
    const socketPath = join(stateDirectory, 'api.sock');
    const program = startProgram(['serve', '-q', ...where]);
    const [, url] = await program.until(/^listening on (.+)$/m);
    expect(url).toBe(`unix:${socketPath}`);
    const answer = await getOverSocket(socketPath, '/v1/state');
    const printed = await runProgram(['state', '-o', 'json', ...where]);
    expect(JSON.parse(answer)).toEqual(JSON.parse(printed.stdout));
    program.child.kill('SIGTERM');
    expect(await program.finished).toMatchObject({ status: 0, stdout: '' });
    expect(existsSync(socketPath)).toBe(false);
  });

  test('over TCP only with the token', async () => {
    const token = 'a-token-of-this-test-0123456789';
    const tokenFile = join(scratch, 'token');
    writeFileSync(tokenFile, `${token}\n`, { mode: 0o600 });
    const program = startProgram([
      'serve',
      '-q',
      '--listen',
      '127.0.0.1:0',
      '--token-file',
      tokenFile,
      ...where,
    ]);
    const [, url = ''] = await program.until(/^listening on (.+)$/m);
    const refused = await fetch(`${url}/v1/state`);
    const answered = await fetch(`${url}/v1/state`, {
      headers: { authorization: `Bearer ${token}` },
    });
    program.child.kill('SIGTERM');
    await program.finished;
    expect([refused.status, answered.status]).toEqual([401, 200]);
  });

  const missing = isInstalled(ACTIVATOR) ? [] : [ACTIVATOR];
  test.skipIf(missing.length > 0)(
    `${skipNotice(missing)}on the socket that systemd passes`,
    async () => {
      const socketPath = join(scratch, 'passed.sock');
      const words = [process.execPath, MAIN_FILE, 'serve', '-q', ...where];
      const child = spawn(ACTIVATOR, ['--listen', socketPath, ...words], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      await once(child.stderr, 'data');
      const answer = await getOverSocket(socketPath, '/v1/state');
      child.kill('SIGTERM');
      const [status] = (await once(child, 'exit')) as [number];
      expect(JSON.parse(answer)).toHaveProperty('data');
      expect(status).toBe(0);
      expect(existsSync(socketPath)).toBe(true);
    },
  );

  test('not with a token that others can read', async () => {
    const tokenFile = join(scratch, 'open-token');
    writeFileSync(tokenFile, 'a-token-of-this-test-0123456789\n', { mode: 0o644 });
    const words = ['serve', '--listen', '127.0.0.1:0', '--token-file', tokenFile, ...where];
    const { status, stderr } = await runProgram(words);
    expect(stderr).toContain('chmod 600');
    expect(status).toBe(2);
  });
});

describe('start', () => {
  const environment = { HOME: join(scratch, 'home'), PATH: process.env['PATH'] ?? '' };

  test('prints a URL that opens and a command that works as it stands', async () => {
    const program = startProgram(['start', '--scan-interval', '100ms'], { environment });
    const [, url = ''] = await program.until(/^ +open +(\S+)$/m);
    const [, command = ''] = await program.until(/^ +try +(.+)$/m);
    const page = await fetch(url, { redirect: 'manual' });
    const output = execFileSync('sh', ['-c', command], {
      cwd: '/',
      env: environment,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const collector = findCollector(program.child.pid);
    program.child.kill('SIGTERM');
    const finished = await program.finished;
    expect(page.status).toBe(303);
    expect(output).toMatch(/^ *LIFESPAN +TYPE +INUM/);
    expect(finished).toMatchObject({ status: 0, signal: null });
    expect(isRunning(collector)).toBe(false);
  });

  test('takes the collector with it, however it ends', async () => {
    const program = startProgram(['start'], { environment });
    await program.until(/^ +open /m);
    const collector = findCollector(program.child.pid);
    expect(isRunning(collector)).toBe(true);
    program.child.kill('SIGKILL');
    await program.finished;
    for (let attempts = 0; attempts < 100 && isRunning(collector); attempts += 1) {
      await sleep(50);
    }
    expect(isRunning(collector)).toBe(false);
  });

  test('ends with the status of a collector that cannot start', async () => {
    const own = ['--state-dir', join(scratch, 'taken')];
    const first = startProgram(['collect', ...own]);
    await first.until(/^ready /m);
    const second = await runProgram(['start', ...own], { environment });
    first.child.kill('SIGTERM');
    await first.finished;
    expect(second).toMatchObject({ status: 75, stdout: '' });
    expect(second.stderr).toMatch(/^nsaudit: [^\n]*\n$/);
  });
});

function findCollector(parent: number | undefined): number {
  const children = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim();
  return Number(children.split(' ')[0]);
}

/** Whether it is there and not a zombie that nobody has waited for. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\t[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function getOverSocket(socketPath: string, path: string): Promise<string> {
  return new Promise((settle, fail) => {
    request({ socketPath, path }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => settle(body));
    })
      .on('error', fail)
      .end();
  });
}
