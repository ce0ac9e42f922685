/**
 * A JSON array of rows, of any length: the array is cut into its elements as it comes, and each is parsed by itself.
 *
 * The cutting looks at brackets outside strings only; what an element is, its own parsing decides. Written here because
 * a row that is refused has to be named by its line, which streaming parsers do not tell.
 */
import { PartialText } from './partial-text.js'
import { BadData, type InputRow, MAX_ROW_TEXT_BYTES, readRow, tooLong } from './row.js'

export async function* readJsonArray(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<InputRow[], void, undefined> {
  const splitter = new ArraySplitter()
  for await (const chunk of chunks) {
    const rows: InputRow[] = []
    try {
      splitter.feed(chunk, rows)
    } catch (error) {
      // The rows before the bad one come first.
      yield rows
      throw error
    }
    yield rows
  }
  splitter.end()
}

/** Where in the text the splitter is: what it expects there. */
const Place = {
  beforeArray: 'an array of rows',
  /** After `[`. */
  first: 'a row or the end of the array',
  /** After `,`. */
  next: 'a row',
  row: 'the end of the row',
  /** After a row. */
  between: "',' or ']'",
  afterArray: 'nothing more',
} as const
type Place = (typeof Place)[keyof typeof Place]

const LINE_FEED = 0x0a
const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const BLANKS: ReadonlySet<number> = new Set([0x20, 0x09, LINE_FEED, 0x0d])

class ArraySplitter {
  readonly #text = new PartialText()
  #place: Place = Place.beforeArray
  #line = 1
  /** The line that the row under way begins on. */
  #rowLine = 1
  /** Brackets open in the row under way. */
  #depth = 0
  #inString = false
  #escaped = false

  /** Takes a piece of the text, and adds the rows that it completes. */
  feed(chunk: Buffer, rows: InputRow[]): void {
    let start = 0
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i] ?? 0
      if (byte === LINE_FEED) this.#line += 1
      if (this.#place === Place.row) {
        if (!this.#endsRow(byte)) continue
        rows.push(readRow(this.#text.take(chunk.subarray(start, i + 1)), this.#rowLine))
        this.#place = Place.between
      } else if (!BLANKS.has(byte) && this.#beginsRow(byte)) {
        start = i
      }
    }
    if (this.#place !== Place.row) return
    if (this.#text.add(chunk.subarray(start)) > MAX_ROW_TEXT_BYTES) throw tooLong(this.#rowLine)
  }

  end(): void {
    if (this.#place === Place.afterArray) return
    throw new BadData(this.#line, `the file ends, where ${this.#place} was expected`)
  }

  #endsRow(byte: number): boolean {
    if (this.#escaped) this.#escaped = false
    else if (this.#inString) {
      this.#escaped = byte === BACKSLASH
      this.#inString = byte !== QUOTE
    } else if (byte === QUOTE) this.#inString = true
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) this.#depth += 1
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) this.#depth -= 1
    return this.#depth === 0
  }

  #beginsRow(byte: number): boolean {
    const next = placeAfter(this.#place, byte)
    if (next === undefined) {
      const hint = this.#place === Place.beforeArray ? '; for one row a line use --format ndjson' : ''
      throw new BadData(
        this.#line,
        `${this.#place} was expected, not ${JSON.stringify(String.fromCharCode(byte))}${hint}`,
      )
    }
    this.#place = next
    if (next !== Place.row) return false
    this.#rowLine = this.#line
    this.#depth = 1
    return true
  }
}

/** Where one is after a byte between the rows; undefined if it does not belong there. */
function placeAfter(place: Place, byte: number): Place | undefined {
  if (place === Place.beforeArray) return byte === OPEN_ARRAY ? Place.first : undefined
  if (place === Place.between && byte === COMMA) return Place.next
  if ((place === Place.first || place === Place.between) && byte === CLOSE_ARRAY) return Place.afterArray
  return (place === Place.first || place === Place.next) && byte === OPEN_OBJECT ? Place.row : undefined
}
