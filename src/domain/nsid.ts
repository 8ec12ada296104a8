/**
 * Network namespace ids: small numbers by which one network namespace, the observer, names another.
 *
 * They mean something only together with their observer, are given on request, and are given anew to
 * somebody else once they are free. Source: rtnetlink(7), ip-netns(8); kernel net/core/net_namespace.c.
 */
import { z } from 'zod';
import { boundsSchema } from './bounds.ts';

const observer = z.number().int().nonnegative();
const nsid = z.number().int();

/** One id that a namespace had in one observer, as an interval. */
export const nsidSchema = z.object({
  /** Lifespan of the network namespace in which the id counts. */
  observer,
  nsid,
  from: boundsSchema,
  to: boundsSchema.nullable().default(null),
});

export type Nsid = z.infer<typeof nsidSchema>;

/** What was learnt about an id: that it was given (`from`), or that it is no longer (`to`). */
export const nsidNewsSchema = z.object({
  observer,
  nsid,
  from: boundsSchema.nullable().default(null),
  to: boundsSchema.nullable().default(null),
});

export type NsidNews = z.infer<typeof nsidNewsSchema>;

/** Folds one piece of news into the ids of a namespace; `atUs` is when it was recorded. Changes the list in place. */
export function applyNsidNews(nsids: Nsid[], news: NsidNews, atUs: number): void {
  const open = findOpenNsid(nsids, news);
  if (news.to !== null) {
    if (open) {
      open.to = news.to;
    }
  } else if (!open) {
    const from = news.from ?? { after: null, by: atUs, evidence: 'scan' as const };
    nsids.push({ observer: news.observer, nsid: news.nsid, from, to: null });
  }
}

/** The interval of this id that has not ended. */
export function findOpenNsid(
  nsids: readonly Nsid[],
  id: Pick<Nsid, 'observer' | 'nsid'>,
): Nsid | undefined {
  return nsids.find(
    (each) => each.to === null && each.observer === id.observer && each.nsid === id.nsid,
  );
}
