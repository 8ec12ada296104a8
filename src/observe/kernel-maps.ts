/** The maps of the event programs, read and written as what they mean. Layouts: kernel-layout.ts. */
import type { KernelNamespace } from '../domain/kernel-record.ts';
import { NAMESPACE_TYPES } from '../domain/namespace-type.ts';
import { toLiveKey } from './kernel-forgetting.ts';
import type { EventMap, HookPlan } from './kernel-hooks.ts';
import { BIRTH, CLONE_FLAGS, CONFIG, EXE_IDENTITY, EXE_KEY, REF, TOTALS } from './kernel-layout.ts';
import type { MapEntry } from './libbpf-maps.ts';
import type { Libbpf } from './libbpf.ts';

export interface KernelMaps {
  /**
   * @param initial inums of the initial namespaces in the order of NAMESPACE_TYPES, 0 where unknown
   * @param plan see HookPlan; null leaves that as it is
   */
  configure(
    initial: readonly number[],
    emitInitial: boolean,
    plan: Pick<HookPlan, 'birthsFromCalls' | 'tellsEnds'> | null,
  ): void;
  readLiveFullCount(): number;
  /** Values are birth records. */
  readLive(): MapEntry[];
  /** Adds those that are not in the map of live namespaces, as born nobody knows when. */
  remember(namespaces: readonly KernelNamespace[]): void;
  forget(namespaces: readonly KernelNamespace[]): void;
  /** The same, by their keys in the map of live namespaces. */
  forgetKeys(keys: readonly bigint[]): void;
  /** Makes the programs tell every path again, where kernel-cpus.ts forgets them too. */
  forgetTold(): void;
}

const KEY_BYTES = 8;
const CGROUP_VALUE_BYTES = 4;

export function createKernelMaps(
  libbpf: Libbpf,
  maps: Readonly<Record<EventMap, number>>,
): KernelMaps {
  const zero = Buffer.alloc(4);

  return {
    configure(initial, emitInitial, plan) {
      const value = Buffer.alloc(CONFIG.bytes);
      libbpf.lookup(maps.config, zero, value);
      if (plan !== null) {
        const flags = plan.birthsFromCalls.reduce((sum, type) => sum + CLONE_FLAGS[type], 0);
        value.writeUInt32LE(flags, CONFIG.birthFlags);
        value.writeUInt32LE(Number(plan.tellsEnds), CONFIG.tellsEnds);
      }
      for (const [index, inum] of initial.entries()) {
        value.writeUInt32LE(inum, CONFIG.initial + 4 * index);
      }
      value.writeUInt32LE(emitInitial ? 1 : 0, CONFIG.emitInitial);
      libbpf.update(maps.config, zero, value);
    },
    readLiveFullCount() {
      const value = Buffer.alloc(TOTALS.bytes);
      libbpf.lookup(maps.totals, zero, value);
      return Number(value.readBigUInt64LE(TOTALS.liveFull));
    },
    readLive: () => libbpf.entries(maps.live, KEY_BYTES, BIRTH.bytes),
    remember(namespaces) {
      for (const namespace of namespaces) {
        libbpf.insert(maps.live, toKeyBytes(toLiveKey(namespace)), toUnknownBirth(namespace));
      }
    },
    forget(namespaces) {
      for (const namespace of namespaces) {
        libbpf.remove(maps.live, toKeyBytes(toLiveKey(namespace)));
      }
    },
    forgetKeys(keys) {
      for (const key of keys) {
        libbpf.remove(maps.live, toKeyBytes(key));
      }
    },
    forgetTold() {
      for (const { key } of libbpf.entries(maps.told, EXE_KEY.bytes, EXE_IDENTITY.bytes)) {
        libbpf.remove(maps.told, key);
      }
      for (const { key } of libbpf.entries(maps.told_cgroups, KEY_BYTES, CGROUP_VALUE_BYTES)) {
        libbpf.remove(maps.told_cgroups, key);
      }
    },
  };
}

/** Not a birth by its kind, so that nobody takes it for one; the programs need only know what it is. */
function toUnknownBirth({ type, inum, kernelNamespaceId }: KernelNamespace): Buffer {
  const value = Buffer.alloc(BIRTH.bytes);
  value.writeBigUInt64LE(BigInt(kernelNamespaceId ?? 0), BIRTH.namespace + REF.id);
  value.writeUInt32LE(inum, BIRTH.namespace + REF.inum);
  value.writeUInt32LE(NAMESPACE_TYPES.indexOf(type), BIRTH.namespace + REF.type);
  return value;
}

function toKeyBytes(key: bigint): Buffer {
  const bytes = Buffer.alloc(KEY_BYTES);
  bytes.writeBigUInt64LE(key);
  return bytes;
}
