/**
 * Text from data, made safe to show: what would move a terminal's cursor, change its colours or turn the direction of
 * its text is written out instead.
 */

/** Control characters, line and paragraph separators, and the marks that change the direction of text. */
const UNSAFE = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu
/** The same without the line breaks that laid-out JSON has between its values; within them it has none. */
const UNSAFE_IN_JSON = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu

/** `text` on one line, with unsafe characters as `\u001b` and the like. */
export function visible(text: string): string {
  return text.replaceAll(UNSAFE, escaped)
}

/** `text` with its line breaks, and all other unsafe characters as in {@link visible}. */
export function visibleLines(text: string): string {
  return text.split('\n').map(visible).join('\n')
}

/** The same JSON, with the unsafe characters escaped that `JSON.stringify` leaves as they are. */
export function safeJson(json: string): string {
  return json.replaceAll(UNSAFE_IN_JSON, escaped)
}

const SHORT: ReadonlyMap<string, string> = new Map([
  ['\n', String.raw`\n`],
  ['\r', String.raw`\r`],
  ['\t', String.raw`\t`],
])

function escaped(character: string): string {
  return SHORT.get(character) ?? String.raw`\u` + character.charCodeAt(0).toString(16).padStart(4, '0')
}
