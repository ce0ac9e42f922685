/**
 * Nodes that are used again: whatever was captured, and whatever readers see, never changes (I21).
 *
 * An engine in small: commits are made by an editor, become visible later, in order, and only then give their retired nodes
 * back; some fail and are rolled back. What is given back is filled with garbage.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkTree } from '../../src/tree/check.js'
import { TreeEditor } from '../../src/tree/editor.js'
import type { Node } from '../../src/tree/node.js'
import { NodePool } from '../../src/tree/node-pool.js'
import { memoryOnly, type NodeSource } from '../../src/tree/node-source.js'
import type { Publication } from '../../src/tree/past.js'
import { RecordRef } from '../../src/tree/record-ref.js'
import { Tree } from '../../src/tree/tree.js'
import { count, seed } from '../support/counts.js'

const GARBAGE = 0xdeadbeef

/** Spoils what is given back, and tells how often something of it was taken. */
class GarbagePool extends NodePool {
  reused = 0

  override take(...wanted: Parameters<NodePool['take']>): Node | undefined {
    const taken = super.take(...wanted)
    if (taken !== undefined) this.reused++
    return taken
  }

  override giveBack(node: Node): void {
    node.words.fill(GARBAGE)
    super.giveBack(node)
  }
}

type Model = ReadonlyMap<string, number>

interface Version {
  readonly tree: Tree
  readonly model: Model
}

interface Pending extends Version {
  readonly retired: Publication['retired']
}

function bytesOf(key: string): Uint8Array {
  return new TextEncoder().encode(key)
}

/** Everything that a tree says. */
function contentOf(tree: Tree): [string, number][] {
  const content: [string, number][] = []
  const cursor = tree.cursor({})
  while (cursor.next()) content.push([new TextDecoder().decode(cursor.key()), cursor.ref.position])
  return content
}

function contentOfModel(model: Model): [string, number][] {
  return [...model].sort(([a], [b]) => (a < b ? -1 : 1))
}

class SmallEngine {
  readonly pool = new GarbagePool(() => undefined)
  readonly captured: Version[] = []
  readonly #editor: TreeEditor
  readonly #ref = new RecordRef()
  #model = new Map<string, number>()
  #visible: Version
  #pending: Pending[] = []
  #next = 1

  constructor() {
    const source: NodeSource = { ...memoryOnly, pool: this.pool }
    this.#visible = { tree: Tree.emptyIn(source), model: new Map() }
    this.#editor = new TreeEditor(this.#visible.tree)
  }

  /** One transaction of these operations; rolled back in the end if it `fails`. */
  commit(operations: readonly { readonly key: string; readonly isDelete: boolean }[], fails: boolean): void {
    const before = this.#editor.freeze()
    const model = new Map(this.#model)
    for (const { key, isDelete } of operations) {
      if (isDelete) {
        this.#editor.delete(bytesOf(key), this.#ref)
        model.delete(key)
      } else {
        this.#editor.set(bytesOf(key), this.#next, 1, 1, this.#ref)
        model.set(key, this.#next++)
      }
    }
    if (fails) return this.#editor.reset(before)
    this.#model = model
    const { tree, retired } = this.#editor.publish()
    this.#pending.push({ tree, model, retired })
  }

  /** The oldest commit that is not visible becomes so. */
  write(): void {
    const first = this.#pending.shift()
    if (first === undefined) return
    this.#visible = first
    this.pool.retire(first.retired)
  }

  /** Nothing that is pending is written: all goes back to what is visible. */
  fail(): void {
    this.#pending = []
    this.#model = new Map(this.#visible.model)
    this.#editor.reset(this.#visible.tree)
  }

  capture(): void {
    this.captured.push({ tree: this.#visible.tree.capture(), model: this.#visible.model })
  }

  check(): void {
    for (const { tree, model } of [this.#visible, ...this.#pending, ...this.captured]) {
      expect(contentOf(tree)).toEqual(contentOfModel(model))
      expect(checkTree(tree)).toEqual([])
    }
    expect(contentOf(this.#editor.freeze())).toEqual(contentOfModel(this.#model))
  }
}

const key = fc
  .tuple(fc.nat({ max: 400 }), fc.constantFrom('', 'x'.repeat(40), 'long '.repeat(60)))
  .map(([n, text]) => `${text}${n}`)
const operation = fc.record({ key, isDelete: fc.boolean() })
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('commit' as const),
      operations: fc.array(operation, { minLength: 1, maxLength: 40 }),
      fails: fc.nat({ max: 6 }).map((n) => n === 0),
    }),
  },
  { weight: 6, arbitrary: fc.constant({ do: 'write' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'fail' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'capture' as const }) },
)

describe('nodes that are used again', () => {
  it('are out of everybody’s reach (I21)', () => {
    let reused = 0
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), (steps) => {
        const engine = new SmallEngine()
        for (const one of steps) {
          if (one.do === 'commit') engine.commit(one.operations, one.fails)
          else engine[one.do]()
          engine.check()
        }
        reused += engine.pool.reused
      }),
      { numRuns: count(60, 2000), seed },
    )
    expect(reused).toBeGreaterThan(100)
  })

  it('would be noticed if a capture were not told of', () => {
    const engine = new SmallEngine()
    for (let n = 0; n < 500; n++) engine.commit([{ key: `k${n}`, isDelete: false }], false)
    for (let n = 0; n < 500; n++) engine.write()
    const { captures } = engine.pool
    engine.capture()
    engine.pool.captures = captures
    for (let n = 0; n < 500; n++) engine.commit([{ key: `m${n}`, isDelete: false }], false)
    for (let n = 0; n < 500; n++) engine.write()
    expect(() => engine.check()).toThrow()
  })
})
