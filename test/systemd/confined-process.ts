/** Processes that run as the units would have them run: another user, or root with few capabilities. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { run, type ToolResult } from './offline-root.ts';

/** A user and group that no account has. */
export const STRANGER = 61_234;

/** setpriv(1) of util-linux: drops to a user that has no account, and to a capability set. */
const SETPRIV = 'setpriv';

const repository = fileURLToPath(new URL('../../', import.meta.url));

/** Becomes a user without any privilege, for what follows on the command line. */
export function asStranger(gid = STRANGER): readonly string[] {
  return [`--reuid=${STRANGER}`, `--regid=${gid}`, '--clear-groups', '--no-new-privs'];
}

/** Stays uid 0 with nothing but `capabilities` (`sys_ptrace`, …), as CapabilityBoundingSet= does. */
export function asRootWith(capabilities: readonly string[]): readonly string[] {
  const set = ['-all', ...capabilities.map((name) => `+${name}`)].join(',');
  return [`--bounding-set=${set}`, '--inh-caps=-all', '--no-new-privs'];
}

/** Runs a script in this Node.js, confined by the given options of setpriv(1), to its end. */
export function runConfined(
  confinement: readonly string[],
  script: string,
  ...parameters: readonly string[]
): ToolResult {
  return run(SETPRIV, ...confinement, process.execPath, '--eval', script, '--', ...parameters);
}

/** Starts a program under setpriv(1) and waits for its first line of output. */
export async function startConfined(
  confinement: readonly string[],
  ...command: readonly string[]
): Promise<ChildProcess> {
  const child = spawn(SETPRIV, [...confinement, ...command], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

/** Ends a process that this test started, and waits until it is gone. */
export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }
}

/** What these tests need and this machine lacks, in words. */
export function missingForConfinement(): readonly string[] {
  if (process.getuid?.() !== 0) {
    return ['root'];
  }
  if (run(SETPRIV, '--version').status !== 0) {
    return [SETPRIV];
  }
  const canStart = run(
    SETPRIV,
    ...asStranger(),
    process.execPath,
    '--eval',
    `require('node:fs').readdirSync('${repository}node_modules')`,
  );
  return canStart.status === 0 ? [] : ['a Node.js and a checkout that every user may read'];
}
