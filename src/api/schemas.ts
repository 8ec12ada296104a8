/**
 * Schemas of answers that are only interfaces elsewhere, and the names all of them have in the OpenAPI
 * document. The annotations tie each schema to its interface; the contract tests tie it to real answers.
 */
import { z } from 'zod';
import { containerJsonSchema } from '../domain/container-json.ts';
import {
  answerSchema,
  boundsJsonSchema,
  coverageJsonSchema,
  creatorJsonSchema,
  eventJsonSchema,
  holderJsonSchema,
  lifespanJsonSchema,
  referencesJsonSchema,
  unreadableJsonSchema,
} from '../domain/json.ts';
import { NAMESPACE_TYPES } from '../domain/namespace-type.ts';
import {
  REPORT_NAMES,
  type CoverageRowJson,
  type ProcessJson,
  type QueryDescription,
  type QueryRow,
  type Report,
  type TimelineJson,
} from '../history/history.ts';
import { problemSchema } from './problem.ts';

const instant = z.string().meta({ format: 'date-time' });
const count = z.number().int();
const number = count.nullable();

export const processSchema: z.ZodType<ProcessJson> = z
  .object({
    pid: count,
    tid: number,
    startTimeTicks: z.string(),
    comm: z.string().nullable(),
    from: boundsJsonSchema,
    to: boundsJsonSchema.nullable(),
    namespaces: z.array(lifespanJsonSchema),
  })
  .meta({ id: 'ProcessMembership' });

export const timelineSchema: z.ZodType<TimelineJson> = z
  .object({
    at: instant,
    after: instant.nullable(),
    what: z.enum(['born', 'unheld', 'ended', 'holder-gained', 'holder-lost', 'gap']),
    lifespan: z.string().nullable(),
    type: z.enum(NAMESPACE_TYPES).nullable(),
    inum: number,
    detail: z.string(),
    seq: number,
  })
  .meta({ id: 'TimelineEntry' });

export const coverageRowSchema: z.ZodType<CoverageRowJson> = z
  .object({
    seq: count,
    kind: z.enum(['watched', 'gap']),
    from: instant,
    to: instant,
    source: z.string(),
    scans: number,
    minimumLifetimeUs: number,
    scanIntervalUsMedian: number,
    scanDurationUsMax: number,
    complete: z.boolean().nullable(),
    unreadable: z.array(unreadableJsonSchema),
    reason: z.string().nullable(),
    lost: number,
  })
  .meta({ id: 'CoverageRow' });

export const queryDescriptionSchema: z.ZodType<QueryDescription> = z
  .object({
    name: z.string(),
    question: z.string(),
    parameters: z.array(
      z.object({
        name: z.string(),
        type: z.enum(['time', 'integer', 'text', 'type', 'lifespan']),
        default: z.string().nullable(),
        description: z.string(),
      }),
    ),
    columns: z.array(z.object({ name: z.string(), description: z.string() })),
    example: z.string(),
  })
  .meta({ id: 'QueryDescription' });

export const queryRowSchema: z.ZodType<QueryRow> = z
  .record(z.string(), z.union([z.string(), z.number(), z.null()]))
  .meta({ id: 'QueryRow', description: 'one value per column of the query' });

const reportSectionSchema = z.object({
  title: z.string(),
  note: z.string(),
  columns: z.array(z.string()),
  rows: z.array(queryRowSchema),
});

export const reportSchema: z.ZodType<Report> = answerSchema(reportSectionSchema)
  .extend({
    name: z.enum(REPORT_NAMES),
    title: z.string(),
    host: z.string(),
    from: instant,
    to: instant,
    generatedAt: instant,
  })
  .meta({ id: 'Report' });

export const readinessSchema = z
  .object({
    ready: z.literal(true),
    host: z.string(),
    collecting: z.boolean().meta({ description: 'whether a collector is watching now' }),
    position: count.meta({ description: 'log position of the answers' }),
    head: count.meta({ description: 'log position of the log' }),
    lag: count.meta({ description: 'events that the answers do not know yet' }),
    lastScanAt: instant.nullable(),
  })
  .meta({ id: 'Readiness' });

/** Every schema that has a name of its own in the OpenAPI document. */
export const NAMED_SCHEMAS: readonly z.ZodType[] = [
  boundsJsonSchema,
  containerJsonSchema,
  creatorJsonSchema,
  referencesJsonSchema,
  lifespanJsonSchema,
  holderJsonSchema,
  coverageJsonSchema,
  eventJsonSchema,
  processSchema,
  timelineSchema,
  coverageRowSchema,
  queryDescriptionSchema,
  queryRowSchema,
  reportSchema,
  readinessSchema,
  problemSchema,
];
