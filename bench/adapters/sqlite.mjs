/**
 * SQLite as both libraries for it are used: columns, prepared statements, a log written ahead (WAL), transactions by batch.
 * Tuned: a larger cache, the file mapped into memory, and rows kept in the tree of their keys.
 */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { commitQueue } from './commit-queue.mjs'

const COLUMNS = `id TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, age INTEGER NOT NULL, score REAL NOT NULL,
  active INTEGER NOT NULL, city TEXT NOT NULL, created INTEGER NOT NULL, level INTEGER NOT NULL, "group" TEXT NOT NULL`

function prepare(db, { indexed, durable, tuned, cacheBytes }) {
  db.exec('PRAGMA journal_mode = WAL')
  db.exec(`PRAGMA synchronous = ${durable ? 'FULL' : 'OFF'}`)
  if (tuned) db.exec(`PRAGMA cache_size = ${-cacheBytes / 1024}; PRAGMA mmap_size = ${4 * cacheBytes}`)
  db.exec(`CREATE TABLE IF NOT EXISTS rows (${COLUMNS}) ${tuned ? 'WITHOUT ROWID' : ''}`)
  if (!indexed) return
  db.exec('CREATE INDEX IF NOT EXISTS by_group ON rows ("group")')
  db.exec('CREATE INDEX IF NOT EXISTS by_score ON rows (score)')
}

/** A row as its users see it: SQLite has no booleans. */
function rowOf(found) {
  if (found !== undefined) found.active = found.active === 1
  return found
}

function rowsOf(found) {
  for (const row of found) row.active = row.active === 1
  return found
}

/** `openFile(path)` opens it; `transaction(db, run)` makes of `run` a function that runs in a transaction. */
export function sqliteHandle({ openFile, transaction, backup }, options) {
  const path = join(options.folder, 'rows.sqlite')
  const db = openFile(path)
  prepare(db, options)
  const put = db.prepare('INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
  const get = db.prepare('SELECT * FROM rows WHERE id = ?')
  const setLevel = db.prepare('UPDATE rows SET level = ? WHERE id = ?')
  const range = db.prepare('SELECT * FROM rows WHERE id >= ? ORDER BY id LIMIT ?')
  const equal = db.prepare('SELECT * FROM rows WHERE "group" = ?')
  const above = db.prepare('SELECT * FROM rows WHERE score >= ? ORDER BY score LIMIT ?')
  const remove = db.prepare('DELETE FROM rows WHERE id = ?')
  const all = db.prepare('SELECT * FROM rows')
  const putRow = (row) =>
    put.run(
      row.id,
      row.name,
      row.email,
      row.age,
      row.score,
      row.active ? 1 : 0,
      row.city,
      row.created,
      row.level,
      row.group,
    )
  const load = transaction(db, (batch) => {
    for (const row of batch) putRow(row)
  })
  return {
    load,
    enqueue: commitQueue(load),
    putSync: putRow,
    insert: putRow,
    update: (key, level) => setLevel.run(level, key),
    get: (key) => rowOf(get.get(key)),
    range: (key, limit) => rowsOf(range.all(key, limit)),
    equal: (group) => rowsOf(equal.all(group)),
    above: (score, limit) => rowsOf(above.all(score, limit)),
    modify: transaction(db, (keys, change) => {
      for (const key of keys) setLevel.run(change(rowOf(get.get(key))).level, key)
    }),
    remove: transaction(db, (keys) => {
      for (const key of keys) remove.run(key)
    }),
    scan(visit) {
      for (const row of all.iterate()) visit(rowOf(row))
    },
    compact() {
      db.exec('VACUUM')
      db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    },
    exportTo: (target) => backup(db, join(target, 'rows.sqlite')),
    verify() {
      const [found] = db.prepare('PRAGMA integrity_check').all()
      if (found.integrity_check !== 'ok') throw new Error('SQLite says that its file is damaged')
    },
    bytes: () => statSync(path).size,
    close: () => db.close(),
  }
}
