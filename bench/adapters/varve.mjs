/** Varve with a typed collection and its defaults. Tuned: a larger cache. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const dist = process.env.VARVE_BENCH_DIST
const load = (entry) => import(pathToFileURL(join(dist, entry)).href)
const { Database, defineCollection, field } = await load('index.js')

function collectionOf(indexed) {
  return defineCollection({
    name: 'rows',
    primaryKey: 'id',
    fields: {
      id: field.string(),
      name: field.string(),
      email: field.string(),
      age: field.int(),
      score: field.float64(),
      active: field.boolean(),
      city: field.string(),
      created: field.int(),
      level: field.int(),
      group: field.string(),
    },
    indexes: indexed ? { byGroup: { on: 'group' }, byScore: { on: 'score' } } : {},
  })
}

export async function open({ folder, indexed, durable, cacheBytes }) {
  const Rows = collectionOf(indexed)
  const path = join(folder, 'rows.varve')
  const db = await Database.open(path, {
    collections: [Rows],
    durability: durable ? 'commit' : 'os',
    ...(cacheBytes === undefined ? {} : { cacheBytes }),
  })
  const rows = db.collection(Rows)
  return {
    load: (batch) => rows.insertMany(batch),
    put: (row) => rows.put(row),
    putSync: (row) => rows.putSync(row),
    insert: (row) => rows.insertSync(row),
    update: (key, level) => rows.updateSync(key, { level }),
    get: (key) => rows.get(key),
    range: (key, limit) => rows.range({ gte: key, limit }).toArray(),
    equal: (group) => rows.find({ group }).toArray(),
    above: (score, limit) =>
      rows.find({ score: { $gte: score } }, { orderBy: { score: 'asc' }, limit }).toArray(),
    modify: (keys, change) =>
      db.transactionSync((tx) => {
        const inside = tx.collection(Rows)
        for (const key of keys) inside.update(key, change)
      }),
    remove: (keys) =>
      db.transactionSync((tx) => {
        const inside = tx.collection(Rows)
        for (const key of keys) inside.delete(key)
      }),
    scan(visit) {
      for (const row of rows.range()) visit(row)
    },
    compact: () => db.compact(),
    exportTo: (target) => db.exportSnapshot(join(target, 'rows.varve')),
    async verify() {
      const { verify } = await load('tools.js')
      const { ok } = await verify(path, { deep: true })
      if (!ok) throw new Error('Varve says that its file is damaged')
    },
    bytes: () => statSync(path).size,
    close: () => db.close(),
  }
}
