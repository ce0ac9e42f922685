/** Trees whose nodes are stored, let go of, evicted and read again while editors change them. */
import { describe, expect, it } from 'vitest'
import { TreeEditor } from '../../../src/tree/editor.js'
import { RecordRef } from '../../../src/tree/record-ref.js'
import { unstoredNodes } from '../../../src/tree/storing.js'
import { Tree } from '../../../src/tree/tree.js'
import { count, seed } from '../../support/counts.js'
import { type Random, randomFrom } from '../../support/random.js'
import { type Piece, StoredTrees, unstoredBytesOf } from '../../support/stored-trees.js'
import { bytesOf, hex, longKeyOf, type TreeRunShape, walk } from '../../support/tree-model.js'

const SHAPES: readonly TreeRunShape[] = [
  { name: 'nothing cached, long keys', limitBytes: 0, keyBytes: 500, keys: 90, failing: 0 },
  { name: 'nothing cached, short keys', limitBytes: 0, keyBytes: 9, keys: 2000, failing: 0 },
  { name: 'a small cache', limitBytes: 40_000, keyBytes: 300, keys: 300, failing: 0 },
  { name: 'everything cached', limitBytes: 1e9, keyBytes: 500, keys: 90, failing: 0 },
  { name: 'reads that fail, nothing cached', limitBytes: 0, keyBytes: 500, keys: 90, failing: 3 },
  { name: 'reads that fail often', limitBytes: 20_000, keyBytes: 500, keys: 200, failing: 2 },
]

class Run {
  readonly #random: Random
  readonly #shape: TreeRunShape
  readonly #trees: StoredTrees
  #written: Piece | undefined
  #stored = 0
  /** Reads that failed. */
  failures = 0
  /** Nodes whose memory was used again. */
  get reclaimed(): number {
    return this.#trees.reclaimed
  }

  constructor(shape: TreeRunShape, random: Random) {
    this.#shape = shape
    this.#random = random
    this.#trees = new StoredTrees(shape.limitBytes)
  }

  /** Returns how often a tree was stored as a whole. */
  run(steps: number): number {
    for (let step = 0; step < steps; step++) {
      this.#step(step < steps * 0.6 ? 0.75 : 0.3)
      if (this.#random.below(20) === 0) this.#trees.check()
    }
    this.#storeAll()
    this.#trees.check()
    expect(walk(this.#trees.reopened())).toEqual(this.#trees.model.entries)
    return this.#stored
  }

  #step(adds: number): void {
    const trees = this.#trees
    const dice = this.#random.below(100)
    if (dice < 40) this.#edit(adds)
    else if (dice < 50) this.#read()
    else if (dice < 75) this.#store()
    else if (dice < 82) trees.keep()
    else if (dice < 92) trees.forget()
    else if (dice < 95) trees.rollBack()
    else void trees.tree
  }

  #edit(adds: number): void {
    const random = this.#random
    const { keys, keyBytes, failing } = this.#shape
    const near = random.below(keys)
    for (let i = random.below(12); i >= 0; i--) {
      const n = random.below(3) === 0 ? random.below(keys) : (near + i) % keys
      if (failing > 0 && random.below(failing) === 0)
        this.#trees.storage.plan({
          operation: 'read',
          nth: 1 + random.below(2),
          fault: { error: 'EIO' },
        })
      const key = longKeyOf(n, keyBytes)
      const done = this.#change(key, adds)
      this.#trees.storage.heal()
      if (!done) this.failures++
      if (!done) this.#trees.check()
    }
  }

  #read(): void {
    const { keys, keyBytes } = this.#shape
    for (let i = this.#random.below(6); i >= 0; i--)
      this.#trees.find(longKeyOf(this.#random.below(keys), keyBytes))
    if (this.#random.below(6) === 0) this.#trees.setOut()
    this.#trees.goOn(this.#random.below(4))
  }

  #change(key: Uint8Array, adds: number): boolean {
    const random = this.#random
    if (random.below(5) === 0) return this.#trees.lookUp(key)
    return random.next() < adds ? this.#trees.set(key, 1 + random.below(1e9)) : this.#trees.delete(key)
  }

  /** A write takes a while: what is on its way is in the file, or has failed, at a later step. */
  #store(): void {
    const trees = this.#trees
    const piece = this.#written
    this.#written = undefined
    if (!trees.storing) trees.begin()
    else if (piece !== undefined && this.#random.below(8) === 0) trees.failed(piece)
    else if (piece !== undefined) trees.written(piece)
    else {
      this.#written = trees.next(1 + this.#random.below(12))
      if (this.#written === undefined) this.#finish(true)
    }
  }

  /** With `edits`, some of them between the steps. */
  #finish(edits: boolean): void {
    this.#trees.finish(() => {
      if (edits && this.#random.below(2) === 0) this.#edit(this.#random.next())
    })
    this.#stored++
  }

  #storeAll(): void {
    const trees = this.#trees
    if (this.#written !== undefined) trees.written(this.#written)
    for (const again of [trees.storing, true]) {
      if (!again) continue
      if (!trees.storing) trees.begin()
      for (let piece = trees.next(5); piece !== undefined; piece = trees.next(5)) trees.written(piece)
      this.#finish(false)
    }
  }
}

describe('trees that are stored while they change (I20)', () => {
  for (const shape of SHAPES) {
    it(`equal the model, whatever becomes of memory that is used again (I21): ${shape.name}`, () => {
      const random = randomFrom(seed)
      let stored = 0
      let failures = 0
      let reclaimed = 0
      const rounds = Math.max(3, count(3, 300))
      // Few reads meet a fault: it goes on until one has, or clearly never will.
      const isWanting = (): boolean => shape.failing > 0 && failures === 0
      for (let round = 0; round < rounds || (isWanting() && round < 200); round++) {
        const run = new Run(shape, random)
        stored += run.run(120)
        failures += run.failures
        reclaimed += run.reclaimed
      }
      expect(stored).toBeGreaterThan(5)
      expect(failures > 0).toBe(shape.failing > 0)
      if (shape.failing > 0) expect(reclaimed).toBeGreaterThan(0)
    })
  }

  it.each([0, 20_000])(
    'are searched while others go through them, with a cache of %d bytes',
    (limitBytes) => {
      const random = randomFrom(seed)
      const trees = new StoredTrees(limitBytes)
      for (let n = 0; n < 200; n++) trees.set(longKeyOf(n, 300), n + 1)
      trees.begin()
      for (let piece = trees.next(9); piece !== undefined; piece = trees.next(9)) trees.written(piece)
      trees.finish()
      for (let step = 0; step < Math.max(300, count(300, 30_000)); step++) {
        if (random.below(30) === 0) trees.setOut()
        trees.goOn(random.below(3))
        trees.find(longKeyOf(random.below(220), 300))
      }
      expect(trees.passed).toBeGreaterThan(0)
      trees.check()
    },
  )

  it('know what their unstored nodes take, to the byte, after any change', () => {
    const random = randomFrom(seed)
    const editor = new TreeEditor(Tree.empty)
    const previous = new RecordRef()
    for (let step = 0; step < 4000; step++) {
      const key = longKeyOf(random.below(400), 300)
      if (random.next() < (step < 2000 ? 0.7 : 0.3)) editor.set(key, step, 1, 2, previous)
      else editor.delete(key, previous)
      if (step % 5 !== 0) continue
      const tree = editor.freeze()
      expect(tree.unstoredBytes).toBe(unstoredBytesOf(tree))
    }
    expect(editor.freeze().root.height).toBeGreaterThan(1)
  })

  it('give children before parents, each once, and nothing that is stored', () => {
    const trees = new StoredTrees(0)
    for (let n = 0; n < 200; n++) trees.set(longKeyOf(n, 500), n + 1)
    const { root } = trees.tree
    expect(root.height).toBeGreaterThan(1)
    const seen = new Set<unknown>()
    trees.begin()
    for (let piece = trees.next(1); piece !== undefined; piece = trees.next(1)) {
      const [node] = piece.nodes
      expect(node?.children.every((child) => seen.has(child))).toBe(true)
      expect(seen.has(node)).toBe(false)
      seen.add(node)
      trees.written(piece)
    }
    expect(seen.has(root)).toBe(true)
    expect([...unstoredNodes(root)]).toEqual([])
    trees.finish()
    trees.set(longKeyOf(7, 500), 8)
    // A path to one leaf is all that is to be stored again.
    trees.begin()
    expect(trees.next(1000)?.nodes.length).toBe(root.height + 1)
  })

  it('let go of a node only when its image is in the file', () => {
    const trees = new StoredTrees(0)
    for (let n = 0; n < 200; n++) trees.set(longKeyOf(n, 500), n + 1)
    trees.begin()
    const first = trees.next(30)
    if (first === undefined) throw new Error('Nothing to store.')
    // On its way: nothing of it can be read from the file yet.
    trees.check()
    expect(trees.store.cachedNodes).toBe(0)
    expect(trees.store.misses).toBe(0)
    trees.failed(first)
    trees.check()
    expect(trees.store.misses).toBe(0)
  })
})

describe('memory of nodes that left the cache', () => {
  /** The keys that a walk meets which is interrupted when the cache lets go of everything. */
  function walkOver(capture: boolean): { met: string[]; trees: StoredTrees } {
    const trees = new StoredTrees(1e9)
    for (let n = 0; n < 300; n++) trees.set(longKeyOf(n, 100), n + 1)
    trees.begin()
    for (let piece = trees.next(5); piece !== undefined; piece = trees.next(5)) trees.written(piece)
    trees.finish()
    const { tree } = trees
    if (capture) tree.capture()
    const cursor = tree.cursor({})
    const met: string[] = []
    while (cursor.next()) {
      met.push(hex(cursor.key()))
      if (met.length !== 5) continue
      trees.store.limitTo(0)
      trees.reclaim()
    }
    return { met, trees }
  }

  it('is not used again while somebody holds a tree that was captured (I21)', () => {
    const { met, trees } = walkOver(true)
    expect(met).toEqual(trees.model.entries.map(({ key }) => key))
    expect(trees.reclaimed).toBe(0)
  })

  it('would be noticed if a walk had captured nothing', () => {
    let met: string[] | undefined
    try {
      met = walkOver(false).met
    } catch (error) {
      expect(error).toBeInstanceOf(Error)
    }
    expect(met).not.toEqual(walkOver(true).met)
  })
})

describe('deleting beside a node that cannot be read', () => {
  it('takes the key out, and leaves a sound tree, whatever is unreadable', () => {
    const random = randomFrom(seed)
    for (let round = 0; round < count(5, 300); round++) {
      const trees = new StoredTrees(0)
      for (let n = 0; n < 40; n++) trees.set(longKeyOf(n, 700), n + 1)
      trees.begin()
      for (let piece = trees.next(9); piece !== undefined; piece = trees.next(9)) trees.written(piece)
      trees.finish()
      const { entries } = trees.model
      let done = 0
      while (entries.length > 0) {
        const key = bytesOf(entries[random.below(entries.length)]?.key ?? '')
        // The descent succeeds more often than not, and nothing behind it does.
        const nth = 1 + random.below(10)
        trees.storage.plan({ operation: 'read', nth, times: Infinity, fault: { error: 'EIO' } })
        if (trees.delete(key)) done++
        trees.storage.heal()
        trees.check()
        expect(trees.tree.unstoredBytes).toBe(unstoredBytesOf(trees.tree))
      }
      expect(done).toBe(40)
      expect(trees.tree.count).toBe(0)
    }
  })
})
