/**
 * Option values as what they mean.
 *
 * Errors of all: NsauditError `usage` that names the option, the value and the accepted forms.
 */
import { DEFAULT_DISK_POLICY, parseDiskPolicy, type DiskPolicy } from '../domain/disk-policy.ts';
import { NsauditError } from '../domain/errors.ts';
import type { NamespaceType } from '../domain/namespace-type.ts';
import { parseInteger, parseTypes } from '../domain/parse-arguments.ts';
import { parseSpanUs, parseTime, type TimeReference } from '../domain/parse-time.ts';
import { US_PER_MS } from '../domain/time.ts';
import { LIMIT_MAX } from '../history/history.ts';
import type { CommandContext } from './command-context.ts';
import { suggest } from './nearest.ts';
import { OPTIONS, OUTPUT_FORMATS, type OptionName, type OutputFormat } from './options.ts';
import type { OptionValues } from './parse-arguments.ts';
import { findAskedNowUs } from './staleness.ts';

/** Runs a parser and says in its error which option the value came from. */
function readWith<Value>(
  options: OptionValues,
  name: OptionName,
  parse: (text: string) => Value,
): Value | undefined {
  const text = options.text(name);
  if (text === undefined) {
    return undefined;
  }
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof NsauditError && error.code === 'usage') {
      throw new NsauditError('usage', `--${name}: ${error.message}`);
    }
    throw error;
  }
}

export function readTime(
  { options, nowUs }: Pick<CommandContext, 'options' | 'nowUs'>,
  name: 'at' | 'since' | 'until' | 'before',
): TimeReference | undefined {
  return readWith(options, name, (text) => parseTime(text, { nowUs: nowUs() }));
}

export interface WindowOptions {
  readonly since: TimeReference | undefined;
  readonly until: TimeReference | undefined;
}

/** `--since` and `--until`; that the one lies before the other is for the history to check, which knows seq and boot. */
export function readWindow(context: Pick<CommandContext, 'options' | 'nowUs'>): WindowOptions {
  return { since: readTime(context, 'since'), until: readTime(context, 'until') };
}

export function readTypes(options: OptionValues): readonly NamespaceType[] | undefined {
  return readWith(options, 'type', parseTypes);
}

/** `--after`: 0 stands before the first event. */
export function readAfter(options: OptionValues): number | undefined {
  return readWith(options, 'after', (text) => parseInteger(text, { what: 'log position', min: 0 }));
}

/** `--proof` of events: a seq. */
export function readProofSeq(options: OptionValues): number | undefined {
  return readWith(options, 'proof', (text) => parseInteger(text, { what: 'seq', min: 1 }));
}

export interface PageOptions {
  readonly limit: number | undefined;
  readonly cursor: string | undefined;
}

export function readPage(options: OptionValues): PageOptions {
  return {
    limit: readWith(options, 'limit', (text) =>
      parseInteger(text, { what: 'limit', min: 1, max: LIMIT_MAX }),
    ),
    cursor: options.text('cursor'),
  };
}

/** One of a closed list of words, or the default of the option table. */
export function readChoice<Choice extends string>(
  options: OptionValues,
  name: OptionName,
  choices: readonly Choice[],
): Choice {
  const usual = OPTIONS.find((option) => option.name === name)?.default ?? '';
  const text = options.text(name) ?? usual;
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined) {
    throw new NsauditError(
      'usage',
      `--${name}: "${text}" is not one of ${choices.join(', ')}${suggest(text, choices) || '.'}`,
    );
  }
  return choice;
}

/** The output format, among those the command knows. */
export function readFormat(
  options: OptionValues,
  known: readonly OutputFormat[] = OUTPUT_FORMATS,
): OutputFormat {
  return readChoice(options, 'output', known);
}

/** `--disk-levels`, or the usual limits. */
export function readDiskPolicy(options: OptionValues): DiskPolicy {
  const found = readWith(options, 'disk-levels', (text) => {
    const policy = parseDiskPolicy(text);
    if (policy === undefined) {
      throw new NsauditError(
        'usage',
        `"${text}" does not say three times how much space is free: write 512M,128M,32M or 10%,5%,2%.`,
      );
    }
    return policy;
  });
  return found ?? DEFAULT_DISK_POLICY;
}

interface SpanLimits {
  readonly minMs: number;
  readonly maxMs: number;
}

/** A span of time in milliseconds, from the option or from its default; null when it has neither. */
export function readSpanMs(
  options: OptionValues,
  name: 'scan-interval' | 'for' | 'checkpoint-interval',
  { minMs, maxMs }: SpanLimits,
): number | null {
  const usual = OPTIONS.find((option) => option.name === name)?.default;
  const text = options.text(name) ?? usual ?? undefined;
  if (text === undefined) {
    return null;
  }
  const spanMs = (parseSpanUs(text) ?? Number.NaN) / US_PER_MS;
  if (!(spanMs >= minMs && spanMs <= maxMs)) {
    throw new NsauditError(
      'usage',
      `--${name}: "${text}" is no span of time between ${minMs} ms and ${maxMs / 1_000} s: write 500ms, 1s, 5min or 1h 30min.`,
    );
  }
  return spanMs;
}

export interface PrintOptions {
  readonly format: OutputFormat;
  /** As given: which fields there are depends on the answer. */
  readonly fields: string | undefined;
  readonly hasHeader: boolean;
  readonly isQuiet: boolean;
  readonly isStrict: boolean;
  readonly wantsExitStatus: boolean;
  /** Wall time when the question was about now, else null. */
  readonly askedNowUs: number | null;
}

export function readPrintOptions(context: CommandContext): PrintOptions {
  const { options } = context;
  return {
    askedNowUs: findAskedNowUs(context),
    format: readFormat(options),
    fields: options.text('fields'),
    hasHeader: !options.has('no-header'),
    isQuiet: options.has('quiet'),
    isStrict: options.has('strict'),
    wantsExitStatus: options.has('exit-status'),
  };
}
