/**
 * The parameters that routes share: how each is read from text, and how it is documented.
 *
 * They are zod schemas from text to value, so that one definition drives reading and the OpenAPI
 * document. The grammars themselves are those of the command line (src/domain/parse-*.ts).
 */
import { z } from 'zod';
import { NsauditError } from '../domain/errors.ts';
import { NAMESPACE_TYPES } from '../domain/namespace-type.ts';
import {
  parseInteger,
  parsePid,
  parseSeq,
  parseType,
  parseTypes,
} from '../domain/parse-arguments.ts';
import { parseTarget, TARGET_FORMS, type Target } from '../domain/parse-target.ts';
import { parseTime, TIME_FORMS, type TimeReference } from '../domain/parse-time.ts';
import { LIMIT_DEFAULT, LIMIT_MAX } from '../history/history.ts';

interface Documentation {
  readonly description: string;
  readonly examples: readonly string[];
}

/** Turns a grammar that throws `usage` errors into a zod schema that reports them as issues. */
function read<Value>(parse: (text: string) => Value, { description, examples }: Documentation) {
  return z
    .string()
    .meta({ description, examples: [...examples] })
    .transform((text, context): Value => {
      try {
        return parse(text);
      } catch (error) {
        if (error instanceof NsauditError && error.code === 'usage') {
          context.addIssue({ code: 'custom', message: error.message });
          return z.NEVER;
        }
        throw error;
      }
    });
}

function parseFlag(text: string): boolean {
  switch (text) {
    case '':
    case '1':
    case 'true':
      return true;
    case '0':
    case 'false':
      return false;
    default:
      throw new NsauditError('usage', `"${text}" is neither true nor false.`);
  }
}

const INUM_MAX = 0xffff_ffff;

export const limitParameter = read(
  (text) => parseInteger(text, { what: 'limit', min: 1, max: LIMIT_MAX }),
  {
    description: `rows of one page, 1 to ${LIMIT_MAX}; ${LIMIT_DEFAULT} unless given`,
    examples: ['100'],
  },
).optional();

const cursorParameter = z
  .string()
  .min(1)
  .meta({
    description: 'where to go on: `page.next` of the page before, asked with the same parameters',
  })
  .optional();

/** Query parameters of every route that answers in pages. */
export const pageParameters = { limit: limitParameter, cursor: cursorParameter };

export const typesParameter = read(parseTypes, {
  description: `namespace types, separated by commas: ${NAMESPACE_TYPES.join(', ')}`,
  examples: ['net,mnt'],
}).optional();

export const typeParameter = read(parseType, {
  description: `one namespace type: ${NAMESPACE_TYPES.join(', ')}`,
  examples: ['net'],
}).optional();

export const allParameter = read(parseFlag, {
  description: 'true adds the namespaces of the same boot that had ended by then',
  examples: ['true'],
}).optional();

export const observersParameter = read(parseFlag, {
  description:
    'false leaves out what the collector itself and its children hold, also in counts of holders: of a state, namespaces that only they hold; no other answer has fewer namespaces by it',
  examples: ['false'],
}).optional();

export const targetParameter = read((text): Target => parseTarget(text), {
  description: `only what happened to one namespace: ${TARGET_FORMS}`,
  examples: ['net:[4026532268]', '#734112'],
}).optional();

export const inumParameter = read(
  (text) => parseInteger(text, { what: 'inode number', min: 1, max: INUM_MAX }),
  {
    description: 'inode number of the namespace; the kernel gives it to another one later',
    examples: ['4026532268'],
  },
);

export const lifespanParameter = read(
  (text) => parseInteger(text, { what: 'lifespan', min: 1, max: 999_999_999_999_999 }),
  { description: 'id of a lifespan, as `lifespan` in answers', examples: ['734112'] },
);

export const pidParameter = read(parsePid, {
  description: 'process id as the collector sees it',
  examples: ['4711'],
});

export const seqParameter = read(parseSeq, {
  description: 'only events after this seq; 0 is before the first',
  examples: ['734112'],
}).optional();

/** The parameters that depend on the present: `-2h` and `today` are meant as of the request. */
export interface TimeParameters {
  readonly at: z.ZodOptional<z.ZodPipe<z.ZodString, z.ZodTransform<TimeReference, string>>>;
  readonly window: {
    readonly since: TimeParameters['at'];
    readonly until: TimeParameters['at'];
  };
}

/** `nowUs` is wall time in epoch microseconds. */
export function buildTimeParameters(nowUs: () => number): TimeParameters {
  const time = (meaning: string) =>
    read((text): TimeReference => parseTime(text, { nowUs: nowUs() }), {
      description: `${meaning}: ${TIME_FORMS}. In a URL, a plus sign is written %2B.`,
      examples: ['2026-11-22T10:17:03Z', '-2h'],
    }).optional();
  return {
    at: time('the instant asked about; now unless given'),
    window: { since: time('start of the window'), until: time('end of the window') },
  };
}
