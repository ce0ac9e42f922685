/**
 * What a write keeps of its arguments while it waits for its turn.
 */
import { copyStorable, type Row } from '../format/value.js'

/** A copy of a row or patch that waits for its turn, so that later changes by the caller do not reach it. */
export function keep(row: Row): Row {
  return copyStorable(row)
}
