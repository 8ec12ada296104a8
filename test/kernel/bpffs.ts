/**
 * A BPF file system for the pins of one test, in a mount namespace of its own: it goes with the process that
 * keeps it, which goes with this one, so that not even a test that is killed leaves a mount or a directory.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface Bpffs {
  /** Its root, for every process that may trace ours. */
  readonly path: string;
  /** Why none can be mounted here, or null. */
  readonly obstacle: string | null;
  end(): Promise<void>;
}

/** Any directory that is there: it is mounted over where nobody else sees it. */
const PLACE = '/mnt';
const KEEP = [
  `mount -t bpf bpf ${PLACE} || exit 1`,
  'echo ready',
  // Until told to end, or until whoever started it is gone.
  'read -r _',
].join('\n');

export async function mountBpffs(): Promise<Bpffs> {
  const keeper = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', KEEP], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended = once(keeper, 'close');
  let said = '';
  keeper.stderr.on('data', (text: Buffer) => (said += text.toString()));
  const isReady = once(createInterface({ input: keeper.stdout }), 'line');
  await Promise.race([isReady, ended]);
  return {
    path: `/proc/${keeper.pid}/root${PLACE}`,
    obstacle: keeper.exitCode === null ? null : said.trim(),
    async end() {
      keeper.stdin.end();
      await ended;
    },
  };
}
