/**
 * lmdb: rows under their keys, an index as a database of its own with several values a key.
 * Tuned: a cache of decoded rows (which callers share), a writable map, and structures of rows kept once.
 */
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { open as openEnvironment } from 'lmdb'

const TUNED = { cache: true, sharedStructuresKey: Symbol.for('structures') }

export function open({ folder, indexed, durable, blocking, tuned }) {
  const path = join(folder, 'data.mdb')
  const environment = openEnvironment({
    path,
    ...(tuned ? { useWritemap: true } : {}),
    // With the default, a blocking write returns before it is on the disk.
    ...(durable && blocking ? { overlappingSync: false } : {}),
    ...(durable ? {} : { noSync: true }),
  })
  const db = environment.openDB('rows', tuned ? TUNED : {})
  const index = { dupSort: true, encoding: 'ordered-binary' }
  const byGroup = indexed ? environment.openDB('byGroup', index) : undefined
  const byScore = indexed ? environment.openDB('byScore', index) : undefined
  const rowsOf = (keys) => keys.map((key) => db.get(key))
  return {
    load: (batch) =>
      db.transaction(() => {
        for (const row of batch) {
          void db.put(row.id, row)
          void byGroup?.put(row.group, row.id)
          void byScore?.put(row.score, row.id)
        }
      }),
    async put(row) {
      await db.put(row.id, row)
      if (durable) await db.flushed
    },
    putSync: (row) => db.putSync(row.id, row),
    insert: (row) => db.putSync(row.id, row),
    update: (key, level) => db.putSync(key, { ...db.get(key), level }),
    get: (key) => db.get(key),
    range: (key, limit) => Array.from(db.getRange({ start: key, limit }), ({ value }) => value),
    equal: (group) => rowsOf(Array.from(byGroup.getValues(group))),
    above: (score, limit) =>
      rowsOf(Array.from(byScore.getRange({ start: score, limit }), ({ value }) => value)),
    modify: (keys, change) =>
      db.transactionSync(() => {
        for (const key of keys) db.putSync(key, change(db.get(key)))
      }),
    remove: (keys) =>
      db.transactionSync(() => {
        for (const key of keys) db.removeSync(key)
      }),
    scan(visit) {
      for (const { value } of db.getRange()) visit(value)
    },
    /** What its users do: write a compacted copy, which then takes the place of the file. */
    async compact() {
      mkdirSync(join(folder, 'compacted'))
      await environment.backup(join(folder, 'compacted', 'data.mdb'), true)
      return statSync(join(folder, 'compacted', 'data.mdb')).size
    },
    exportTo: (target) => environment.backup(join(target, 'data.mdb'), false),
    bytes: () => statSync(path).size,
    close: () => environment.close(),
  }
}
