/**
 * The entry `varve`: the database on Node's platform.
 */
export { Database } from './node-database.js'
export * from './surface.js'
