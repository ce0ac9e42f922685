/**
 * Rows in batches of a size.
 */
import type { InputRow } from './row.js'

/**
 * Groups rows as they come. When the reading fails, the rows of the batch that was filling are gone: what was read
 * before them has been handed out.
 */
export async function* batches(
  pieces: AsyncIterable<readonly InputRow[]>,
  size: number,
): AsyncGenerator<InputRow[], void, undefined> {
  let batch: InputRow[] = []
  for await (const piece of pieces) {
    for (let start = 0; start < piece.length;) {
      const end = Math.min(piece.length, start + size - batch.length)
      batch.push(...piece.slice(start, end))
      start = end
      if (batch.length < size) continue
      yield batch
      batch = []
    }
  }
  if (batch.length > 0) yield batch
}
