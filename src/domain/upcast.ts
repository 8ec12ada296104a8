/**
 * Bodies of earlier versions, brought to the one of today when they are read. What is stored is never rewritten.
 *
 * A field that is only added, optional or with a default, needs no new version: old bodies lack it and read as
 * before. Everything else does: raise the version of the event, and add here the way from the one before.
 */

/** Makes a body of one version into one of the next. Pure: it gets a body of its own and may change it. */
export type Upcaster = (body: Record<string, unknown>) => Record<string, unknown>;

/** By event name: from version 1 to 2, from 2 to 3 and so on. */
export type Upcasters = Readonly<Record<string, readonly Upcaster[]>>;

/** None yet: every event is in its first version. */
export const UPCASTERS: Upcasters = {};

export interface VersionedBody {
  readonly version: number;
  readonly body: object;
}

/** The version of today of an event. */
export function currentVersion(event: string, upcasters: Upcasters = UPCASTERS): number {
  return 1 + (upcasters[event]?.length ?? 0);
}

/** The body as today's version has it. One of a version that is not known is returned as it is. */
export function upcast(
  event: string,
  stored: VersionedBody,
  upcasters: Upcasters = UPCASTERS,
): VersionedBody {
  const steps = upcasters[event];
  if (steps === undefined || stored.version < 1) {
    return stored;
  }
  let { version, body } = stored;
  for (const step of steps.slice(version - 1)) {
    body = step(body as Record<string, unknown>);
    version += 1;
  }
  return { version, body };
}
