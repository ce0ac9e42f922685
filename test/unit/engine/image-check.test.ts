/** An image is checked before it is put to use: whatever is wrong with it is found. */
import { describe, expect, it } from 'vitest'
import { Database } from '../../../src/database.js'
import { checkImage } from '../../../src/engine/image-check.js'
import { generationAfter, writeImage } from '../../../src/engine/image.js'
import { openEngineSync } from '../../../src/engine/open.js'
import type { CollectionState, DatabaseState } from '../../../src/engine/state.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import type { StorageFile } from '../../../src/storage/storage.js'
import { runSync } from '../../../src/storage/task.js'
import { RecordRef, type Tree, TreeEditor } from '../../../src/tree/index.js'
import { sampled } from '../../support/counts.js'
import { workloadPlatform } from '../../support/workload-platform.js'

const ROWS = 120
const { platform } = workloadPlatform({ seed: 1 })
const { checksum } = platform

interface Source {
  readonly state: DatabaseState
  /** The collection with the rows. */
  readonly rows: CollectionState
  readonly write: (state: DatabaseState) => StorageFile
}

/** A database with two collections of rows, and what writes a state of it as an image. */
async function source(): Promise<Source> {
  const storage = new MemoryStorage()
  const engine = openEngineSync('source.varve', { durability: 'os' }, { ...platform, storage })
  const db = new Database(engine)
  for (const name of ['a', 'rows']) {
    await db.registerCollection(name, [], 'id', { indexes: { byN: { on: 'n' } } })
    await db
      .collection(name)
      .insertMany(Array.from({ length: ROWS }, (_, id) => ({ id, n: id % 7, text: 'x'.repeat(id % 50) })))
  }
  for (let id = 0; id < ROWS; id += 3) await db.delete('rows', id)
  const state = engine.pin()
  const { file, codecs, header } = engine.generation
  const write = (of: DatabaseState): StorageFile => {
    const target = storage.open('image.varve', 'create')
    storage.remove('image.varve')
    const next = generationAfter(header, of.commit, platform)
    runSync(writeImage(target, { state: of, file, codecs }, next, checksum))
    return target
  }
  const rows = state.collections.get(state.names.get('rows') ?? 0)
  if (rows === undefined) throw new TypeError('No collection.')
  return { state, rows, write }
}

/** The same state, but for one collection. */
function changed({ state, rows }: Source, change: Partial<CollectionState>): DatabaseState {
  const collections = new Map(state.collections)
  collections.set(rows.definition.id, { ...rows, ...change })
  return { ...state, collections }
}

/** The tree with its second and its third key leading to each other's record. */
function crossed(tree: Tree): Tree {
  const cursor = tree.cursor({}, { offset: 1 })
  const entries = [0, 1].map(() => {
    cursor.next()
    return { key: cursor.key(), ref: Object.assign(new RecordRef(), cursor.ref) }
  })
  const [first, second] = entries
  if (first === undefined || second === undefined) throw new TypeError('No entries.')
  const editor = new TreeEditor(tree)
  const set = (key: Uint8Array, { position, lengthBytes, crc }: RecordRef): void =>
    void editor.set(key, position, lengthBytes, crc, new RecordRef())
  set(first.key, second.ref)
  set(second.key, first.ref)
  return editor.freeze()
}

const check = (file: StorageFile, state: DatabaseState): void => runSync(checkImage(file, state, checksum))
const wrong = expect.objectContaining({ code: 'VARVE_CORRUPTION' })

describe('the check of an image', () => {
  it('finds nothing wrong with the image of a state', async () => {
    const { state, write } = await source()
    expect(() => check(write(state), state)).not.toThrow()
  })

  it('finds every changed byte', async () => {
    const { state, write } = await source()
    const file = write(state)
    const image = new Uint8Array(file.size())
    file.read(image, 0)
    const unnoticed: number[] = []
    for (const at of sampled([...image.keys()], 211)) {
      file.write(new Uint8Array([(image[at] ?? 0) ^ (1 << (at % 8))]), at)
      try {
        check(file, state)
        unnoticed.push(at)
      } catch (error) {
        expect(error).toEqual(wrong)
      }
      file.write(image.subarray(at, at + 1), at)
    }
    expect(unnoticed).toEqual([])
  })

  it('finds a file that ends too early, or that goes on', async () => {
    const { state, write } = await source()
    const file = write(state)
    const size = file.size()
    file.truncate(size - 8)
    expect(() => check(file, state)).toThrow(wrong)
    const longer = write(state)
    longer.write(new Uint8Array([1]), size + 64)
    expect(() => check(longer, state)).toThrow(wrong)
  })

  it('finds keys that lead to the rows of other keys, though every checksum holds', async () => {
    const from = await source()
    const state = changed(from, { tree: crossed(from.rows.tree) })
    expect(() => check(from.write(state), state)).toThrow(wrong)
  })

  it('finds rows that are not those of the state', async () => {
    const from = await source()
    const { a, b } = from.rows.digest
    const state = changed(from, { digest: { a, b: (b + 1) >>> 0 } })
    expect(() => check(from.write(from.state), state)).toThrow(wrong)
    expect(() => check(from.write(state), from.state)).toThrow(wrong)
    // Stated in the file as well.
    expect(() => check(from.write(state), state)).toThrow(wrong)
    expect(() => check(from.write(changed(from, { tree: from.rows.tree })), from.state)).not.toThrow()
  })

  it('finds a row that is missing, and one that is too many', async () => {
    const from = await source()
    const editor = new TreeEditor(from.rows.tree)
    const key = from.rows.tree.keyAt(5)
    if (key === undefined) throw new TypeError('No key.')
    editor.delete(key, new RecordRef())
    const fewer = changed(from, { tree: editor.freeze() })
    expect(() => check(from.write(fewer), from.state)).toThrow(wrong)
    expect(() => check(from.write(from.state), fewer)).toThrow(wrong)
    expect(() => check(from.write(fewer), fewer)).toThrow(wrong)
  })

  it('finds an index with other entries', async () => {
    const from = await source()
    const [index] = from.rows.indexes
    const key = index?.tree.keyAt(7)
    if (index === undefined || key === undefined) throw new TypeError('No index.')
    const editor = new TreeEditor(index.tree)
    editor.delete(key, new RecordRef())
    const fewer = editor.freeze()
    const more = new TreeEditor(fewer)
    more.set(new Uint8Array([...key, 0]), 0, 0, 0, new RecordRef())
    for (const tree of [fewer, more.freeze()]) {
      const state = changed(from, { indexes: [{ ...index, tree }] })
      expect(() => check(from.write(state), from.state)).toThrow(wrong)
    }
  })

  it('finds an image of another commit', async () => {
    const { state, write } = await source()
    const later = { ...state, commit: { ...state.commit, sequence: state.commit.sequence + 1 } }
    expect(() => check(write(state), later)).toThrow(wrong)
  })
})
