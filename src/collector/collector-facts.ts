/** What collector.started says about this collector. */
import type { CollectorFacts } from '../domain/derive-session.ts';
import { SCAN_SOURCES } from '../domain/scan.ts';
import { US_PER_MS } from '../domain/time.ts';
import type { Collecting } from './collector-options.ts';

/** Of the profile that it runs, which need not be the one that was asked for. */
export function toCollectorFacts({
  options,
  host,
  observers,
  nsids,
  disk,
}: Collecting): CollectorFacts {
  const { profile, hooks, kernel } = observers;
  const kernelSources = kernel === null ? [] : ['kernel', ...(kernel.probe ? ['handles'] : [])];
  return {
    boot: host.bootId,
    profile,
    sources: [...kernelSources, ...SCAN_SOURCES, ...(nsids === null ? [] : ['nsids'])],
    hooks: hooks.map(({ name, state }) => ({ name, state })),
    kernel: host.kernelRelease,
    toolVersion: options.toolVersion,
    pid: process.pid,
    uid: process.getuid?.() ?? 0,
    capabilities: [...host.capabilities],
    ownNamespaces: { ...host.ownNamespaces },
    scanIntervalUs: options.scanIntervalMs * US_PER_MS,
    initialHolders: options.initialHolders,
    growth: disk.growth,
  };
}
