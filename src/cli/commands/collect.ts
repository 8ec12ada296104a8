/** `nsaudit collect`: the collector in the foreground. */
import { setFlagsFromString } from 'node:v8';
import { runCollector } from '../../collector/run-collector.ts';
import { NsauditError } from '../../domain/errors.ts';
import { DEFAULT_GROWTH_POLICY } from '../../domain/growth-policy.ts';
import type { CommandContext } from '../command-context.ts';
import { EXIT_STATUS } from '../exit-status.ts';
import { findStateDirectory } from '../find-state-directory.ts';
import { INITIAL_HOLDER_CHOICES, PROFILE_CHOICES } from '../options.ts';
import { toErrorLine } from '../output.ts';
import { readCheckpointOptions } from '../read-checkpoint-options.ts';
import { readChoice, readDiskPolicy, readSpanMs } from '../read-options.ts';
import { readPinRoot, toPinDirectory } from '../read-pin-directory.ts';
import { isOwnProcRoot, readProcRoot } from '../read-proc-root.ts';
import { readVersion } from '../version.ts';

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;
const SCAN_INTERVAL_LIMITS = { minMs: 10, maxMs: HOUR_MS };
const DURATION_LIMITS = { minMs: 1, maxMs: YEAR_MS };
const SCAN_INTERVAL_DEFAULT_MS = 1_000;

/**
 * Short-lived objects get 8 MiB instead of 16 before they are collected: the collector makes many and keeps few,
 * and is to stay below 150 MiB resident.
 */
function keepHeapSmall(): void {
  setFlagsFromString('--max-semi-space-size=8');
  setFlagsFromString('--semi-space-growth-factor=1');
}

export async function run(context: CommandContext): Promise<number> {
  const { options, output, untilStopped } = context;
  if (options.has('once') && options.has('for')) {
    throw new NsauditError(
      'usage',
      '--once stops by itself, so --for says nothing: use one of them.',
    );
  }
  const stateDirectory = findStateDirectory(context);
  const pinDirectory = toPinDirectory(readPinRoot(context), stateDirectory);
  if (options.has('keep-hooks') && pinDirectory === null) {
    throw new NsauditError(
      'usage',
      '--keep-hooks needs a BPF file system to pin the hooks on: mount one at /sys/fs/bpf, or name a directory on one with --pin-dir.',
    );
  }
  const request = {
    stateDirectory,
    procRoot: readProcRoot(context),
    isOwnHost: isOwnProcRoot(context),
    pinDirectory,
    keepHooks: options.has('keep-hooks'),
    checkpoints: readCheckpointOptions(context),
    growth: DEFAULT_GROWTH_POLICY,
    diskPolicy: readDiskPolicy(options),
    machineIdPath: '/etc/machine-id',
    toolVersion: readVersion(),
    profile: readChoice(options, 'profile', PROFILE_CHOICES),
    scanIntervalMs:
      readSpanMs(options, 'scan-interval', SCAN_INTERVAL_LIMITS) ?? SCAN_INTERVAL_DEFAULT_MS,
    forMs: readSpanMs(options, 'for', DURATION_LIMITS),
    once: options.has('once'),
    initialHolders: readChoice(options, 'initial-holders', INITIAL_HOLDER_CHOICES),
  };
  const isQuiet = options.has('quiet');
  keepHeapSmall();
  await runCollector({
    ...request,
    signal: untilStopped(),
    onReady: (line) => output.say(line),
    onNotice: (line) => {
      if (!isQuiet) {
        output.say(toErrorLine(line));
      }
    },
  });
  return EXIT_STATUS.ok;
}
