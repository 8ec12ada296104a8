/** What a collector can be asked to watch with, from the most that can be told to the least. */
export const PROFILES = ['trampoline', 'tracepoint', 'procfs'] as const;
export type Profile = (typeof PROFILES)[number];
export type ProfileRequest = Profile | 'auto';
