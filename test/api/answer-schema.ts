/**
 * Checks answers against the OpenAPI document that the app itself serves, with the JSON Schema
 * validator that fastify brings, told to change nothing and to ignore nothing.
 */
import { fastify } from 'fastify';
import { expect } from 'vitest';

type Json = Record<string, unknown>;

export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: Json;
  readonly paths: Readonly<Record<string, { readonly get: Operation }>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> };
}

export interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { name: string; in: string; required: boolean; schema: Json }[];
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Json }>> }>
  >;
}

/** Fails the test unless the document describes this answer of a route: status, media type and body. */
export async function expectDescribed(
  document: OpenApiDocument,
  route: string,
  answer: { statusCode: number; contentType: string; body: string },
): Promise<void> {
  const [mediaType = ''] = answer.contentType.split(';');
  const responses = document.paths[route]?.get.responses ?? {};
  const schema = responses[answer.statusCode]?.content?.[mediaType]?.schema;
  expect(schema, `${route} answers ${answer.statusCode} ${mediaType}`).toBeDefined();
  if (schema && schema['type'] !== 'string') {
    const errors = await findErrors(document, schema, JSON.parse(answer.body));
    expect(errors, `${route}: ${answer.body}`).toBeNull();
  }
}

async function findErrors(
  document: OpenApiDocument,
  schema: Json,
  value: unknown,
): Promise<unknown> {
  const customOptions = {
    removeAdditional: false,
    coerceTypes: false,
    useDefaults: false,
    allErrors: true,
    strict: false,
  } as const;
  const app = fastify({ ajv: { customOptions } });
  let errors: unknown = 'not checked';
  app.get('/', (request) => {
    // The document is the schema's own root, so that its references mean what they mean there.
    const validate = request.compileValidationSchema({ ...document, ...schema });
    errors = validate(value) ? null : validate.errors;
    return 'checked';
  });
  await app.inject('/');
  await app.close();
  return errors;
}
