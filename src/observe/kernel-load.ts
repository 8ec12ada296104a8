/**
 * Loads and attaches the programs of a profile, leaving out what this kernel does not have or refuses.
 *
 * A kernel says no in three ways: its BTF lacks the function, the verifier or the trampoline refuses the
 * program at load, or attaching fails. Each costs one program and one more attempt.
 */
import {
  applyPlan,
  AttachError,
  attachHooks,
  EVENT_MAPS,
  kernelFunctionOf,
  planHooks,
  wantedHooks,
  type AttachedHook,
  type EventMap,
  type HookPlan,
  type HookState,
  type KernelProfile,
} from './kernel-hooks.ts';
import type { BpfObject, Libbpf } from './libbpf.ts';
import { KernelCallError, messageOf } from './libc.ts';
import { loadObject } from './load-object.ts';

/** Descriptors by name. */
export type EventMaps = Readonly<Record<EventMap, number>>;

export interface LoadedHooks {
  readonly object: BpfObject;
  readonly maps: EventMaps;
  readonly attached: readonly AttachedHook[];
  /** Of every hook the profile would like to have. */
  readonly states: readonly HookState[];
  readonly plan: HookPlan;
}

export interface LoadRequest {
  readonly objectPath: string;
  readonly profile: KernelProfile;
  /** Bytes; powers of two and multiples of the page size. Null for the sizes of the object. */
  readonly ringBytes: { readonly life: number; readonly holders: number } | null;
  /** Hooks that proved silent, by name: attached, and did not fire when they should have. */
  readonly silent: readonly string[];
  /** Called when everything is loaded and nothing is attached: what it writes holds from the first record on. */
  readonly onLoaded: (maps: EventMaps, plan: HookPlan) => void;
}

const FAILED_PROGRAM = /prog '(\w+)': (?:failed to load|BPF program load failed)/;
const ATTEMPTS_MAX = 40;

/** Throws an Error whose message is one sentence that says what is missing. */
export function loadHooks(libbpf: Libbpf, request: LoadRequest): LoadedHooks {
  const refused = new Map<string, string>();
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const outcome = tryToLoad(libbpf, request, refused);
    if ('attached' in outcome) {
      return outcome;
    }
    refused.set(outcome.program, outcome.reason);
  }
  throw new Error('The kernel refuses one program for kernel events after the other.');
}

type Refusal = { readonly program: string; readonly reason: string };

function tryToLoad(
  libbpf: Libbpf,
  { objectPath, profile, ringBytes, silent, onLoaded }: LoadRequest,
  refused: ReadonlyMap<string, string>,
): LoadedHooks | Refusal {
  let loaded: BpfObject | undefined;
  try {
    const { object, prepared } = loadObject(libbpf, objectPath, (opened) => {
      const sections = new Map(opened.programs.map(({ name, section }) => [name, section]));
      const reasonAgainst = (program: string): string | null =>
        refused.get(program) ??
        (silent.includes(sections.get(program) ?? '') ? 'silent' : null) ??
        missingReason(libbpf, sections.get(program));
      const plan = planHooks(profile, (program) => reasonAgainst(program) === null);
      if (plan.obstacle !== null) {
        throw new Error(plan.obstacle);
      }
      const programs = applyPlan(opened, plan);
      resizeMaps(opened, ringBytes, libbpf.possibleCpus());
      leaveOutOthers(opened);
      return { sections, reasonAgainst, plan, programs };
    });
    loaded = object;
    const { sections, reasonAgainst, plan, programs } = prepared;
    const maps = findMaps(object);
    onLoaded(maps, plan);
    const attached = attachHooks(programs);
    const has = (program: string): boolean => reasonAgainst(program) === null;
    const states = wantedHooks(profile, has).map((program) => ({
      name: sections.get(program) ?? program,
      state: reasonAgainst(program) ?? 'attached',
    }));
    return { object, maps, attached, states, plan };
  } catch (error) {
    loaded?.close();
    const program = findRefused(error);
    if (program === null || profile === 'tracepoint' || !isWorthAnotherTry(error)) {
      throw new Error(explainFailure(error, libbpf), { cause: error });
    }
    return { program, reason: `refused: ${shorten(messageOf(error))}` };
  }
}

function findMaps(object: BpfObject): EventMaps {
  return Object.fromEntries(
    EVENT_MAPS.map((name) => [name, object.maps.find((map) => map.name === name)?.fd() ?? -1]),
  ) as Record<EventMap, number>;
}

function missingReason(libbpf: Libbpf, section: string | undefined): string | null {
  const name = section === undefined ? '' : kernelFunctionOf(section);
  return name === null || libbpf.hasKernelFunction(name) ? null : 'missing in this kernel';
}

function findRefused(error: unknown): string | null {
  return error instanceof AttachError
    ? error.program
    : (FAILED_PROGRAM.exec(messageOf(error))?.[1] ?? null);
}

/**
 * What is forbidden for one trampoline is forbidden for all, and what interrupts one, all. EACCES is the
 * verifier's, about one program.
 */
function isWorthAnotherTry(error: unknown): boolean {
  const cause = error instanceof AttachError ? error.cause : error;
  return !(cause instanceof KernelCallError && ['EPERM', 'EAGAIN'].includes(cause.code));
}

/** What the inventory alone uses is not made for the events. */
function leaveOutOthers(object: BpfObject): void {
  for (const map of object.maps) {
    map.setAutocreate((EVENT_MAPS as readonly string[]).includes(map.name));
  }
}

function resizeMaps(
  object: BpfObject,
  ringBytes: LoadRequest['ringBytes'],
  cpuCount: number,
): void {
  for (const map of object.maps) {
    if (ringBytes !== null && (map.name === 'life' || map.name === 'holders')) {
      map.setMaxEntries(ringBytes[map.name]);
    }
    if (map.name === 'bases' || map.name === 'cpus') {
      map.setMaxEntries(cpuCount);
    }
  }
}

/** Why the programs cannot be loaded or attached, as one sentence. */
function explainFailure(error: unknown, libbpf: Libbpf): string {
  const cause = error instanceof AttachError ? error.cause : error;
  const code = cause instanceof KernelCallError ? cause.code : '';
  const detail = `${messageOf(error)} ${libbpf.takeLog()}`;
  if (code === 'EPERM') {
    const program = FAILED_PROGRAM.exec(detail)?.[1];
    const what = program === undefined ? 'BPF programs' : `the BPF program ${program}`;
    return `The kernel refuses ${what} (${code}): CAP_BPF and CAP_PERFMON are needed, and lockdown must allow it.`;
  }
  const field = /failed to resolve CO-RE relocation <[^>]+> \[\d+\] ([^\n]+?) \(/.exec(detail)?.[1];
  if (field !== undefined) {
    return `This kernel's BTF lacks ${field}, which the programs for kernel events read.`;
  }
  if (/vmlinux BTF|kernel BTF/.test(detail)) {
    return 'This kernel has no BTF (/sys/kernel/btf/vmlinux), which the programs for kernel events need.';
  }
  return error instanceof KernelCallError || error instanceof AttachError
    ? `The programs for kernel events cannot be loaded (${shorten(detail)}).`
    : messageOf(error);
}

const TEXT_MAX = 400;

function shorten(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim().slice(-TEXT_MAX);
}
