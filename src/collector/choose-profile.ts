/** Which profile the collector runs, and what it says about it. */
export const PROFILES = ['trampoline', 'tracepoint', 'procfs'] as const;
export type Profile = (typeof PROFILES)[number];
export type ProfileRequest = Profile | 'auto';

export interface ProfileChoice {
  readonly profile: Profile;
  /** A sentence for the person who asked for more than can be had; null when the choice is what was asked for. */
  readonly notice: string | null;
}

/**
 * The highest profile at or below the requested one that this build and host can run.
 *
 * There is no kernel event source in this version, so that is procfs; asking for another one is not an
 * error, because a host that cannot have it is watched all the same, and the record says how.
 */
export function chooseProfile(requested: ProfileRequest): ProfileChoice {
  if (requested === 'auto' || requested === 'procfs') {
    return { profile: 'procfs', notice: null };
  }
  const notice = `profile ${requested} needs kernel events, which this version cannot receive: running procfs, which sees what outlives two scans.`;
  return { profile: 'procfs', notice };
}
