/** node:sqlite, the SQLite that comes with Node. */
import { backup, DatabaseSync } from 'node:sqlite'
import { sqliteHandle } from './sqlite.mjs'

/** It has no transactions of its own but those of SQL. */
function transaction(db, run) {
  const [begin, commit, rollback] = ['BEGIN', 'COMMIT', 'ROLLBACK'].map((sql) => db.prepare(sql))
  return (...parameters) => {
    begin.run()
    try {
      run(...parameters)
      commit.run()
    } catch (error) {
      rollback.run()
      throw error
    }
  }
}

const library = { openFile: (path) => new DatabaseSync(path), transaction, backup }

export const open = (options) => sqliteHandle(library, options)
