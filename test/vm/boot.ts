/** Boots one kernel with one initial ramdisk under qemu, in software, and reports how its command ended. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { createGuestReport } from './guest-report.ts';
import { findProgram } from './host-tree.ts';

export interface BootRequest {
  readonly kernelPath: string;
  readonly ramdiskPath: string;
  /** Where the kernel's own messages go. */
  readonly consolePath: string;
  readonly timeoutMs: number;
  readonly onLine: (line: string) => void;
  /** Ends the guest at once. */
  readonly signal: AbortSignal;
}

export interface BootOutcome {
  /** Exit status of the command; null when the guest ended without saying it. */
  readonly exitCode: number | null;
  /** Why there is no exit status, as a sentence with the end of the kernel's messages; null when there is one. */
  readonly problem: string | null;
  readonly seconds: number;
}

const MEMORY_MIB = '3072';

/** `panic=-1` with `-no-reboot` makes a panic end qemu; without mitigations the emulator has less to emulate. */
const KERNEL_ARGUMENTS = 'console=ttyS0 panic=-1 rdinit=/init quiet mitigations=off';

/**
 * The emulated machine. An old processor: what newer ones have for vectors is slow in software, and
 * programs use it when they find it.
 */
const MACHINE = ['-accel', 'tcg,thread=multi', '-cpu', 'Nehalem', '-smp', '2', '-m', MEMORY_MIB];

/** No device but two serial ports: what the kernel says and what the command says stay apart. */
const DEVICES = ['-display', 'none', '-monitor', 'none', '-nic', 'none', '-no-reboot'];

/** The program and arguments of one boot. setpriv(1) lets the kernel end qemu when this process is killed. */
function qemuCommand({ kernelPath, ramdiskPath, consolePath }: BootRequest): string[] {
  const dieWithParent = findProgram('setpriv') === null ? [] : ['setpriv', '--pdeathsig', 'KILL'];
  const serialPorts = ['-serial', `file:${consolePath}`, '-serial', 'stdio'];
  const files = ['-kernel', kernelPath, '-initrd', ramdiskPath, '-append', KERNEL_ARGUMENTS];
  return [...dieWithParent, 'qemu-system-x86_64', ...MACHINE, ...DEVICES, ...serialPorts, ...files];
}

/** Resolves when qemu has ended, whatever happened; nothing is left running. */
export function boot(request: BootRequest): Promise<BootOutcome> {
  const startedAt = performance.now();
  const report = createGuestReport(request.onLine);
  const [program = '', ...programArguments] = qemuCommand(request);
  const child = spawn(program, programArguments, { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaint = '';
  let overdue = false;
  const stop = (): void => void child.kill('SIGKILL');
  const timer = setTimeout(() => {
    overdue = true;
    stop();
  }, request.timeoutMs);
  request.signal.addEventListener('abort', stop);
  child.stdout.setEncoding('utf8').on('data', (piece: string) => report.take(piece));
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (complaint += piece));
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      request.signal.removeEventListener('abort', stop);
      report.end();
      const exitCode = overdue ? null : report.exitCode();
      const why = overdue
        ? `the guest did not finish within ${request.timeoutMs / 1000} s`
        : 'the guest ended without reporting an exit status';
      resolve({
        exitCode,
        problem: exitCode === null ? `${why}\n${complaint}${endOf(request.consolePath)}` : null,
        seconds: (performance.now() - startedAt) / 1000,
      });
    };
    child.on('error', (error) => {
      complaint += `${error.message}\n`;
      finish();
    });
    child.on('close', finish);
  });
}

/** The last lines of the kernel's messages, for people. */
function endOf(consolePath: string): string {
  if (!existsSync(consolePath)) {
    return '';
  }
  const lines = stripVTControlCharacters(readFileSync(consolePath, 'utf8')).trimEnd().split('\n');
  return `the last messages of its kernel:\n${lines.slice(-30).join('\n')}`;
}
