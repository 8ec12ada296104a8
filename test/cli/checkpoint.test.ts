/**
 * From a key to a verdict, as a user goes: make a key, collect, keep a checkpoint elsewhere, verify, prove one
 * event to somebody who has no log.
 *
 * Real: everything but the proc tree.
 */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildApp } from '../../src/api/build-app.ts';
import type { CheckpointJson, ProofJson } from '../../src/history/history.ts';
import { openHistory } from '../../src/history/open-history.ts';
import { signCheckpoint } from '../../src/store/checkpoint-note.ts';
import { toSigner } from '../../src/store/signed-note.ts';
import { makeKey } from '../store/checkpoints.ts';
import { rehashBatch, rehashEvent, tamper } from '../store/tamper.ts';
import { createProcTree, type ProcTree } from '../support/proc-tree.ts';
import { runWords, type Outcome, type World } from './run-words.ts';

const scratch = mkdtempSync(join(tmpdir(), 'nsaudit-checkpoint-'));
const [state, key, note, publicKey] = ['state', 'key.pem', 'kept.note', 'log.pub'].map((name) =>
  join(scratch, name),
) as [string, string, string, string];
let tree: ProcTree;
let made: Outcome;
let collected: Outcome;

function ask(...words: string[]): Promise<Outcome> {
  return runWords([...words, '--state-dir', state], { nowUs: Date.now() * 1_000, userId: 0 });
}

function collect(options: readonly string[], world: World = {}, where = state): Promise<Outcome> {
  const words = ['collect', '--once', '--profile', 'procfs', '--proc-root', tree.root, '-q'];
  const userId = process.getuid?.() ?? 0;
  return runWords([...words, '--state-dir', where, ...options], { userId, ...world });
}

beforeAll(async () => {
  tree = createProcTree();
  tree.write('sys/kernel/random/boot_id', '5e98bcd4-8de7-4e45-babe-ffdf1b3658aa\n');
  tree.write('sys/kernel/osrelease', '6.1.0-test\n');
  tree.link('uptime', '/proc/uptime');
  tree.write('self/status', 'CapEff:\t0000000000080004\n');
  tree.write('self/mountinfo', '');
  tree.addProcess(1);
  made = await runWords(['checkpoint', '--make-key', key]);
  collected = await collect(['--checkpoint-key', key, '--checkpoint-file', note]);
  const { stdout } = await ask('checkpoint', '-o', 'json');
  writeFileSync(publicKey, `# host\n${(JSON.parse(stdout) as CheckpointJson).publicKey ?? ''}\n`);
});

afterAll(() => {
  tree.remove();
  rmSync(scratch, { recursive: true, force: true });
});

describe('a key', () => {
  test('is made for its owner alone, and replaces nothing', async () => {
    expect(made).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(statSync(key).mode & 0o777).toBe(0o600);
    const again = await runWords(['checkpoint', '--make-key', key]);
    expect(again).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/replaces nothing/) as string,
    });
  });

  test('that others may read is refused in one sentence', async () => {
    const open = join(scratch, 'open.pem');
    writeFileSync(open, readFileSync(key));
    chmodSync(open, 0o640);
    const { status, stderr } = await collect(['--checkpoint-key', open], {}, join(scratch, 'none'));
    expect(status).toBe(2);
    expect(stderr).toMatch(/^nsaudit: others have access to the key file .*\(mode 0640\).*\n$/);
  });

  test('that is none is refused, and its content is not shown', async () => {
    const wrong = join(scratch, 'wrong.pem');
    writeFileSync(wrong, 'a secret', { mode: 0o600 });
    const { status, stderr } = await collect(
      ['--checkpoint-key', wrong],
      {},
      join(scratch, 'none'),
    );
    expect(status).toBe(2);
    expect(stderr).toMatch(/holds no Ed25519 private key/);
    expect(stderr).not.toMatch(/a secret/);
  });

  test('may be a credential that systemd passes', async () => {
    const credentials = join(scratch, 'credentials');
    mkdirSync(credentials);
    writeFileSync(join(credentials, 'checkpoint.key'), readFileSync(key));
    const environment = { CREDENTIALS_DIRECTORY: credentials };
    const { status, stdout } = await collect([], { environment }, join(scratch, 'other'));
    expect(status).toBe(0);
    expect(stdout).toMatch(/^nsaudit\//);
  });

  test.each([
    [['--witness', 'http://127.0.0.1:9'], /--witness needs a key to sign with/],
    [['--checkpoint-file', 'x'], /--checkpoint-file needs a key to sign with/],
    [['--checkpoint-key', key, '--witness', 'http://127.0.0.1:9'], /needs the key by which/],
    [['--checkpoint-key', key, '--witness', 'ftp://x'], /no http or https address/],
    [['--checkpoint-key', key, '--checkpoint-interval', '1ms'], /no span of time/],
    [
      ['--checkpoint-key', key, '--witness', 'http://x', '--witness-key', 'a+00000000+AA=='],
      /no verifier key/,
    ],
  ])('goes with its options: %j', async (options, says) => {
    const { status, stderr } = await collect(options, {}, join(scratch, 'none'));
    expect(status).toBe(2);
    expect(stderr).toMatch(says);
  });
});

describe('a checkpoint', () => {
  test('is what collect printed last, the file holds, the command prints and the API serves', async () => {
    expect(collected.status).toBe(0);
    const kept = readFileSync(note, 'utf8');
    expect(collected.stdout.endsWith(kept)).toBe(true);
    const { stdout } = await ask('checkpoint');
    expect(stdout).toBe(kept);
    const history = openHistory({ stateDirectory: state });
    const app = buildApp({ history, version: '0', nowUs: () => 0, listener: 'unix' });
    const response = await app.inject('/v1/checkpoint');
    await app.close();
    history.close();
    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(response.body).toBe(kept);
  });

  test('the last one covers the stop', async () => {
    const { stdout } = await ask('events', '-o', 'json', '-n', '1000');
    const { data } = JSON.parse(stdout) as {
      data: { seq: number; event: string; size?: number }[];
    };
    const stop = data.findLast(({ event }) => event === 'collector.stopped');
    const last = data.at(-1);
    expect(last).toMatchObject({ event: 'checkpoint.published', size: (last?.seq ?? 0) - 1 });
    expect(last?.size).toBeGreaterThanOrEqual(stop?.seq ?? Infinity);
  });
});

describe('verify', () => {
  test('says verified with a kept checkpoint and its key, in both formats', async () => {
    const words = ['verify', '--checkpoint', note, '--public-key', publicKey, '--require-witness'];
    const { status, stdout, stderr } = await ask(...words);
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(stdout).toMatch(/^verdict +verified\n/);
    expect(stderr).toMatch(/Verified are events 1 to \d+/);
    const json = JSON.parse((await ask(...words, '-o', 'json')).stdout) as object;
    expect(json).toMatchObject({
      verdict: 'verified',
      witness: { from: 'kept', unwitnessed: 1, cosignedAt: null },
      fault: null,
    });
  });

  test('does not without, and --require-witness makes that exit 3', async () => {
    expect(await ask('verify')).toMatchObject({ status: 0 });
    const { status, stdout } = await ask('verify', '--require-witness', '-o', 'json');
    expect(status).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ verdict: 'self-consistent', witness: null });
  });

  test('refuses a checkpoint that no key was given for, or that the key did not sign', async () => {
    expect(await ask('verify', '--checkpoint', note)).toMatchObject({ status: 2 });
    const forged = join(scratch, 'forged.note');
    writeFileSync(forged, readFileSync(note, 'utf8').replace(/\n(\d+)\n/, '\n1\n'));
    const words = ['verify', '--checkpoint', forged, '--public-key', publicKey];
    expect(await ask(...words)).toMatchObject({ status: 4, stdout: '' });
  });

  test('names the checkpoints that no given key signed, and what to do: the log was not compared with them', async () => {
    const mixed = join(scratch, 'mixed.note');
    const own = readFileSync(note, 'utf8');
    const other = toSigner('other.example', makeKey());
    const foreign = { origin: 'other.example', size: 99_999, root: Buffer.alloc(32) };
    writeFileSync(mixed, `${own}${signCheckpoint(foreign, other)}`);
    const words = ['verify', '--checkpoint', mixed, '--public-key', publicKey];
    const signedBy = `other.example+${other.verifier.id}`;
    const { status, stdout, stderr } = await ask(...words);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^verdict +verified\n/);
    expect(stderr.split('\n').filter((line) => line.includes('none of the keys'))).toEqual([
      `nsaudit: 1 of 2 checkpoints in ${mixed} are signed by none of the keys that were given, so the log was not compared with them; the largest covers 99999 events and names ${signedBy} as who signed: give its key, too, with --public-key or --witness-key.`,
    ]);
    const json = await ask(...words, '-o', 'json');
    expect(json).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(json.stdout)).toMatchObject({
      verdict: 'verified',
      ignoredCheckpoints: [{ origin: 'other.example', size: 99_999, signedBy: [signedBy] }],
    });
    expect((await ask(...words, '--quiet')).stderr).toBe('');
    writeFileSync(mixed, signCheckpoint(foreign, other));
    const alone = await ask(...words);
    expect(alone).toMatchObject({ status: 4, stdout: '' });
    expect(alone.stderr).toBe(
      `nsaudit: no checkpoint in ${mixed} is signed by a key that was given; the largest covers 99999 events and names ${signedBy} as who signed: give its key, from where it is kept.\n`,
    );
  });

  test('says that every checkpoint was compared where a given key signed all', async () => {
    const words = ['verify', '--checkpoint', note, '--public-key', publicKey];
    const { stdout } = await ask(...words, '-o', 'json');
    expect(JSON.parse(stdout)).toMatchObject({ ignoredCheckpoints: [] });
    expect((await ask(...words)).stderr).not.toContain('none of the keys');
  });

  test('exits 4 and names the events when a backup was written anew', async () => {
    const copy = join(scratch, 'copy.db');
    await ask('backup', copy);
    tamper(copy, [
      (db) => db.exec(`UPDATE event SET body = json_set(body, '$.x', 1) WHERE seq = 2`),
      rehashEvent(2),
      ...[1, 2, 3, 4].map(rehashBatch),
    ]);
    const { status, stderr } = await ask(
      'verify',
      copy,
      '--checkpoint',
      note,
      '--public-key',
      publicKey,
    );
    expect(status).toBe(4);
    expect(stderr).toMatch(/events 1 to \d+ are not those that/);
  });
});

describe('a proof of one event', () => {
  const file = join(scratch, 'event.tlog-proof');

  test('is verified without the log, and shows the event', async () => {
    const { status, stdout } = await ask('events', '--proof', '2');
    expect(status).toBe(0);
    writeFileSync(file, stdout);
    const found = await runWords([
      'verify',
      '--proof',
      file,
      '--public-key',
      publicKey,
      '-o',
      'json',
    ]);
    expect(found.status).toBe(0);
    const { data } = JSON.parse((await ask('events', '-o', 'json')).stdout) as {
      data: { event: string }[];
    };
    expect(JSON.parse(found.stdout)).toMatchObject({
      verdict: 'verified',
      seq: 2,
      event: data[1]?.event,
      fault: null,
    });
  });

  test('can be had as JSON, with the same parts', async () => {
    const { stdout } = await ask('events', '--proof', '2', '-o', 'json');
    const { leaf, index, path, checkpoint } = JSON.parse(stdout) as ProofJson;
    const text = `c2sp.org/tlog-proof@v1\nextra ${leaf}\nindex ${index}\n${path.map((hash) => `${hash}\n`).join('')}\n${checkpoint}`;
    expect(text).toBe(readFileSync(file, 'utf8'));
  });

  test('without a key is self-consistent, and of another event, index or root tampered', async () => {
    expect(await runWords(['verify', '--proof', file])).toMatchObject({ status: 0 });
    expect(await runWords(['verify', '--proof', file, '--require-witness'])).toMatchObject({
      status: 3,
    });
    const text = readFileSync(file, 'utf8');
    const extra = /extra (.*)/.exec(text)?.[1] ?? '';
    const other = Buffer.from(`${Buffer.from(extra, 'base64').toString()} `).toString('base64');
    const changed = join(scratch, 'changed.tlog-proof');
    for (const forged of [text.replace(extra, other), text.replace('index 1', 'index 2')]) {
      writeFileSync(changed, forged);
      const { status, stdout } = await runWords([
        'verify',
        '--proof',
        changed,
        '--public-key',
        publicKey,
      ]);
      expect(status).toBe(4);
      expect(stdout).toMatch(/^verdict +tampered/);
    }
    writeFileSync(changed, 'text');
    expect(await runWords(['verify', '--proof', changed])).toMatchObject({ status: 2 });
  });

  test('cannot be had of an event that no checkpoint covers, or that is none', async () => {
    const { stdout } = await ask('checkpoint', '-o', 'json');
    const { seq } = JSON.parse(stdout) as CheckpointJson;
    expect(await ask('events', '--proof', String(seq))).toMatchObject({ status: 69 });
    expect(await ask('events', '--proof', String(seq + 1))).toMatchObject({ status: 2 });
    expect(await ask('events', '--proof', '0')).toMatchObject({ status: 2 });
  });
});

test('a record without a key has no checkpoint, and says how to get one', async () => {
  const where = join(scratch, 'unsigned');
  expect(await collect([], {}, where)).toMatchObject({ status: 0, stdout: '' });
  const { status, stdout, stderr } = await runWords(['checkpoint', '--state-dir', where]);
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  expect(stderr).toMatch(/no checkpoint of this log has been published/);
});

test('the next run continues what was kept of the one before', async () => {
  expect(await collect(['--checkpoint-key', key])).toMatchObject({ status: 0 });
  const { stdout } = await ask(
    'verify',
    '--checkpoint',
    note,
    '--public-key',
    publicKey,
    '-o',
    'json',
  );
  expect(JSON.parse(stdout)).toMatchObject({ verdict: 'verified', fault: null });
});
