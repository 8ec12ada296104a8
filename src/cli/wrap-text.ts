/** Breaks text between words so that lines, indented, stay within `width`. Longer words stay whole. */
export function wrapText(
  text: string,
  { indent, width }: { indent: number; width: number },
): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].map((each) => `${' '.repeat(indent)}${each}\n`).join('');
}
