/**
 * classic-level (LevelDB): rows as JSON under their keys, an index as a sublevel of keys that end in the row's key, written in
 * the same batch. Tuned: a larger cache of blocks and a larger buffer of writes.
 */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'

const TUNED_WRITE_BUFFER_BYTES = 64 * 2 ** 20
const KEY_LENGTH = 16
/** After every character of a key. */
const LAST = '\uffff'

/** A score of two digits after the point so that text sorts as numbers do. */
const scoreText = (score) => String(Math.round(score * 100)).padStart(9, '0')
const rowKeyOf = (entry) => entry.slice(-KEY_LENGTH)

export async function open({ folder, indexed, durable, tuned, cacheBytes }) {
  const path = join(folder, 'level')
  const level = new ClassicLevel(
    path,
    tuned ? { cacheSize: cacheBytes, writeBufferSize: TUNED_WRITE_BUFFER_BYTES } : {},
  )
  await level.open()
  const rows = level.sublevel('rows', { valueEncoding: 'json' })
  const byGroup = level.sublevel('group')
  const byScore = level.sublevel('score')
  await Promise.all([rows.open(), byGroup.open(), byScore.open()])
  const write = (operations) => level.batch(operations, { sync: durable })
  const put = (row) => rows.put(row.id, row, { sync: durable })
  const load = (batch) => {
    const operations = []
    for (const row of batch) {
      operations.push({ type: 'put', sublevel: rows, key: row.id, value: row })
      if (!indexed) continue
      operations.push({ type: 'put', sublevel: byGroup, key: `${row.group}!${row.id}`, value: '' })
      operations.push({ type: 'put', sublevel: byScore, key: `${scoreText(row.score)}!${row.id}`, value: '' })
    }
    return write(operations)
  }
  return {
    load,
    put,
    insert: put,
    update: async (key, value) => put({ ...(await rows.get(key)), level: value }),
    get: (key) => rows.getSync(key),
    range: (key, limit) => rows.values({ gte: key, limit }).all(),
    equal: async (group) => {
      const entries = await byGroup.keys({ gte: `${group}!`, lt: `${group}!${LAST}` }).all()
      return rows.getMany(entries.map(rowKeyOf))
    },
    above: async (score, limit) => {
      const entries = await byScore.keys({ gte: scoreText(score), limit }).all()
      return rows.getMany(entries.map(rowKeyOf))
    },
    // No transactions: a batch is written whole or not at all, but what it was made from may have changed meanwhile.
    modify: async (keys, change) => {
      const changed = new Map()
      const found = await rows.getMany(keys)
      for (const [i, key] of keys.entries()) changed.set(key, change(changed.get(key) ?? found[i]))
      await write(Array.from(changed, ([key, value]) => ({ type: 'put', sublevel: rows, key, value })))
    },
    remove: (keys) => write(keys.map((key) => ({ type: 'del', sublevel: rows, key }))),
    async scan(visit) {
      for await (const row of rows.values()) visit(row)
    },
    compact: () => level.compactRange('', LAST),
    bytes: () => readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0),
    close: () => level.close(),
  }
}
