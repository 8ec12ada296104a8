/**
 * Packs an initial ramdisk that holds what nsaudit and its kernel tests need of this host: Node,
 * Python, util-linux, libbpf, the built project and the packages it uses.
 *
 * Debian's kernels have the drivers of disks as modules, hence a ramdisk and no disk.
 */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  statSync,
} from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { createHostTree, findProgram, type HostTree } from './host-tree.ts';
import { listInstalledPackages } from './installed-packages.ts';

export interface RamdiskRequest {
  /** The checkout; dist must be built. */
  readonly root: string;
  /** An empty directory to work in. */
  readonly scratch: string;
  /** What the guest runs, in the project's directory, by busybox sh. */
  readonly script: string;
  /** Files and directories of this host that the guest gets at the same absolute paths. */
  readonly shared: readonly string[];
}

/** Where the project lies in the guest. */
const GUEST_ROOT = '/nsaudit';

const PROJECT_PARTS = [
  'dist',
  'migrations',
  'nsaudit',
  'package.json',
  'queries',
  'src',
  'systemd',
  'test',
  'tsconfig.json',
  'vitest.config.ts',
];

/** What tests and people call; what is missing here is missing in the guest, and tests say so. */
const PROGRAMS = [
  'env',
  'ip',
  'lsns',
  'mount',
  'nsenter',
  'python3',
  'setpriv',
  'umount',
  'unshare',
];

/** Parts of packages that nothing loads: sources, declarations, what a compiler left. */
const USELESS_IN_PACKAGES =
  /\.(?:a|c|cc|cpp|h|map|md|d\.[cm]?ts|o)$|\/better-sqlite3\/(?:deps|src)$|\/build\/Release\/obj[^/]*$|\/koffi\/doc$/;

/** Parts of Python's library that a small program never imports. */
const USELESS_IN_PYTHON =
  /\/(?:test|tests|config-[^/]*|ensurepip|idlelib|lib2to3|pydoc_data|site-packages|tkinter|turtledemo)$|\.opt-\d\.pyc$/;

/** Writes the ramdisk (cpio, newc format, uncompressed: the emulator is slow at decompressing) and returns its path. */
export function packRamdisk(request: RamdiskRequest): string {
  const { root, scratch } = request;
  const directory = join(scratch, 'tree');
  mkdirSync(directory);
  const tree = createHostTree(directory);
  addSystem(tree, root);
  addPython(tree);
  addLibbpf(tree);
  addProject(tree, root);
  for (const path of request.shared.map((each) => resolve(each))) {
    if (statSync(path).isDirectory()) {
      tree.addCopy(path, path);
    } else {
      tree.addFile(path);
    }
  }
  tree.addText('/run-in-guest', `cd ${GUEST_ROOT}\n${request.script}\n`);
  return writeArchive(directory, join(scratch, 'ramdisk.cpio'));
}

function addSystem(tree: HostTree, root: string): void {
  const busybox = tree.addProgram('busybox') ?? '';
  if (busybox !== '/bin/busybox' && busybox !== '/usr/bin/busybox') {
    tree.addLink('/usr/bin/busybox', busybox);
  }
  tree.addLink('/usr/bin/sh', 'busybox');
  tree.addText('/init', readFileSync(join(root, 'test/vm/init.sh'), 'utf8'), 0o755);
  tree.addText(
    '/etc/passwd',
    'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
  );
  tree.addText('/etc/group', 'root:x:0:\nnogroup:x:65534:\n');
  tree.addText('/etc/machine-id', `${'0'.repeat(31)}1\n`);
  if (existsSync('/etc/ld.so.cache')) {
    tree.addFile('/etc/ld.so.cache');
  }
  for (const name of PROGRAMS) {
    tree.addProgram(name);
  }
  tree.addFile(process.execPath);
  if (process.execPath !== '/usr/bin/node') {
    tree.addLink('/usr/local/bin/node', process.execPath);
  }
}

/** python3 may be a wrapper, or lie where it finds its library only by its own path: so it is asked. */
function addPython(tree: HostTree): void {
  const question =
    'import sys, sysconfig; print(sys.executable, sysconfig.get_path("stdlib"), sep="\\n")';
  const { stdout } = spawnSync('python3', ['-c', question], { encoding: 'utf8' });
  const [executable, library] = (stdout ?? '').split('\n');
  if (!executable || !library) {
    return;
  }
  tree.addFile(executable);
  tree.addLink('/usr/local/bin/python3', executable);
  tree.addCopy(library, library, (path) => !USELESS_IN_PYTHON.test(path));
  const modules = join(library, 'lib-dynload');
  for (const name of existsSync(modules) ? readdirSync(modules) : []) {
    if (name.startsWith('_ctypes.')) {
      tree.addLibrariesOf(join(modules, name));
    }
  }
}

/** libbpf is loaded by its name at run time, so no program's list of libraries has it. */
function addLibbpf(tree: HostTree): void {
  const ldconfig = findProgram('ldconfig') ?? 'ldconfig';
  const { stdout } = spawnSync(ldconfig, ['-p'], { encoding: 'utf8' });
  const path = /libbpf\.so\.1 \(.*x86-64.*\) => (\S+)/.exec(stdout ?? '')?.[1];
  if (path !== undefined) {
    tree.addFile(path);
  }
}

function addProject(tree: HostTree, root: string): void {
  for (const part of PROJECT_PARTS) {
    tree.addCopy(join(root, part), join(GUEST_ROOT, part));
  }
  const packages = listInstalledPackages(root, ['vitest']);
  for (const path of packages.map((each) => join(root, each))) {
    const nested = join(path, 'node_modules');
    tree.addCopy(path, join(GUEST_ROOT, relative(root, path)), (each) => {
      if (each === nested || USELESS_IN_PACKAGES.test(each)) {
        return false;
      }
      if (each.endsWith('.node')) {
        tree.addLibrariesOf(each);
      }
      return true;
    });
  }
}

/** busybox has a cpio, so no further package is needed. */
function writeArchive(directory: string, archive: string): string {
  const list = spawnSync('find', ['.'], { cwd: directory, maxBuffer: 1 << 26 });
  const output = openSync(archive, 'w');
  const { status, stderr } = spawnSync('busybox', ['cpio', '-o', '-H', 'newc', '-R', '0:0'], {
    cwd: directory,
    input: list.stdout,
    stdio: ['pipe', output, 'pipe'],
  });
  closeSync(output);
  if (status !== 0) {
    throw new Error(`busybox cpio failed: ${String(stderr)}`);
  }
  return archive;
}
