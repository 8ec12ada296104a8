/**
 * The OpenAPI 3.1 document, made from the table of routes and the schemas they read and answer with.
 *
 * Nothing is written twice: a parameter, a problem or a field that is not in the table is not in the
 * document either. Its dialect is JSON Schema 2020-12, which is what zod writes.
 */
import { z } from 'zod';
import { PROBLEM_KINDS, problemSchema, type ProblemCode } from './problem.ts';
import type { Route } from './route.ts';
import { NAMED_SCHEMAS } from './schemas.ts';

type Json = Readonly<Record<string, unknown>>;

/** Every route can answer with these: the guard, an unreadable record, a mistake of ours. */
const COMMON_PROBLEMS: readonly ProblemCode[] = [
  'usage',
  'unauthorized',
  'foreign-origin',
  'method-not-allowed',
  'misdirected',
  'internal',
  'io',
  'integrity',
  'unavailable',
  'busy',
];

/** Builds the document; `version` is that of the program, the paths carry the version of the interface. */
export function buildOpenApi(routes: readonly Route[], version: string): Json {
  const answers = routes.flatMap(toAnswerSchemas);
  return {
    openapi: '3.1.0',
    info: {
      title: 'nsaudit',
      version,
      description:
        'What is on record about the Linux namespaces of one host. Read-only; every answer says how well the time it is about was watched.',
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }, {}],
    paths: Object.fromEntries(
      routes.map((route) => [route.path, { get: toOperation(route) }] as const),
    ),
    components: {
      schemas: toComponents([
        ...NAMED_SCHEMAS.map((schema) => [toName(schema), schema] as const),
        ...answers,
      ]),
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'needed over TCP; on a unix socket the permissions of the file decide',
        },
      },
    },
  };
}

function toName(schema: z.ZodType): string {
  return schema.meta()?.id ?? '';
}

/** Answers get a name each, unless they have one; text has no schema. */
function toAnswerSchemas(route: Route): (readonly [name: string, schema: z.ZodType])[] {
  return Object.entries(route.answers).flatMap(([, schema]) =>
    schema === null || toName(schema) !== '' ? [] : [[toAnswerName(route), schema] as const],
  );
}

function toAnswerName({ operation }: Route): string {
  return `${operation.charAt(0).toUpperCase()}${operation.slice(1)}Answer`;
}

function toComponents(named: readonly (readonly [string, z.ZodType])[]): Json {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of named) {
    registry.add(schema, { id });
  }
  const { schemas } = z.toJSONSchema(registry, { uri: toReference });
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, stripIdentity(schema)]),
  );
}

function toReference(name: string): string {
  return `#/components/schemas/${name}`;
}

/** A component is found by its place in the document; an `$id` of its own would move its references. */
function stripIdentity(schema: Json): Json {
  return Object.fromEntries(
    Object.entries(schema).filter(([name]) => name !== '$schema' && name !== '$id'),
  );
}

function toOperation(route: Route): Json {
  const { operation, summary, isOpen, answers } = route;
  const content = Object.entries(answers).map(([mediaType, schema]) => {
    const name = schema && (toName(schema) || toAnswerName(route));
    return [
      mediaType,
      { schema: name ? { $ref: toReference(name) } : { type: 'string' } },
    ] as const;
  });
  return {
    operationId: operation,
    summary,
    ...(isOpen && { security: [] }),
    parameters: toParameters(route),
    responses: {
      ...(content.length > 0 && {
        200: { description: summary, content: Object.fromEntries(content) },
      }),
      ...toProblemResponses(route),
    },
  };
}

function toParameters({ pathParameters, query, headers }: Route): Json[] {
  const groups = [
    ['path', pathParameters.shape],
    ['query', query.shape],
    ['header', headers?.shape ?? {}],
  ] as const;
  const named = groups.flatMap(([place, shape]) =>
    Object.entries(shape).map(([name, schema]) => toParameter(name, place, schema as z.ZodType)),
  );
  const further = query.def.catchall;
  return further ? [...named, toFurtherParameters(further as z.ZodType)] : named;
}

function toParameter(name: string, place: 'path' | 'query' | 'header', schema: z.ZodType): Json {
  return { name, in: place, required: place === 'path', ...describeInput(schema) };
}

/** An exploded object in the form style stands for parameters whose names are not known beforehand. */
function toFurtherParameters(values: z.ZodType): Json {
  const { description, schema } = describeInput(values);
  return {
    name: 'parameters',
    in: 'query',
    required: false,
    style: 'form',
    explode: true,
    ...(description !== undefined && { description }),
    schema: { type: 'object', additionalProperties: schema },
  };
}

function describeInput(schema: z.ZodType): { schema: Json; description?: string } {
  const { description, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  return { ...(description !== undefined && { description }), schema: stripIdentity(rest) };
}

function toProblemResponses({ problems }: Route): Json {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of [...COMMON_PROBLEMS, ...problems]) {
    const { status } = PROBLEM_KINDS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: codes.map((code) => `${code}: ${PROBLEM_KINDS[code].title}`).join('; '),
        content: {
          'application/problem+json': { schema: { $ref: toReference(toName(problemSchema)) } },
        },
      },
    ]),
  );
}
