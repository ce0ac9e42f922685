/** Files that are let go of without a close. */
import { readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import v8 from 'node:v8'
import vm from 'node:vm'
import { expect, it } from 'vitest'
import { Database, type Snapshot } from '../../../src/index.js'
import { fileStorage } from '../../../src/storage/file-storage.js'
import { temporaryDirectory } from '../../support/temporary-directory.js'

const isLinux = process.platform === 'linux'

/** Lets the collector run until something holds. A hang is ended by the runner. */
async function collectedUntil(holds: () => boolean): Promise<void> {
  v8.setFlagsFromString('--expose-gc')
  const collect = vm.runInNewContext('gc') as () => void // What the flag brings.
  while (!holds()) {
    collect()
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

/** Descriptors of files that have no name any more. */
const nameless = (): number =>
  readdirSync('/proc/self/fd').filter((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`).endsWith('.varve (deleted)')
    } catch {
      return false
    }
  }).length

it.skipIf(!isLinux)('a file that a compaction replaced is closed when nobody reads it any more', async () => {
  const directory = temporaryDirectory()
  const db = await Database.open(directory.file('kept.varve'), { durability: 'os' })
  await db.registerCollection('rows', [], 'id')
  await db.insert('rows', { id: 1 })
  // In functions of their own, so that no register of this one keeps the snapshot.
  const held: Snapshot[] = []
  const take = (): void => void held.push(db.snapshot())
  const read = (): unknown => held[0]?.collection('rows').get(1)
  const letGo = (): void => held.pop()?.close()
  take()
  await db.compact()
  await db.insert('rows', { id: 2 })
  await db.compact()
  // That of the second file goes, that of the first stays for the snapshot.
  await collectedUntil(() => nameless() <= 2)
  expect(nameless()).toBeGreaterThan(0)
  expect(read()).toEqual({ id: 1 })
  letGo()
  await collectedUntil(() => nameless() === 0)
  expect(db.count('rows')).toBe(2)
  await db.close()
  directory.remove()
})

it.skipIf(!isLinux)('a file that nobody holds any more is closed in the end', async () => {
  const directory = temporaryDirectory()
  const path = directory.file('held')
  writeFileSync(path, 'text')
  const open = (): number => readdirSync('/proc/self/fd').length
  const before = open()
  const storage = fileStorage
  const kept = storage.open(path, 'readWrite')
  const abandon = (): void => {
    for (let i = 0; i < 20; i++) storage.open(path, 'readWrite')
  }
  abandon()
  expect(open()).toBe(before + 42)
  await collectedUntil(() => open() <= before + 2)
  expect(kept.size()).toBe(4)
  kept.close()
  expect(open()).toBe(before)
  directory.remove()
})
