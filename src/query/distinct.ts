/** The distinct values of a path in rows. */
import { valuesAt } from '../catalog/field-values.js'
import { LimitError } from '../errors.js'
import type { Row } from '../format/value.js'
import { compareValues } from './value-order.js'
import { identityText } from './value-text.js'

/** Most distinct values, and most groups of an aggregate. */
export const MAX_GROUPS = 100_000

/** In order; null stands for missing too. Throws `VARVE_LIMIT`. */
export function distinctValues(rows: Iterable<Row>, path: readonly string[]): unknown[] {
  const found = new Map<string, unknown>()
  for (const row of rows) {
    valuesAt(row, path, (value) => {
      found.set(identityText(value), value ?? null)
    })
    if (found.size > MAX_GROUPS) throw tooMany(`distinct values of '${path.join('.')}'`)
  }
  return [...found.values()].sort(compareValues)
}

export function tooMany(what: string): LimitError {
  return new LimitError(
    `There are more than ${MAX_GROUPS} ${what}. Narrow the filter, or iterate over the rows instead.`,
    { limit: 'MAX_GROUPS', expected: `at most ${MAX_GROUPS}` },
  )
}
