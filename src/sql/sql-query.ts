/** A statement that can be run: rows of its columns, as often as wanted. */
import type { CollectionReader } from '../collection-reader.js'
import type { QueryPlan } from '../query/explain.js'
import type { Query } from '../query/query.js'
import { compareValues } from '../query/value-order.js'
import { type Group, type Grouping, groupsOf, groupsOfAsync } from './aggregates.js'
import { filterOf, type PlainFilter } from './conditions.js'
import { valueOfColumn } from './names.js'
import { type Origin, type OutputOrder, readStatement, type Statement, valueIn } from './statement.js'
import type { SqlText } from './text.js'

/** A row of a result: the columns by name, null where the row of the collection has nothing there. */
export type SqlRow = Record<string, unknown>

/** What SQL reads: a database, a snapshot, or a transaction. */
export interface SqlSource {
  collection(name: string): CollectionReader
}

type Finish = (row: SqlRow) => SqlRow

/**
 * The rows of a SELECT. Nothing is read before rows are asked for, and then all from one commit, the last one of what it was made from;
 * iterable as often as wanted. `for await` gives the event loop a turn every few milliseconds.
 */
export class SqlQuery<R = SqlRow> {
  /** The names of the columns in their order; undefined for `*`, whose rows are those of the collection. */
  readonly columns: readonly string[] | undefined
  readonly #collection: CollectionReader
  readonly #statement: Statement
  readonly #finish: Finish

  /** Made by `sql` and `querySql`. */
  constructor(source: SqlSource, text: SqlText) {
    this.#statement = readStatement(text)
    const { collection, columns } = this.#statement
    this.columns = columns?.map(({ name }) => name)
    this.#collection = source.collection(collection)
    this.#finish = finisherOf(this.#statement)
    this.#find()
  }

  *[Symbol.iterator](): Generator<R, void, undefined> {
    if (this.#statement.groupBy !== undefined)
      yield* this.#rowsOf(groupsOf(this.#collection, this.#grouping()))
    else for (const row of this.#find()) yield this.#finish(row) as R // The type of rows is the caller's claim.
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<R, void, undefined> {
    if (this.#statement.groupBy !== undefined)
      yield* this.#rowsOf(await groupsOfAsync(this.#collection, this.#grouping()))
    else for await (const row of this.#find()) yield this.#finish(row) as R // As above.
  }

  /** All rows at once. Holds the event loop for as long as it takes. */
  toArray(): R[] {
    return [...this]
  }

  /** The first row, or undefined. */
  first(): R | undefined {
    for (const row of this) return row
    return undefined
  }

  /** How the rows of the collection are found; with `analyze` also what it takes, by running it once. */
  explain(options: { readonly analyze?: boolean | undefined } = {}): QueryPlan {
    return this.#find().explain(options)
  }

  #filter(): PlainFilter {
    const [first = []] = this.#collection.definition.primaryKey
    return filterOf(this.#statement.where, first.join('.'))
  }

  #find(): Query<SqlRow> {
    const { columns, groupBy, aggregates, order, limit, offset } = this.#statement
    const filter = this.#filter()
    if (groupBy !== undefined) {
      const paths = aggregates.flatMap(({ path }) => (path === undefined ? [] : [path]))
      return this.#collection.find(filter, { select: [...groupBy, ...paths] })
    }
    const select = columns?.map(({ origin }) => pathIn(origin))
    const orderBy = order.map(
      ({ origin, descending }) => ({ [pathIn(origin)]: descending ? -1 : 1 }) as const,
    )
    return this.#collection.find(filter, { select, orderBy, limit, offset })
  }

  #grouping(): Grouping {
    const { groupBy = [], aggregates } = this.#statement
    return { filter: this.#filter(), by: groupBy, aggregates }
  }

  #rowsOf(all: Group[]): R[] {
    const { having, order, limit, offset, columns = [] } = this.#statement
    const groups = having === undefined ? all : all.filter(having)
    if (order.length > 0) groups.sort((a, b) => compareGroups(a, b, order))
    const wanted = groups.slice(offset, offset + (limit ?? groups.length))
    return wanted.map(
      (group) => Object.fromEntries(columns.map(({ name, origin }) => [name, valueIn(group, origin)])) as R, // As above.
    )
  }
}

function finisherOf({ columns, groupBy }: Statement): Finish {
  if (columns === undefined || groupBy !== undefined) return (row) => row
  const paths = columns.map(({ name, origin }) => ({ name, path: pathIn(origin).split('.') }))
  return (row) => Object.fromEntries(paths.map(({ name, path }) => [name, valueOfColumn(row, path)]))
}

/** The path of a column of rows that are not grouped. */
function pathIn(origin: Origin): string {
  return origin.kind === 'field' ? origin.path : ''
}

function compareGroups(a: Group, b: Group, order: readonly OutputOrder[]): number {
  for (const { origin, descending } of order) {
    const difference = compareValues(valueIn(a, origin), valueIn(b, origin))
    if (difference !== 0) return descending ? -difference : difference
  }
  return 0
}
