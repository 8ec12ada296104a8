/**
 * Fast ways between an event and its stored body, made from the event's zod schema.
 *
 * Checking an event with zod takes longer than writing it to disk. So the same check is compiled once to
 * straight code, as zod itself does for objects, where the shape is plain: scalars, arrays of scalars and
 * nested objects of them. The code only ever accepts. What it does not accept, and what it cannot express,
 * goes to zod, which accepts it too or says what is wrong with it. Hence accepting must mean that zod
 * accepts with the same result; test/domain/event-codec.test.ts compares the two.
 */
import type { z } from 'zod';
import { assert } from './errors.ts';

export interface EventHeader {
  readonly event: string;
  readonly version: number;
  readonly seq: number;
  readonly at: number;
}

export interface EventCodec {
  /** JSON of the body, nulls left out; undefined when zod has to look at the event. */
  encode(event: object): string | undefined;
  /** The event with nulls and defaults put back; undefined when zod has to look at it. */
  decode(body: object, header: EventHeader): unknown;
}

type Schema = z.core.$ZodType;
type Shape = Readonly<Record<string, Schema>>;
type Definition = z.core.$ZodTypes['_zod']['def'];

/** The code being written: texts, and the values that the texts name. */
interface Code {
  readonly constants: unknown[];
}

/** Undefined for a schema that has something in it that cannot be compiled. */
export function compileEventCodec({
  event,
  version,
  seq,
  at,
  ...body
}: Shape): EventCodec | undefined {
  const code: Code = { constants: [everyItem, quote] };
  const header = { event, version, seq, at } as Shape;
  const checks = {
    header: checkFields(header, 'header', code),
    event: checkFields(body, 'event', code),
    body: checkFields(body, 'body', code),
  };
  if (checks.header === undefined || checks.event === undefined || checks.body === undefined) {
    return undefined;
  }
  const source = `
    return {
      encode(event) {
        const header = event;
        return ${checks.header} && ${checks.event} ? ${writeObject(body, 'event')} : undefined;
      },
      decode(body, header) {
        return ${checks.header} && ${checks.body}
          ? { event: header.event, version: header.version, seq: header.seq, at: header.at, ${buildFields(body, 'body')} }
          : undefined;
      },
    };`;
  // The text comes from our own schemas and nothing else.
  // eslint-disable-next-line no-new-func
  return new Function('constants', source)(code.constants) as EventCodec;
}

interface Unwrapped {
  readonly definition: Definition;
  readonly isNullable: boolean;
  /** JSON text of what stands for undefined; null when undefined is not accepted. */
  readonly fallback: string | null;
}

function unwrap(schema: Schema): Unwrapped {
  let definition = definitionOf(schema);
  let isNullable = false;
  let fallback: string | null = null;
  while (definition.type === 'nullable' || definition.type === 'default') {
    if (definition.type === 'nullable') {
      isNullable = true;
    } else {
      fallback = JSON.stringify(definition.defaultValue);
    }
    definition = definitionOf(definition.innerType);
  }
  return { definition, isNullable, fallback };
}

function definitionOf(schema: Schema): Definition {
  const { _zod: internals } = schema;
  return internals.def as Definition;
}

/** An expression that is true when every field is accepted. */
function checkFields(shape: Shape, parent: string, code: Code): string | undefined {
  const checks = Object.entries(shape).map(([name, schema]) =>
    checkValue(schema, `${parent}.${name}`, code),
  );
  return checks.includes(undefined) ? undefined : checks.join(' && ');
}

function checkValue(schema: Schema, value: string, code: Code): string | undefined {
  const { definition, isNullable, fallback } = unwrap(schema);
  const check = checkPresent(definition, value, code);
  const absent = [
    ...(isNullable ? [`${value} === null`] : []),
    ...(fallback === null ? [] : [`${value} === undefined`]),
  ];
  return check && `(${[...absent, check].join(' || ')})`;
}

function checkPresent(definition: Definition, value: string, code: Code): string | undefined {
  switch (definition.type) {
    case 'boolean':
      return `typeof ${value} === 'boolean'`;
    case 'literal':
    case 'enum': {
      const values =
        definition.type === 'enum' ? Object.values(definition.entries) : definition.values;
      return `${addConstant(code, new Set(values))}.has(${value})`;
    }
    case 'number':
      return checkNumber(definition, value);
    case 'string':
      return checkString(definition, value, code);
    case 'array': {
      const item = isScalar(definition.element) && checkValue(definition.element, 'item', code);
      return item ? `constants[0](${value}, (item) => ${item})` : undefined;
    }
    case 'object': {
      const fields = checkFields(definition.shape, value, code);
      const isObject = `typeof ${value} === 'object' && ${value} !== null && !Array.isArray(${value})`;
      return fields && `(${isObject} && ${fields})`;
    }
    default:
      return undefined;
  }
}

/** Whole numbers only, as all numbers of the catalogue are, with a lower bound or none. */
function checkNumber({ checks }: z.core.$ZodNumberDef, value: string): string | undefined {
  let text = '';
  for (const { _zod: check } of checks ?? []) {
    const definition = check.def as z.core.$ZodChecks['_zod']['def'];
    if (definition.check === 'number_format' && definition.format === 'safeint') {
      text = `Number.isSafeInteger(${value})${text}`;
    } else if (definition.check === 'greater_than') {
      text += ` && ${value} >${definition.inclusive ? '=' : ''} ${definition.value}`;
    } else {
      return undefined;
    }
  }
  return text.startsWith('Number') ? text : undefined;
}

function checkString(
  { checks }: z.core.$ZodStringDef,
  value: string,
  code: Code,
): string | undefined {
  let text = `typeof ${value} === 'string'`;
  for (const { _zod: check } of checks ?? []) {
    const definition = check.def as z.core.$ZodChecks['_zod']['def'];
    const isPattern = definition.check === 'string_format' && definition.format === 'regex';
    if (!isPattern || definition.pattern === undefined || definition.pattern.global) {
      return undefined;
    }
    text += ` && ${addConstant(code, definition.pattern)}.test(${value})`;
  }
  return text;
}

function isScalar(schema: Schema): boolean {
  const { definition, isNullable, fallback } = unwrap(schema);
  const scalars = ['boolean', 'literal', 'enum', 'number', 'string'];
  return scalars.includes(definition.type) && !isNullable && fallback === null;
}

/** The fields of an object literal, in the order of the shape. */
function buildFields(shape: Shape, parent: string): string {
  return Object.entries(shape)
    .map(([name, schema]) => `${name}: ${buildValue(schema, `${parent}.${name}`)}`)
    .join(', ');
}

function buildValue(schema: Schema, value: string): string {
  const { definition, isNullable, fallback } = unwrap(schema);
  const present =
    definition.type === 'object' ? `{ ${buildFields(definition.shape, value)} }` : value;
  if (isNullable) {
    // Every nullable field of the catalogue defaults to null.
    return `(${value} === null || ${value} === undefined ? null : ${present})`;
  }
  return fallback === null ? present : `(${value} === undefined ? ${fallback} : ${present})`;
}

/**
 * An expression for the JSON text of an object, as JSON.stringify writes it, without its nulls. Commas stand behind
 * the fields before the first that is always there, and before those after it.
 */
function writeObject(shape: Shape, parent: string): string {
  const fields = Object.entries(shape);
  const first = fields.findIndex(([, schema]) => !unwrap(schema).isNullable);
  // Found out when the program starts, by whoever adds such an event.
  assert(first !== -1, `${parent} has no field that is always there, for the commas to go by`);
  const written = fields.map(([name, schema], index) => {
    const { isNullable } = unwrap(schema);
    const value = `${parent}.${name}`;
    const before = index > first ? ',' : '';
    const after = index < first ? " + ','" : '';
    const text = `'${before}"${name}":' + ${writeValue(schema, value)}${after}`;
    return isNullable ? `(${value} === null || ${value} === undefined ? '' : ${text})` : text;
  });
  return `('{' + ${written.join(' + ')} + '}')`;
}

function writeValue(schema: Schema, value: string): string {
  const { definition, fallback } = unwrap(schema);
  const present = writePresent(definition, value);
  return fallback === null || fallback === 'null'
    ? present
    : `(${value} === undefined ? ${JSON.stringify(fallback)} : ${present})`;
}

function writePresent(definition: Definition, value: string): string {
  switch (definition.type) {
    case 'number':
    case 'boolean':
      return value;
    case 'object':
      return writeObject(definition.shape, value);
    case 'string':
    case 'enum':
    case 'literal':
      return `constants[1](${value})`;
    default:
      return `JSON.stringify(${value})`;
  }
}

// Control characters are what JSON escapes.
// eslint-disable-next-line no-control-regex
const ESCAPED = /["\\\u0000-\u001f\ud800-\udfff]/;

/** As JSON.stringify, which takes longer to begin than to write what most texts are. */
function quote(text: unknown): string {
  return typeof text === 'string' && !ESCAPED.test(text) ? `"${text}"` : JSON.stringify(text);
}

function addConstant({ constants }: Code, value: unknown): string {
  return `constants[${constants.push(value) - 1}]`;
}

/** Looks at holes too, which Array.prototype.every does not. */
function everyItem(values: unknown, isItem: (item: unknown) => boolean): boolean {
  if (!Array.isArray(values)) {
    return false;
  }
  for (const item of values) {
    if (!isItem(item)) {
      return false;
    }
  }
  return true;
}
