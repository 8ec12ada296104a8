/**
 * Runs the kernel event source as a collector would, and keeps what it says.
 *
 * Real: the kernel, the programs, the rings. Nothing is modelled. The source sees the whole host, so a test
 * asks for the records of its own processes only.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { InitialNamespaces } from '../../src/domain/initial-namespaces.ts';
import type { BirthRecord, KernelRecord, LossRecord } from '../../src/domain/kernel-record.ts';
import { NAMESPACE_TYPES } from '../../src/domain/namespace-type.ts';
import {
  openKernelEvents,
  type KernelEvents,
  type KernelEventsOptions,
} from '../../src/observe/kernel-events.ts';
import type { KernelProfile } from '../../src/observe/kernel-hooks.ts';
import { readOwnLinks } from './own-links.ts';

const PUMP_MS = 5;
const PATIENCE_MS = 60_000;
// Few at a time: while records are decoded nobody empties the rings.
const TAKE_MAX = 500;

export interface EventRecorder {
  readonly events: KernelEvents;
  readonly records: KernelRecord[];
  births(): BirthRecord[];
  losses(): LossRecord[];
  /** Waits until the records fulfil the condition; fails after a minute. */
  until(condition: () => boolean): Promise<void>;
  /** Waits until whatever has happened so far is in the records. */
  settle(): Promise<void>;
  /** Empties the rings no more; `events` stays open. */
  pause(): void;
  close(options?: { readonly keepPins: boolean }): void;
}

/** The namespaces of this process, which tests run in, taken as the initial ones. */
export function readInitial(): InitialNamespaces {
  return readOwnLinks(NAMESPACE_TYPES);
}

export function eventOptions(overrides: Partial<KernelEventsOptions> = {}): KernelEventsOptions {
  return {
    profile: 'auto',
    initial: readInitial(),
    procRoot: '/proc',
    anchorUs: 0,
    pinDirectory: null,
    emitInitial: false,
    ...overrides,
  };
}

/** The best profile this kernel allows, or why the source cannot run here. */
export function findEventProfile(): { profile: KernelProfile } | { obstacle: string } {
  const opened = openKernelEvents(eventOptions());
  if ('refusal' in opened) {
    return { obstacle: opened.refusal };
  }
  const { profile } = opened.events;
  opened.events.close({ keepPins: false });
  return { profile };
}

/** Opens the source and empties it every few milliseconds until it is closed. */
export function startRecorder(overrides: Partial<KernelEventsOptions> = {}): EventRecorder {
  const opened = openKernelEvents(eventOptions(overrides));
  if ('refusal' in opened) {
    throw new Error(opened.refusal);
  }
  const { events } = opened;
  const records: KernelRecord[] = [];
  const pump = (): void => {
    events.pump();
    records.push(...events.take(TAKE_MAX));
  };
  const timer = setInterval(pump, PUMP_MS);
  const births = (): BirthRecord[] =>
    records.filter((record): record is BirthRecord => record.kind === 'birth');
  return {
    events,
    records,
    births,
    losses: () => records.filter((record): record is LossRecord => record.kind === 'lost'),
    async until(condition) {
      const deadline = Date.now() + PATIENCE_MS;
      for (pump(); !condition(); pump()) {
        if (Date.now() > deadline) {
          throw new Error('the kernel did not say what was waited for');
        }
        await sleep(PUMP_MS);
      }
    },
    async settle() {
      // Twice: a loss is told only when all was taken that was there before it.
      for (let round = 0; round < 2; round += 1) {
        pump();
        await sleep(4 * PUMP_MS);
        events.pump();
        for (let taken = events.take(TAKE_MAX); taken.length > 0; taken = events.take(TAKE_MAX)) {
          records.push(...taken);
        }
      }
    },
    pause: () => clearInterval(timer),
    close(options = { keepPins: false }) {
      clearInterval(timer);
      events.close(options);
    },
  };
}

/** One text for each life that the process made. */
export function idsBornBy(births: readonly BirthRecord[], pid: number): Set<string> {
  return new Set(
    births
      .filter(({ creator }) => creator?.pid === pid)
      .map(({ namespace, atUs }) => `${namespace.kernelNamespaceId ?? atUs} ${namespace.inum}`),
  );
}

export interface Storm {
  /** Runs it to its end, without blocking this process. Answers its pid and how long it took. */
  run(name: 'uts' | 'ipc' | 'net' | 'forks', count: number): Promise<{ pid: number; ns: number }>;
  /** The same, blocking. */
  runSync(name: 'uts' | 'ipc' | 'net' | 'forks', count: number): number;
  remove(): void;
}

/** Compiles storm.c, or null where there is no compiler. */
export function buildStorm(): Storm | null {
  const directory = mkdtempSync(join(tmpdir(), 'nsaudit-storm-'));
  const program = join(directory, 'storm');
  const source = join(import.meta.dirname, 'storm.c');
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  if (spawnSync('gcc', ['-O2', '-o', program, source]).status !== 0) {
    remove();
    return null;
  }
  return {
    async run(name, count) {
      const child = spawn(program, [name, String(count)], { stdio: ['ignore', 'pipe', 'inherit'] });
      let printed = '';
      child.stdout.on('data', (text: Buffer) => {
        printed += text.toString();
      });
      const status = await new Promise((resolve) => {
        child.on('close', resolve);
      });
      if (status !== 0) {
        throw new Error(`storm ${name} failed`);
      }
      return { pid: child.pid ?? 0, ns: Number(printed) };
    },
    runSync(name, count) {
      const { status, pid } = spawnSync(program, [name, String(count)]);
      if (status !== 0) {
        throw new Error(`storm ${name} failed`);
      }
      return pid;
    },
    remove,
  };
}
