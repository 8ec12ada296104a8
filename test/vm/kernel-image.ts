/**
 * Debian's kernels for virtual machines, fetched with apt into a cache directory.
 *
 * apt gets sources, lists and archives of its own, so the host's package state is neither used nor
 * changed, and no root is needed. The mirror is the one the host's apt already uses.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** Kernel series, and the Debian release that carries it. */
const DEBIAN_RELEASES = { '6.1': 'bookworm', '6.12': 'trixie' } as const;

export type KernelSeries = keyof typeof DEBIAN_RELEASES;

export const KERNEL_SERIES = Object.keys(DEBIAN_RELEASES) as KernelSeries[];

export function isKernelSeries(word: string): word is KernelSeries {
  return Object.hasOwn(DEBIAN_RELEASES, word);
}

/** A kernel that was fetched less than this ago is used without asking the mirror for a newer one. */
const FRESH_MS = 24 * 3600 * 1000;

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

export interface KernelImage {
  /** As uname(1) prints it, for example 6.1.0-50-cloud-amd64. */
  readonly release: string;
  readonly path: string;
}

/** A kernel cannot be had here; the message says why. */
export class KernelUnavailable extends Error {}

/**
 * The newest kernel of a series that the mirror offers. Falls back to the cached one when the mirror
 * does not answer.
 *
 * @throws KernelUnavailable
 */
export function provideKernel(
  series: KernelSeries,
  cacheDirectory: string,
  say: (line: string) => void,
): KernelImage {
  const directory = join(cacheDirectory, `kernel-${series}`);
  const cached = findCached(directory);
  if (cached !== null && Date.now() - statSync(directory).mtimeMs < FRESH_MS) {
    return cached;
  }
  try {
    return fetchKernel(series, directory, say);
  } catch (error) {
    if (cached === null || !(error instanceof KernelUnavailable)) {
      throw error;
    }
    say(`${error.message}; using the kernel fetched earlier`);
    return cached;
  }
}

function findCached(directory: string): KernelImage | null {
  const name = existsSync(directory)
    ? readdirSync(directory).find((entry) => entry.startsWith('vmlinuz-'))
    : undefined;
  return name === undefined
    ? null
    : { release: name.slice('vmlinuz-'.length), path: join(directory, name) };
}

function fetchKernel(
  series: KernelSeries,
  directory: string,
  say: (line: string) => void,
): KernelImage {
  mkdirSync(join(directory, '..'), { recursive: true });
  const scratch = mkdtempSync(`${directory}-`);
  try {
    const apt = prepareApt(DEBIAN_RELEASES[series], scratch);
    run('apt-get', [...apt, 'update']);
    const listed = run('apt-cache', [...apt, 'depends', 'linux-image-cloud-amd64']);
    const image = /Depends: (linux-image-(\S+))/.exec(listed);
    const [, packageName = '', release = ''] = image ?? [];
    if (!release.startsWith(`${series}.`)) {
      throw new KernelUnavailable(
        `Debian ${DEBIAN_RELEASES[series]} has ${release || 'no kernel'} where Linux ${series} was expected`,
      );
    }
    say(`fetching ${packageName}`);
    const fetched = join(scratch, 'fetched');
    mkdirSync(fetched);
    run('apt-get', [...apt, 'download', packageName], fetched);
    const [archive = ''] = readdirSync(fetched);
    run('dpkg', ['-x', join(fetched, archive), join(scratch, 'unpacked')]);
    const ready = join(scratch, 'ready');
    mkdirSync(ready);
    const name = `vmlinuz-${release}`;
    renameSync(join(scratch, 'unpacked', 'boot', name), join(ready, name));
    rmSync(directory, { recursive: true, force: true });
    renameSync(ready, directory);
    return { release, path: join(directory, name) };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Options that make apt work in `scratch` on one release only; apt.conf(5). */
function prepareApt(release: string, scratch: string): string[] {
  const sources = join(scratch, 'sources.list');
  const status = join(scratch, 'status');
  const lists = join(scratch, 'lists');
  const archives = join(scratch, 'archives');
  mkdirSync(join(lists, 'partial'), { recursive: true });
  mkdirSync(join(archives, 'partial'), { recursive: true });
  writeFileSync(status, '');
  writeFileSync(sources, `deb [arch=amd64 signed-by=${KEYRING}] ${findMirror()} ${release} main\n`);
  const options = {
    'Dir::Etc::SourceList': sources,
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State::Lists': lists,
    'Dir::State::Status': status,
    'Dir::Cache': scratch,
    'Dir::Cache::Archives': archives,
    'APT::Architecture': 'amd64',
    'APT::Architectures': 'amd64',
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '1',
    'Acquire::http::Timeout': '20',
  };
  return ['-qq', ...Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`])];
}

/** Where the host's apt gets Debian itself from (its own configuration decides; apt-get(8), indextargets). */
function findMirror(): string {
  const format = [
    '--format',
    '$(REPO_URI) $(CODENAME) $(RELEASE) $(COMPONENT)',
    'Created-By: Packages',
  ];
  const targets = run('apt-get', ['indextargets', ...format]).split('\n');
  const codename = /^VERSION_CODENAME=(\w+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  const uri = targets
    .map((line) => line.split(' '))
    .find(([, ...words]) => words.includes(codename ?? 'stable') && words.includes('main'))?.[0];
  if (uri === undefined) {
    throw new KernelUnavailable("the host's apt has no Debian mirror");
  }
  return uri;
}

/** Standard output of a program. */
function run(program: string, programArguments: string[], cwd = '/'): string {
  const { status, stdout, stderr, error } = spawnSync(program, programArguments, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
    timeout: 300_000,
    maxBuffer: 1 << 26,
  });
  if (status !== 0) {
    const why = (error?.message ?? stderr).trim().split('\n').at(-1);
    throw new KernelUnavailable(`${program} ${programArguments.at(-1)} failed: ${why}`);
  }
  return stdout;
}
