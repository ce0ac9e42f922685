/** A tree that is edited in place equals its model at every commit, for whoever asks for whichever commit, and whatever cannot be read. */
import { describe, expect, it } from 'vitest'
import { count, seed } from '../support/counts.js'
import { EditedTrees, type StoringFailure } from '../support/edited-trees.js'
import { type Random, randomFrom } from '../support/random.js'
import { bytesOf, longKeyOf, type TreeRunShape } from '../support/tree-model.js'

interface Shape extends TreeRunShape {
  /** Whether half of the keys are there from the beginning, in leaves that are stored, and each change is of another leaf. */
  readonly filled?: boolean
}

/** Leaves of which a checkpoint stores what changed. */
/** Of 24 pieces, what becomes of the first two. */
const FAILURES: readonly StoringFailure[] = ['given up', 'write']

const FILLED = { filled: true, limitBytes: 0, keyBytes: 9, keys: 2000 }

const SHAPES: readonly Shape[] = [
  { name: 'nothing cached, long keys', limitBytes: 0, keyBytes: 500, keys: 90, failing: 0 },
  { name: 'nothing cached, short keys', limitBytes: 0, keyBytes: 9, keys: 1500, failing: 0 },
  { name: 'some cached, short keys', limitBytes: 40_000, keyBytes: 9, keys: 1500, failing: 0 },
  { name: 'everything cached', limitBytes: 1e9, keyBytes: 300, keys: 300, failing: 0 },
  { name: 'reads that fail', limitBytes: 0, keyBytes: 700, keys: 40, failing: 3 },
  { name: 'reads that fail often', limitBytes: 20_000, keyBytes: 500, keys: 120, failing: 2 },
  { name: 'many leaves, little changed', ...FILLED, failing: 0 },
  { name: 'many leaves, reads that fail', ...FILLED, failing: 4 },
]

class Run {
  readonly trees: EditedTrees
  stored = 0
  failures = 0
  readonly #shape: Shape
  readonly #random: Random

  constructor(shape: Shape, random: Random) {
    this.#shape = shape
    this.#random = random
    this.trees = new EditedTrees(shape.limitBytes)
    if (shape.filled === true) this.#fill()
  }

  #fill(): void {
    const { keys, keyBytes } = this.#shape
    for (let n = 0; n < keys; n += 2) this.trees.set(longKeyOf(n, keyBytes), n + 1)
    this.trees.publish()
    this.trees.settle()
    while (!this.trees.store1(100, 'none', () => undefined));
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step++) {
      this.#step(step < steps * 0.6 ? 0.75 : 0.25)
      if (this.#random.below(40) === 0) this.trees.check()
      if (this.#random.below(40) === 0) this.trees.checkMemory()
    }
    this.trees.check()
  }

  #step(adds: number): void {
    const { trees } = this
    const random = this.#random
    const dice = random.below(100)
    if (dice < 35) this.#edit(adds)
    else if (dice < 50) trees.publish()
    else if (dice < 67) trees.settle()
    else if (dice < 74) trees.openScope()
    else if (dice < 79) trees.keepScope()
    else if (dice < 84) trees.undoScope()
    else if (dice < 90) trees.read(random.below(8))
    else if (dice < 91) trees.capture()
    else if (dice < 92) trees.leavePast()
    else if (dice < 93) trees.fail()
    else this.#store()
  }

  #edit(adds: number): void {
    const random = this.#random
    const { keys, keyBytes, failing, filled = false } = this.#shape
    const near = random.below(keys)
    for (let i = random.below(filled ? 4 : 14); i >= 0; i--) {
      const n = filled || random.below(3) === 0 ? random.below(keys) : (near + i) % keys
      if (failing > 0 && random.below(failing) === 0) {
        const times = random.below(2) === 0 ? 1 : Infinity
        this.trees.storage.plan({
          operation: 'read',
          nth: 1 + random.below(5),
          times,
          fault: { error: 'EIO' },
        })
      }
      const key = longKeyOf(n, keyBytes)
      if (!this.#change(key, adds)) this.failures++
      this.trees.storage.heal()
    }
  }

  #change(key: Uint8Array, adds: number): boolean {
    const random = this.#random
    if (random.below(8) === 0) return this.trees.seek(key)
    if (random.next() >= adds) return this.trees.delete(key)
    const position = 1 + random.below(1e9)
    return random.below(this.#shape.filled === true ? 6 : 2) === 0
      ? this.trees.set(key, position)
      : this.trees.put(key, position, random.below(8) === 0)
  }

  #store(): void {
    const random = this.#random
    const between = (): void => {
      if (random.below(2) === 0) this.#edit(random.next())
      if (random.below(3) === 0) this.trees.publish()
      if (random.below(3) === 0) this.trees.settle()
      if (random.below(9) === 0) this.trees.undoScope()
    }
    const { failing, filled = false } = this.#shape
    this.trees.store.replays = filled || random.below(2) === 0
    for (let more = random.below(filled ? 40 : 6); more >= 0; more--) {
      if (failing > 0 && random.below(2) === 0)
        this.trees.storage.plan({ operation: 'read', nth: 1, times: Infinity, fault: { error: 'EIO' } })
      if (this.trees.store1(1 + random.below(12), FAILURES[random.below(24)] ?? 'none', between))
        this.stored++
      this.trees.storage.heal()
    }
  }
}

describe('a tree that is edited in place (I15, I21)', () => {
  for (const shape of SHAPES) {
    it(`equals the model at every commit: ${shape.name}`, () => {
      const random = randomFrom(seed)
      const sums = {
        stored: 0,
        failures: 0,
        undone: 0,
        madeGood: 0,
        parts: 0,
        replaced: 0,
        joined: 0,
        unjoined: 0,
      }
      const rounds = Math.max(12, count(12, 1200))
      // Few checkpoints join what was added with a delta: it goes on until some have, or clearly never will.
      const isWanting = (): boolean =>
        shape.filled === true && (sums.joined === 0 || (shape.failing > 0 && sums.unjoined === 0))
      for (let round = 0; round < rounds || (isWanting() && round < 20 * rounds); round++) {
        const run = new Run(shape, random)
        run.run(250)
        sums.stored += run.stored
        sums.failures += run.failures
        sums.undone += run.trees.undone
        sums.madeGood += run.trees.madeGood
        sums.parts += run.trees.parts
        sums.replaced += run.trees.replaced
        sums.joined += run.trees.joined
        sums.unjoined += run.trees.unjoined
      }
      expect(sums.stored).toBeGreaterThan(0)
      expect(sums.undone).toBeGreaterThan(0)
      expect(sums.madeGood).toBeGreaterThan(0)
      if (shape.failing > 0) expect(sums.failures).toBeGreaterThan(0)
      if (shape.filled === true) expect(sums.parts).toBeGreaterThan(0)
      if (shape.filled === true) expect(sums.replaced).toBeGreaterThan(0)
      if (shape.filled === true) expect(sums.joined).toBeGreaterThan(0)
      if (shape.filled === true && shape.failing > 0) expect(sums.unjoined).toBeGreaterThan(0)
    })
  }

  it('goes back further than over a leaf that was emptied beside one that cannot be read', () => {
    const keyAt = (n: number): Uint8Array => longKeyOf(n * 21, 700)
    const trees = new EditedTrees(0)
    // A full root above six leaves of five keys.
    for (let n = 0; n < 60; n += 2) trees.set(keyAt(n), 1)
    trees.publish()
    trees.settle()
    while (!trees.store1(9, 'none', () => undefined));
    trees.set(keyAt(38), 2)
    trees.openScope()
    trees.delete(keyAt(38))
    trees.openScope()
    // Its leaf is split before it, and the root between the parts.
    trees.set(keyAt(37), 3)
    trees.set(keyAt(38), 4)
    trees.undoScope()
    trees.undoScope()
    // The outer scope did not need the way back any more.
    expect(trees.undone).toBe(1)
    trees.check()
    trees.checkMemory()
  })

  it('goes back over leaves that were emptied beside others that cannot be read', () => {
    const random = randomFrom(seed)
    for (let round = 0; round < count(40, 2000); round++) {
      const trees = new EditedTrees(0)
      for (let n = 0; n < 40; n++) trees.set(longKeyOf(n, 700), n + 1)
      trees.publish()
      trees.settle()
      while (!trees.store1(9, 'none', () => undefined));
      trees.set(longKeyOf(round % 40, 700), 99)
      trees.publish()
      trees.settle()
      trees.openScope()
      const keys = trees.model.entries.map(({ key }) => bytesOf(key))
      const first = random.below(34)
      for (let change = 0; change < 60; change++) {
        const key = keys[first + random.below(6)] ?? longKeyOf(change, 700)
        const nth = 1 + random.below(2)
        trees.storage.plan({ operation: 'read', nth, times: Infinity, fault: { error: 'EIO' } })
        if (random.below(8) === 0) trees.set(key, change + 100)
        else trees.delete(key)
        trees.storage.heal()
        if (random.below(20) === 0) trees.openScope()
      }
      if (random.below(2) === 0) trees.read(0)
      for (let scope = 0; scope < 9; scope++) trees.undoScope()
      trees.check()
    }
  })
})
