/**
 * Small file systems of a test's own, to be filled, made read-only and broken: a tmpfs, or ext4 on a loop
 * device, whose image is a file in the temporary directory.
 */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export class SmallDisk implements AsyncDisposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'nsaudit-disk-'));
  readonly #device: readonly string[];
  readonly #filler: string;
  readonly mountPoint: string;
  readonly #endUsers: () => Promise<void>;

  /** `endUsers` ends whoever has files open, before the disk goes. */
  constructor(kind: 'tmpfs' | 'ext4', mebibytes: number, endUsers: () => Promise<void>) {
    this.#endUsers = endUsers;
    this.mountPoint = join(this.#directory, 'mnt');
    this.#filler = join(this.mountPoint, 'filler');
    mkdirSync(this.mountPoint);
    const image = join(this.#directory, 'image');
    if (kind === 'ext4') {
      run('truncate', '-s', `${mebibytes}M`, image);
      run('mkfs.ext4', '-q', '-m', '0', image);
    }
    this.#device =
      kind === 'tmpfs'
        ? ['-t', 'tmpfs', '-o', `size=${mebibytes}M`, 'none']
        : ['-o', 'loop,errors=remount-ro', image];
    this.mount();
  }

  get stateDirectory(): string {
    return join(this.mountPoint, 'state');
  }

  mount(): void {
    run('mount', ...this.#device, this.mountPoint);
  }

  /** Waits until nobody has a file open in it. */
  async unmount(): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      if (spawnSync('umount', [this.mountPoint]).status === 0) {
        return;
      }
      if (attempt > 600) {
        throw new Error(`${this.mountPoint} is busy`);
      }
      await sleep(100);
    }
  }

  /** Writes a file so that about this much is free. */
  fill(leaveBytes: number): void {
    const descriptor = openSync(this.#filler, 'a');
    try {
      for (;;) {
        const { bavail, bsize } = statfsSync(this.mountPoint);
        const bytes = Math.min(65_536, bavail * bsize - leaveBytes);
        if (bytes <= 0) {
          return;
        }
        writeSync(descriptor, Buffer.alloc(bytes, 1));
      }
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) {
        throw error;
      }
    } finally {
      closeSync(descriptor);
    }
  }

  clear(): void {
    rmSync(this.#filler, { force: true });
  }

  remount(how: 'ro' | 'rw'): void {
    run('mount', '-o', `remount,${how}`, this.mountPoint);
  }

  /** Everything that is read or written from now on fails with EIO, until it is mounted anew. Source: ext4 ioctl.c, EXT4_IOC_SHUTDOWN. */
  shutDown(): void {
    const code = `import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))`;
    run('python3', '-c', code, this.mountPoint);
  }

  /**
   * ext4 finds an error and makes itself read-only, whoever has files open for writing; until it is mounted anew.
   * Source: ext4 sysfs.c, trigger_fs_error; ext4(5), errors=remount-ro.
   */
  failReadOnly(): void {
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    const line = mounts.find((each) => each.split(' ')[4] === this.mountPoint) ?? '';
    const device = line.split(' - ')[1]?.split(' ')[1] ?? '';
    // What the kernel writes the word into fails with EIO from then on, and the write is told so.
    spawnSync('sh', [
      '-c',
      'echo "a test" > "/sys/fs/ext4/$1/trigger_fs_error"',
      'sh',
      basename(device),
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#endUsers();
    if (spawnSync('mountpoint', ['-q', this.mountPoint]).status === 0) {
      await this.unmount();
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Why there can be no ext4 here, or null. */
export function findExt4Obstacle(): string | null {
  if (spawnSync('sh', ['-c', 'command -v mkfs.ext4']).status !== 0) {
    return 'no mkfs.ext4';
  }
  return existsSync('/dev/loop-control') ? null : 'no loop devices';
}

function run(program: string, ...words: readonly string[]): void {
  const { status, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(`${program} ${words.join(' ')}: ${stderr}`);
  }
}
