/**
 * HTML from templates in which every value is escaped unless it is markup already.
 *
 * Names of processes and paths are chosen by whoever is being watched: they may hold markup, control
 * characters, and characters that turn the direction of the text around them.
 */
const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Control and format characters, among them newlines and bidirectional overrides, and lone surrogates. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Text that is safe to stand in a page. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Value = Markup | string | number | readonly Markup[];

/** Escapes text for element content and quoted attributes; what cannot be seen is written as `\u{202e}`. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
    .replaceAll(INVISIBLE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/** Tag of templates; attributes in them have to be quoted. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  const text = parts.map((part, index) => {
    const value = values[index];
    return value === undefined ? part : part + toText(value);
  });
  return new Markup(text.join(''));
}

function toText(value: Value): string {
  if (value instanceof Markup) {
    return value.text;
  }
  return typeof value === 'object'
    ? value.map(({ text }) => text).join('\n')
    : escapeHtml(String(value));
}
