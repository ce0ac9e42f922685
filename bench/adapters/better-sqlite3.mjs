/** better-sqlite3. */
import Sqlite from 'better-sqlite3'
import { sqliteHandle } from './sqlite.mjs'

const library = {
  openFile: (path) => new Sqlite(path),
  transaction: (db, run) => db.transaction(run),
  backup: (db, path) => db.backup(path),
}

export const open = (options) => sqliteHandle(library, options)
