/** What `find` takes besides a filter, read and checked. */
import { QueryError } from '../errors.js'
import { describe } from '../format/describe.js'
import { isPlainObject } from '../format/value-kinds.js'
import type { RowPath } from '../row-paths.js'
import { type FilterNode, parseFilter, parsePath } from './filter.js'
import type { OrderBy } from './filter-types.js'
import { type OrderField, parseOrder } from './order.js'
import { queryHash } from './page-token.js'
import { parseSelect, type Projection } from './select.js'
import { identityText, valueText } from './value-text.js'

/** A row, or rows, of another collection to be put into each row found. */
export interface LookupOptions {
  /** The other collection. */
  readonly from: string
  /** The field of this row that says which: a key of the other collection, or a list of keys. */
  readonly on: string
  /**
   * A field of the other collection that must be equal to it, instead of its primary key: all such rows are found. Have an index on
   * it.
   */
  readonly to?: string | undefined
}

/** Lookups by the name of the field that takes what they find. */
export type Lookups = Readonly<Record<string, LookupOptions>>

/** What `find` takes. */
export interface FindOptions<
  R = Record<string, unknown>,
  P extends RowPath<R> = RowPath<R>,
  L extends Lookups | undefined = Lookups | undefined,
> {
  /**
   * The order of rows, by one field or several; ties go by primary key, in the direction of the last field. Default: that of
   * the access path.
   */
  readonly orderBy?: OrderBy<R> | undefined
  /** Most rows to give. Default: all; for `page`, 100. */
  readonly limit?: number | undefined
  /** How many rows to pass over at the start. Default 0. */
  readonly offset?: number | undefined
  /** Where a page of the same query ended: what `page` returned as `next`. */
  readonly after?: string | undefined
  /** Give only these fields or dotted paths of each row. Default: all. */
  readonly select?: readonly P[] | undefined
  /** Put rows of other collections, as of the same commit, into each row. */
  readonly lookup?: L | undefined
}

/** A lookup, read. */
export interface LookupField {
  readonly name: string
  readonly from: string
  readonly on: readonly string[]
  readonly to: string | undefined
}

/** A query, read. */
export interface ParsedQuery {
  readonly filter: FilterNode
  readonly order: readonly OrderField[]
  readonly limit: number | undefined
  readonly offset: number
  readonly after: string | undefined
  readonly select: Projection | undefined
  readonly lookups: readonly LookupField[]
  /** The same for the same filter and order. */
  readonly hash: () => string
}

const OPTIONS: ReadonlySet<string> = new Set(['orderBy', 'limit', 'offset', 'after', 'select', 'lookup'])

/** Reads a query. Throws `VARVE_QUERY`. */
export function parseQuery(filter: unknown, options: unknown): ParsedQuery {
  if (!isPlainObject(options))
    throw new QueryError(`The options of a query must be an object, not ${describe(options)}.`)
  for (const name of Object.keys(options))
    if (!OPTIONS.has(name))
      throw new QueryError(`A query has no option '${name}'; known are ${[...OPTIONS].join(', ')}.`)
  const { after } = options
  const order = parseOrder(options['orderBy'])
  const parsed = parseFilter(filter)
  return {
    filter: parsed,
    order,
    limit: countOf('limit', options['limit']),
    offset: countOf('offset', options['offset']) ?? 0,
    after: after === undefined || typeof after === 'string' ? after : refuseToken(after),
    select: parseSelect(options['select']),
    lookups: parseLookups(options['lookup']),
    hash: () => hashOf(parsed, order),
  }
}

function hashOf(filter: FilterNode, order: readonly OrderField[]): string {
  const fields = order.map(({ path, descending }) => [path, descending])
  return queryHash(`${identityText(filter)}|${identityText(fields)}`)
}

function refuseToken(after: unknown): never {
  throw new QueryError(`The option after must be what page() returned as next, not ${describe(after)}.`)
}

function countOf(name: string, value: unknown): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw new QueryError(`The option ${name} must be an integer of at least 0, not ${valueText(value)}.`)
}

function parseLookups(lookup: unknown): LookupField[] {
  if (lookup === undefined) return []
  if (!isPlainObject(lookup)) throw new QueryError(`lookup must be an object, not ${describe(lookup)}.`)
  return Object.keys(lookup).map((name) => {
    const options = lookup[name]
    const { from, on, to } = isPlainObject(options) ? options : {}
    if (typeof from !== 'string' || typeof on !== 'string' || (to !== undefined && typeof to !== 'string'))
      throw new QueryError(
        `The lookup '${name}' must be an object such as { from: 'authors', on: 'authorId' }, with to where it is not by primary key.`,
      )
    if (to !== undefined) parsePath(to, `The lookup '${name}'`)
    return { name, from, on: parsePath(on, `The lookup '${name}'`), to }
  })
}
