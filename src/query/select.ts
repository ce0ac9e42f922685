/** Projections: rows with some of their fields only, at their places. */
import { QueryError } from '../errors.js'
import { describe } from '../format/describe.js'
import type { Row } from '../format/value.js'
import { isPlainObject } from '../format/value-kinds.js'
import { parsePath } from './filter.js'
import { setField } from './set-field.js'

/** Which fields to keep: whole ones, and some of what is in them. */
export interface Projection {
  readonly paths: readonly (readonly string[])[]
  readonly fields: Fields
}

/** By name; undefined keeps the whole field. */
type Fields = ReadonlyMap<string, Fields | undefined>

/** Reads `select`. Throws `VARVE_QUERY`. */
export function parseSelect(select: unknown): Projection | undefined {
  if (select === undefined) return undefined
  if (!Array.isArray(select) || !select.every((path) => typeof path === 'string'))
    throw new QueryError(`select must be a list of fields or dotted paths, not ${describe(select)}.`)
  const paths = select.map((path) => parsePath(path, 'select'))
  return { paths, fields: fieldsOf(paths) }
}

function fieldsOf(paths: readonly (readonly string[])[]): Fields {
  const fields = new Map<string, Fields | undefined>()
  for (const name of new Set(paths.map(([first = '']) => first))) {
    const within = paths.filter(([first]) => first === name).map((path) => path.slice(1))
    fields.set(name, within.some((rest) => rest.length === 0) ? undefined : fieldsOf(within))
  }
  return fields
}

/** A row of its own with the chosen fields; those that are not there stay away. A list on the way keeps its objects. */
export function project(row: Row, { fields }: Projection): Row {
  return chosen(row, fields)
}

function chosen(from: Row, fields: Fields): Row {
  const row: Row = {}
  for (const [name, within] of fields) {
    if (!Object.hasOwn(from, name)) continue
    const value = within === undefined ? from[name] : inner(from[name], within)
    if (value !== undefined) setField(row, name, value)
  }
  return row
}

function inner(value: unknown, fields: Fields): unknown {
  if (Array.isArray(value)) return value.filter(isPlainObject).map((element) => chosen(element, fields))
  return isPlainObject(value) ? chosen(value, fields) : undefined
}
