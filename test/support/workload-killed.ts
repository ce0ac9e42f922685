/**
 * The program that is killed: opens a database and writes to it, saying on standard output what was acknowledged.
 *
 * It compacts and exports most of the time: the kill falls within a compaction, or shortly before or behind one. With the
 * durability `restore` it restores what was exported, again and again.
 *
 * Arguments: path, durability, bytes of cache. A cache of none has a checkpoint under way most of the time; others are asked
 * for, and not awaited. Each round goes on where the rows in the file end. A row's `n` counts
 * up, and `twin` rows are written in the same transaction, so that a hole or a half transaction shows.
 */
import { writeSync } from 'node:fs'
import { Database, ErrorCode, VarveError } from '../../src/index.js'
import type { Durability } from '../../src/index.js'

/** Blocking, so that what was said before a kill is said. */
function say(text: string): void {
  writeSync(1, `${text}\n`)
}

/** One compaction at a time. */
function unlessBusy(error: unknown): void {
  if (!VarveError.is(error, ErrorCode.busy)) throw error
}

async function main(path: string, durability: Durability, cacheBytes: number): Promise<void> {
  say('start')
  const db = await Database.open(path, { durability, cacheBytes, lock: { waitMs: 5000 } })
  await db.registerCollection('rows', [], 'n')
  await db.registerCollection('twins', [], 'n')
  say('open')
  let next =
    (db.collection('rows').range({ reverse: true, limit: 1 }).first()?.['n'] as number | undefined) ?? 0
  let exporting: Promise<void> | undefined
  for (;;) {
    const group = Array.from({ length: 1 + (next % 5) }, () => {
      next += 1
      const n = next
      const text = 'x'.repeat(n % 7 === 0 ? 70_000 : n % 300)
      return db
        .transaction((tx) => {
          tx.collection('rows').insert({ n, text })
          tx.collection('twins').insert({ n, length: text.length })
        })
        .then(() => say(`ack ${n}`))
    })
    if (next % 8 === 0) void db.checkpoint().then(() => say('checkpoint'))
    exporting ??= db
      .exportSnapshot(`${path}.copy`, { force: true })
      .then(() => say('export'))
      .finally(() => void (exporting = undefined))
    if (next % 3 === 0) void db.compact().then(() => say('compaction'), unlessBusy)
    await Promise.all(group)
    if (next % 11 === 0) {
      next += 1
      db.transactionSync((tx) => {
        tx.collection('rows').insert({ n: next, text: 'sync' })
        tx.collection('twins').insert({ n: next, length: 4 })
      })
      say(`ack ${next}`)
    }
  }
}

async function restore(path: string): Promise<void> {
  say('start')
  for (;;) {
    await Database.restoreSnapshot(`${path}.copy`, `${path}.restored`, { force: true })
    say('restore')
  }
}

const [, , path, durability, cacheBytes] = process.argv
if (path === undefined) throw new TypeError('Usage: <path> <durability>')
if (durability === 'restore') await restore(path)
else
  await main(
    path,
    durability === 'os' || durability === 'interval' ? durability : 'commit',
    Number(cacheBytes),
  )
