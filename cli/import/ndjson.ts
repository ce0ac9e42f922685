/**
 * NDJSON: one row a line. Empty lines count, and hold nothing.
 */
import { PartialText } from './partial-text.js'
import { type InputRow, MAX_ROW_TEXT_BYTES, readRow, tooLong } from './row.js'

const LINE_FEED = 0x0a

export async function* readNdjson(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<InputRow[], void, undefined> {
  const line = new PartialText()
  let number = 1
  for await (const chunk of chunks) {
    const rows: InputRow[] = []
    try {
      let start = 0
      for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
        addRow(rows, line.take(chunk.subarray(start, end)), number)
        number += 1
        start = end + 1
      }
      if (line.add(chunk.subarray(start)) > MAX_ROW_TEXT_BYTES) throw tooLong(number)
    } catch (error) {
      // The rows before the bad one come first.
      yield rows
      throw error
    }
    yield rows
  }
  const rows: InputRow[] = []
  addRow(rows, line.take(Buffer.alloc(0)), number)
  yield rows
}

function addRow(rows: InputRow[], bytes: Buffer, line: number): void {
  if (!isBlank(bytes)) rows.push(readRow(bytes, line))
}

const BLANKS: ReadonlySet<number> = new Set([0x20, 0x09, 0x0d])

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => BLANKS.has(byte))
}
