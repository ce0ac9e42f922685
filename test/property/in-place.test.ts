/** A tree that is edited in place equals its model at every commit, for whoever asks for whichever commit, and whatever cannot be read. */
import { describe, expect, it } from 'vitest'
import { count, seed } from '../support/counts.js'
import { EditedTrees } from '../support/edited-trees.js'
import { type Random, randomFrom } from '../support/random.js'

interface Shape {
  readonly name: string
  readonly limitBytes: number
  readonly keyBytes: number
  readonly keys: number
  /** In one of so many changes a read fails; 0 for none. */
  readonly failing: number
}

const SHAPES: readonly Shape[] = [
  { name: 'nothing cached, long keys', limitBytes: 0, keyBytes: 500, keys: 90, failing: 0 },
  { name: 'nothing cached, short keys', limitBytes: 0, keyBytes: 9, keys: 1500, failing: 0 },
  { name: 'everything cached', limitBytes: 1e9, keyBytes: 300, keys: 300, failing: 0 },
  { name: 'reads that fail', limitBytes: 0, keyBytes: 700, keys: 40, failing: 3 },
  { name: 'reads that fail often', limitBytes: 20_000, keyBytes: 500, keys: 120, failing: 2 },
]

/** Long keys make tall trees of few rows. */
function keyOf(n: number, lengthBytes: number): Uint8Array {
  const key = new Uint8Array(lengthBytes + (n % 7)).fill(n % 3 === 0 ? 0x61 : 0x62)
  new DataView(key.buffer).setUint32(key.length - 4, n)
  return key
}

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
    else if (dice < 87) trees.read(random.below(8))
    else if (dice < 88) trees.capture()
    else if (dice < 89) trees.leavePast()
    else if (dice < 90) trees.fail()
    else this.#store()
  }

  #edit(adds: number): void {
    const random = this.#random
    const { keys, keyBytes, failing } = this.#shape
    const near = random.below(keys)
    for (let i = random.below(14); i >= 0; i--) {
      const n = random.below(3) === 0 ? random.below(keys) : (near + i) % keys
      if (failing > 0 && random.below(failing) === 0) {
        const times = random.below(2) === 0 ? 1 : Infinity
        this.trees.storage.plan({
          operation: 'read',
          nth: 1 + random.below(5),
          times,
          fault: { error: 'EIO' },
        })
      }
      const key = keyOf(n, keyBytes)
      if (!this.#change(key, adds)) this.failures++
      this.trees.storage.heal()
    }
  }

  #change(key: Uint8Array, adds: number): boolean {
    const random = this.#random
    if (random.below(8) === 0) return this.trees.seek(key)
    return random.next() < adds ? this.trees.set(key, 1 + random.below(1e9)) : this.trees.delete(key)
  }

  #store(): void {
    const random = this.#random
    const between = (): void => {
      if (random.below(2) === 0) this.#edit(random.next())
      if (random.below(3) === 0) this.trees.publish()
      if (random.below(3) === 0) this.trees.settle()
      if (random.below(9) === 0) this.trees.undoScope()
    }
    for (let more = random.below(6); more >= 0; more--)
      if (this.trees.store1(1 + random.below(12), random.below(12) === 0, between)) this.stored++
  }
}

describe('a tree that is edited in place (I15, I21)', () => {
  for (const shape of SHAPES) {
    it(`equals the model at every commit: ${shape.name}`, () => {
      const random = randomFrom(seed)
      const sums = { stored: 0, failures: 0, undone: 0, madeGood: 0 }
      for (let round = 0; round < Math.max(12, count(12, 1200)); round++) {
        const run = new Run(shape, random)
        run.run(250)
        sums.stored += run.stored
        sums.failures += run.failures
        sums.undone += run.trees.undone
        sums.madeGood += run.trees.madeGood
      }
      expect(sums.stored).toBeGreaterThan(2)
      expect(sums.undone).toBeGreaterThan(5)
      expect(sums.madeGood).toBeGreaterThan(5)
      if (shape.failing > 0) expect(sums.failures).toBeGreaterThan(0)
    })
  }
})
