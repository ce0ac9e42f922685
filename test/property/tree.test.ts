/**
 * The tree equals a sorted array, whatever is done to it in whatever order, and whatever the keys look like. Trees that
 * were handed out are compared again at the end: they never change.
 */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkTree } from '../../src/tree/check.js'
import type { TreeCursor } from '../../src/tree/cursor.js'
import { TreeEditor } from '../../src/tree/editor.js'
import { RecordRef } from '../../src/tree/record-ref.js'
import { type KeyBounds, Tree } from '../../src/tree/tree.js'
import { count, seed } from '../support/counts.js'
import { bytesOf, entryOf, hex, type ModelEntry, TreeModel, walk } from '../support/tree-model.js'

const settings = { seed, numRuns: count(20, 5_000) }

/** Ways for keys to be awkward; each run of operations uses one or all of them. */
const tail = fc.uint8Array({ maxLength: 6 })
const edgeByte = fc.constantFrom(0x00, 0x01, 0x61, 0xfe, 0xff)
const filled = (length: number, byte: number, end: Uint8Array): Uint8Array => {
  const key = new Uint8Array(length + end.length).fill(byte)
  key.set(end, length)
  return key.subarray(0, 4096)
}
const keyFamilies: Readonly<Record<string, fc.Arbitrary<Uint8Array>>> = {
  'any bytes': fc.uint8Array({ maxLength: 12 }),
  'edge bytes': fc.array(edgeByte, { maxLength: 8 }).map((bytes) => Uint8Array.from(bytes)),
  'equal heads': fc
    .tuple(fc.constantFrom(3, 4, 5, 7, 8), edgeByte, tail)
    .map(([length, byte, end]) => filled(length, byte, end)),
  'long shared prefixes': fc
    .tuple(fc.constantFrom(40, 300, 1000, 4090), fc.constantFrom(0x00, 0x70, 0xff), tail)
    .map(([length, byte, end]) => filled(length, byte, end)),
  'odd lengths': fc
    .tuple(tail, fc.constantFrom(0, 1, 2, 90, 255, 256, 1500, 4095, 4096), edgeByte)
    .map(([begin, length, byte]) => {
      const key = new Uint8Array(Math.max(length, begin.length)).fill(byte)
      key.set(begin)
      return key
    }),
  numbers: fc
    .tuple(fc.nat(2000), fc.constantFrom(0, 1, 255))
    .map(([n, last]) => Uint8Array.of(0x10, 0, 0, 0, 0, 0, n >> 8, n & 0xff, last)),
}
const anyKey = fc.oneof(...Object.values(keyFamilies))

const position = fc.maxSafeNat().map((any) => any % 2 ** 47)
const word = fc.integer({ min: 0, max: 0xffffffff })
type Reference = readonly [number, number, number]
const reference: fc.Arbitrary<Reference> = fc.tuple(position, word, word)

type Step =
  | { readonly do: 'set'; readonly key: Uint8Array; readonly reference: Reference }
  | {
      readonly do: 'setMany'
      readonly keys: Uint8Array[]
      readonly order: string
      readonly reference: Reference
    }
  | { readonly do: 'delete'; readonly key: Uint8Array; readonly rank: number }
  | { readonly do: 'deleteMany'; readonly rank: number; readonly share: number }
  | { readonly do: 'freeze' }
  | { readonly do: 'reset'; readonly which: number }
  | {
      readonly do: 'walk'
      readonly a: Uint8Array
      readonly b: Uint8Array
      readonly offset: number
      readonly ranks: number
    }
  | { readonly do: 'openCursor'; readonly from: Uint8Array; readonly reverse: boolean }
  | { readonly do: 'moveCursors'; readonly steps: number }

const stepsOf = (key: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Step[]> => {
  const share = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })
  const order = fc.constantFrom('ascending', 'descending', 'as they come')
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('set' as const), key, reference }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('setMany' as const),
        keys: fc.array(key, { minLength: 1, maxLength: 60, size: 'max' }),
        order,
        reference,
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), key, rank: share }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('deleteMany' as const), rank: share, share }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('freeze' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('reset' as const), which: fc.nat() }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('walk' as const),
        a: key,
        b: key,
        offset: fc.nat(60),
        ranks: share,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('openCursor' as const), from: key, reverse: fc.boolean() }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('moveCursors' as const), steps: fc.nat(40) }) },
  )
  return fc.array(step, { maxLength: 30, size: 'max' })
}

/** One run: an editor and the model side by side, the trees handed out, and the cursors opened on them. */
class Run {
  readonly #editor = new TreeEditor(Tree.empty)
  readonly #model = new TreeModel()
  readonly #frozen: { tree: Tree; entries: ModelEntry[] }[] = [{ tree: Tree.empty, entries: [] }]
  readonly #cursors: { cursor: TreeCursor; expected: ModelEntry[] }[] = []
  readonly #previous = new RecordRef()

  perform(step: Step): void {
    switch (step.do) {
      case 'set':
        return this.#set(step.key, step.reference)
      case 'setMany':
        return this.#setMany(step.keys, step.order, step.reference)
      case 'delete':
        this.#delete(step.key)
        return this.#deleteRank(step.rank)
      case 'deleteMany': {
        for (let left = Math.floor(step.share * this.#model.entries.length); left > 0; left--)
          this.#deleteRank(step.rank)
        return undefined
      }
      case 'freeze':
        this.#freeze()
        return undefined
      case 'reset':
        return this.#reset(step.which)
      case 'walk':
        return this.#walk(step)
      case 'openCursor':
        return this.#openCursor({ from: step.from }, step.reverse)
      case 'moveCursors':
        return this.#moveCursors(step.steps)
    }
  }

  /** Freezes, and finds the tree sound and equal to the model. */
  check(): void {
    const tree = this.#freeze()
    expect(checkTree(tree)).toEqual([])
    expect(tree.count).toBe(this.#model.entries.length)
  }

  end(): void {
    this.check()
    this.#moveCursors(Number.POSITIVE_INFINITY)
    for (const { tree, entries } of this.#frozen) {
      expect(checkTree(tree)).toEqual([])
      expect(walk(tree)).toEqual(entries)
      expect(walk(tree, {}, true)).toEqual(entries.toReversed())
    }
    while (this.#model.entries.length > 0) this.#deleteRank(0.5)
    expect(this.#editor.freeze().root).toMatchObject({ height: 0, count: 0 })
  }

  #set(key: Uint8Array, [at, lengthBytes, crc]: Reference): void {
    const before = this.#model.set({ key: hex(key), position: at, lengthBytes, crc })
    const scratch = key.slice()
    // As writers do: for a row that may stay as it is, and for one that is going to change.
    if (crc % 3 === 1) expect(this.#editor.lookUp(scratch, this.#previous)).toBe(before !== undefined)
    if (crc % 3 === 2) expect(this.#editor.seek(scratch, this.#previous)).toBe(before !== undefined)
    expect(this.#editor.set(scratch, at, lengthBytes, crc, this.#previous)).toBe(before !== undefined)
    scratch.fill(0x55) // The tree keeps no caller's memory.
    if (before !== undefined) expect(entryOf(key, this.#previous)).toEqual(before)
    expect(this.#editor.count).toBe(this.#model.entries.length)
  }

  #setMany(keys: Uint8Array[], order: string, [at, lengthBytes, crc]: Reference): void {
    const sorted = order === 'as they come' ? keys : keys.toSorted((a, b) => Buffer.compare(a, b))
    if (order === 'descending') sorted.reverse()
    for (const [i, key] of sorted.entries()) this.#set(key, [at, (lengthBytes + i) >>> 0, crc])
  }

  #deleteRank(share: number): void {
    const entry = this.#model.entries[Math.floor(share * this.#model.entries.length)]
    if (entry !== undefined) this.#delete(bytesOf(entry.key))
  }

  #delete(key: Uint8Array): void {
    const before = this.#model.delete(hex(key))
    expect(this.#editor.delete(key, this.#previous)).toBe(before !== undefined)
    if (before !== undefined) expect(entryOf(key, this.#previous)).toEqual(before)
    expect(this.#editor.count).toBe(this.#model.entries.length)
  }

  #freeze(): Tree {
    const tree = this.#editor.freeze()
    if (this.#frozen.at(-1)?.tree !== tree) this.#frozen.push({ tree, entries: [...this.#model.entries] })
    return tree
  }

  #reset(which: number): void {
    const kept = this.#frozen[which % this.#frozen.length]
    if (kept === undefined) return
    this.#editor.reset(kept.tree)
    this.#model.entries = [...kept.entries]
    expect(this.#editor.freeze()).toBe(kept.tree)
  }

  #walk(step: { a: Uint8Array; b: Uint8Array; offset: number; ranks: number }): void {
    const tree = this.#freeze()
    const { a, b, offset } = step
    for (const bounds of [
      {},
      { from: a },
      { to: b },
      { from: a, to: b },
      { from: b, to: a },
    ] satisfies KeyBounds[]) {
      const expected = this.#model.range(bounds)
      expect(tree.countRange(bounds)).toBe(expected.length)
      expect(walk(tree, bounds, false, offset)).toEqual(expected.slice(offset))
      expect(walk(tree, bounds, true, offset)).toEqual(expected.toReversed().slice(offset))
    }
    const rank = Math.floor(step.ranks * (tree.count + 2))
    expect(tree.keyAt(rank)).toEqual(this.#model.entries.map((entry) => bytesOf(entry.key))[rank])
    for (const key of [a, b]) {
      expect(tree.rankOf(key)).toBe(this.#model.rankOf(hex(key)))
      expect(tree.has(key)).toBe(this.#model.get(hex(key)) !== undefined)
      expect(this.#editor.find(key, this.#previous)).toBe(tree.has(key))
      expect(this.#editor.lookUp(key, this.#previous)).toBe(tree.has(key))
      if (tree.has(key)) expect(entryOf(key, this.#previous)).toEqual(this.#model.get(hex(key)))
      expect(this.#editor.freeze()).toBe(tree)
    }
    for (const entry of this.#model.entries) {
      expect(tree.find(bytesOf(entry.key), this.#previous)).toBe(true)
      expect(entryOf(bytesOf(entry.key), this.#previous)).toEqual(entry)
    }
  }

  #openCursor(bounds: KeyBounds, reverse: boolean): void {
    const entries = this.#model.range(bounds)
    const cursor = this.#freeze().cursor(bounds, { reverse })
    this.#cursors.push({ cursor, expected: reverse ? entries.toReversed() : entries })
  }

  #moveCursors(steps: number): void {
    for (const { cursor, expected } of this.#cursors) {
      for (let i = 0; i < steps && expected.length > 0; i++) {
        expect(cursor.next()).toBe(true)
        expect(entryOf(cursor.key(), cursor.ref)).toEqual(expected.shift())
      }
      if (expected.length === 0) expect(cursor.next()).toBe(false)
    }
  }
}

describe('a tree and a sorted array', () => {
  it.each([...Object.entries(keyFamilies), ['all of them', anyKey] as const])(
    'agree on keys of %s',
    (_name, key) => {
      fc.assert(
        // With a check at every step nodes are copied at every step; without, they are edited in place.
        fc.property(stepsOf(key), fc.boolean(), (steps, checkEach) => {
          const run = new Run()
          for (const step of steps) {
            run.perform(step)
            if (checkEach) run.check()
          }
          run.end()
        }),
        settings,
      )
    },
  )
})
