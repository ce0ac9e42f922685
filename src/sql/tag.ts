/** How statements are written: as tagged templates, or as text with placeholders. */
import { ArgumentError } from '../errors.js'
import { describe } from '../format/describe.js'
import { SqlQuery, type SqlRow, type SqlSource } from './sql-query.js'
import { SqlText } from './text.js'

/** Reads a template as a SELECT. The type of rows is the caller's claim. */
export type SqlTag = <R = SqlRow>(pieces: TemplateStringsArray, ...values: unknown[]) => SqlQuery<R>

/**
 * SQL over a database, a snapshot or a transaction: a tag for templates with a SELECT. What is put into the template is passed as
 * values, never as text. Needs the package `pgsql-ast-parser`.
 *
 * The tag throws `VARVE_QUERY` for what is not understood or not supported, with line and column, and if the package is not installed;
 * `VARVE_SCHEMA` if there is no such collection.
 *
 * @example
 * ```ts
 * import { sql } from 'varve/sql'
 * const year = 1960
 * const recent = sql(db)`SELECT title, year FROM books WHERE year >= ${year} ORDER BY year DESC LIMIT 10`
 * for (const { title, year } of recent) console.log(title, year)
 * ```
 */
export function sql(source: SqlSource): SqlTag {
  return <R = SqlRow>(pieces: TemplateStringsArray, ...values: unknown[]): SqlQuery<R> => {
    if (!Array.isArray(pieces) || !Array.isArray(pieces.raw))
      throw new ArgumentError(
        `sql(db) is a tag of templates: write sql(db)\`SELECT …\`, not ${describe(pieces)}.`,
      )
    return new SqlQuery<R>(source, SqlText.ofTemplate(pieces, values))
  }
}

/**
 * The same from a text that is not known beforehand, with `$1`, `$2` where the values belong. Never build such a text from input.
 *
 * @example
 * ```ts
 * import { querySql } from 'varve/sql'
 * const rows = querySql(db, 'SELECT COUNT(*) AS books FROM books WHERE title LIKE $1', ['D%']).toArray()
 * ```
 */
export function querySql<R = SqlRow>(
  source: SqlSource,
  text: string,
  values: readonly unknown[] = [],
): SqlQuery<R> {
  if (typeof text !== 'string') throw new ArgumentError(`querySql takes a text, not ${describe(text)}.`)
  return new SqlQuery<R>(source, new SqlText(text, values))
}
