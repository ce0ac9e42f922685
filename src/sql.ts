/**
 * The entry `varve/sql`: SELECT over the planner of `find`, read-only.
 */
export { querySql, sql, type SqlTag } from './sql/tag.js'
export { SqlQuery, type SqlRow, type SqlSource } from './sql/sql-query.js'
