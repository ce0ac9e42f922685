/** Lookups: rows of other collections put into the rows of a query. */
import { valuesAt } from '../catalog/field-values.js'
import { valueAt } from '../catalog/field.js'
import { ArgumentError, VarveError } from '../errors.js'
import type { Key } from '../format/key.js'
import type { Row } from '../format/value.js'
import { RecordRef } from '../tree/index.js'
import { parseFilter } from './filter.js'
import type { LookupField } from './options.js'
import { rowsWhere } from './rows-where.js'
import type { QuerySource } from './source.js'

/** A function that finds what belongs to a row. */
export function lookupOf({ from, on, to }: LookupField, source: QuerySource): (row: Row) => unknown {
  const other = source.other(from)
  return to === undefined ? byKey(other, on) : byField(other, on, to)
}

/** The row of a key, or undefined; for a list of keys the rows that there are. */
function byKey({ collection, rows }: QuerySource, on: readonly string[]): (row: Row) => unknown {
  const { definition, keys, tree } = collection
  const ref = new RecordRef()
  const find = (value: unknown): Row | undefined => {
    const key = keyOf(value, (whole) => keys.encode(whole))
    return key !== undefined && tree.find(key, ref) ? rows.read(definition.id, ref, key) : undefined
  }
  return (row) => {
    const value = valueAt(row, on)
    const isList = Array.isArray(value) && keys.paths.length === 1
    return isList ? (value as unknown[]).map(find).filter((found) => found !== undefined) : find(value)
  }
}

/** A value that can be no key finds nothing. */
function keyOf(value: unknown, encode: (key: Key) => Uint8Array): Uint8Array | undefined {
  try {
    return encode(value as Key) // Checked by `encode`, whose refusal is the answer.
  } catch (error) {
    if (error instanceof ArgumentError || VarveError.is(error)) return undefined
    throw error
  }
}

/** All rows whose field is equal to the value, or to one of a list's. */
function byField(other: QuerySource, on: readonly string[], to: string): (row: Row) => unknown {
  return (row) => {
    const values: unknown[] = []
    valuesAt(row, on, (value) => {
      if (value !== undefined && value !== null) values.push(value)
    })
    return rowsWhere(other, parseFilter({ [to]: { $in: values } }))
  }
}
