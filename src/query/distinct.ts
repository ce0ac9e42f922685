/** The distinct values of a path in rows. */
import { valuesAt } from '../catalog/field-values.js'
import { LimitError } from '../errors.js'
import type { Row } from '../format/value.js'
import { compareValues } from './value-order.js'
import { identityText } from './value-text.js'

/** Most distinct values, and most groups of an aggregate. */
export const MAX_GROUPS = 100_000

/** Null stands for missing too. */
export class DistinctValues {
  readonly #path: readonly string[]
  readonly #found = new Map<string, unknown>()

  constructor(path: readonly string[]) {
    this.#path = path
  }

  /** Throws `VARVE_LIMIT`. */
  add(row: Row): void {
    valuesAt(row, this.#path, (value) => {
      this.#found.set(identityText(value), value ?? null)
    })
    if (this.#found.size > MAX_GROUPS) throw tooMany(`distinct values of '${this.#path.join('.')}'`)
  }

  sorted(): unknown[] {
    return [...this.#found.values()].sort(compareValues)
  }
}

export function tooMany(what: string): LimitError {
  return new LimitError(
    `There are more than ${MAX_GROUPS} ${what}. Narrow the filter, or iterate over the rows instead.`,
    { limit: 'MAX_GROUPS', expected: `at most ${MAX_GROUPS}` },
  )
}
