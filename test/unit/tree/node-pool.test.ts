/** Memory of nodes that is used again. */
import { describe, expect, it } from 'vitest'
import { NodePool } from '../../../src/tree/node-pool.js'
import { emptyNode } from '../../../src/tree/new-node.js'
import { ColumnCount, type Node, NOT_CACHED, Owner, REPLACED, setChild } from '../../../src/tree/node.js'

const { recordsLeaf, inner } = ColumnCount

function newPool(): { readonly pool: NodePool; readonly reader: Owner; readonly editor: Owner } {
  const pool = new NodePool(() => undefined)
  return { pool, reader: new Owner(pool, false), editor: new Owner(pool) }
}

/** A node of which every field was changed. */
function used(owner: Owner, columns: number, capacity: number): Node {
  const node = emptyNode(owner, columns === inner ? 1 : 0, columns, capacity, 1000)
  const other = emptyNode(owner, 0, recordsLeaf, 4, 10)
  const base = { position: 1, lengthBytes: 2, crc: 3, storedBytes: 4 }
  Object.assign(node, {
    count: 3,
    prefixBytes: 2,
    lastAt: 1,
    position: 9,
    lengthBytes: 8,
    crc: 7,
    storedBytes: 6,
  })
  Object.assign(node, {
    base,
    isWhole: true,
    wholeCount: 5,
    whole: other,
    partOf: other,
    notes: {},
    lent: true,
  })
  Object.assign(node, { recent: true, rounds: 2, cachedAt: 4, notedBy: other, notedAt: 1, holders: 1 })
  node.near = [other]
  return node
}

/** All but the memory, by name. */
function fieldsOf(node: Node): readonly unknown[] {
  return Object.entries(node).filter(([name]) => name !== 'words' && name !== 'keys')
}

describe('nodes that nobody edits', () => {
  it.each([
    ['of the same kind', recordsLeaf, 40],
    ['of another capacity', recordsLeaf, 56],
    ['of another kind', inner, 24],
  ])('are used again as ones without entries: %s', (_, columns, capacity) => {
    const { pool, reader } = newPool()
    const node = used(reader, recordsLeaf, 40)
    const { words } = node
    const asMade = Object.entries(emptyNode(reader, 0, recordsLeaf, 40, 1000))
    const unchanged = asMade.filter(([name, value]) => Object.is(value, node[name as keyof Node]))
    pool.giveBack(node)
    const height = columns === inner ? 1 : 0
    const keyBytes = 4 * (words.length - columns * capacity)
    const again = emptyNode(reader, height, columns, capacity, keyBytes)
    expect(again).toBe(node)
    const fresh = emptyNode(reader, height, columns, capacity, keyBytes)
    expect(fresh).not.toBe(node)
    // A field that is new is to be changed here, and to be set where a node begins anew.
    expect(unchanged.map(([name]) => name)).toEqual(['owner', 'height', 'columns', 'capacity', 'children'])
    expect(fieldsOf(again)).toEqual(fieldsOf(fresh))
    expect(again.words).toBe(words)
    expect([again.keys.byteOffset, again.keys.length]).toEqual([fresh.keys.byteOffset, fresh.keys.length])
    expect(again.keys.buffer).toBe(words.buffer)
  })

  it('keep their view of the keys where another begins in the same place, if there is one among a few', () => {
    const { pool, reader } = newPool()
    const nodes = [40, 48, 48].map((capacity) => used(reader, recordsLeaf, capacity))
    const [first] = nodes
    const { keys, words } = first as Node
    // Of one size, whatever their columns.
    for (const node of nodes) node.words = new Uint32Array(words.length)
    for (const node of nodes) pool.giveBack(node)
    expect(pool.take(reader, 0, recordsLeaf, 40, words.length)).toBe(first)
    expect(first?.keys).toBe(keys)
    const others = [1, 2].map(() => pool.take(reader, 0, recordsLeaf, 48, words.length))
    expect(new Set(others)).toEqual(new Set(nodes.slice(1)))
    expect(pool.take(reader, 0, recordsLeaf, 48, words.length)).toBeUndefined()
  })

  it('are given back once, whoever says so again', () => {
    const { pool, reader } = newPool()
    const node = emptyNode(reader, 0, recordsLeaf, 8, 100)
    pool.evicted(node)
    pool.evicted(node)
    pool.reusePassed()
    expect(pool.take(reader, 0, recordsLeaf, 8, node.words.length)).toBe(node)
    expect(pool.take(reader, 0, recordsLeaf, 8, node.words.length)).toBeUndefined()
  })

  it('are not used again while somebody may have them', () => {
    const { pool, reader } = newPool()
    const [lent, held] = [1, 2].map(() => emptyNode(reader, 0, recordsLeaf, 8, 100)) as [Node, Node]
    pool.evicted(held)
    pool.evicted(lent)
    lent.lent = true
    held.holders = 1
    pool.reusePassed()
    expect(pool.take(reader, 0, recordsLeaf, 8, lent.words.length)).toBeUndefined()
  })

  it('are given to editors too', () => {
    const { pool, reader, editor } = newPool()
    const node = used(reader, recordsLeaf, 8)
    pool.giveBack(node)
    const edited = emptyNode(editor, 0, recordsLeaf, 8, 1000)
    expect(edited).toBe(node)
    expect(edited.owner).toBe(editor)
  })

  it('are kept up to a few MiB', () => {
    const { pool, reader } = newPool()
    const nodes = Array.from({ length: 3000 }, () => emptyNode(reader, 0, recordsLeaf, 40, 1500))
    const { length } = (nodes[0] as Node).words
    for (const node of nodes) pool.giveBack(node)
    let kept = 0
    while (pool.take(reader, 0, recordsLeaf, 40, length) !== undefined) kept++
    expect(kept * length * 4).toBeGreaterThan(3.9 * 2 ** 20)
    expect(kept * length * 4).toBeLessThanOrEqual(4 * 2 ** 20)
  })
})

describe('nodes that editors made', () => {
  /** So many, all of one size. */
  function made(owner: Owner, count: number, keyBytes = 100): Node[] {
    return Array.from({ length: count }, () => emptyNode(owner, 0, recordsLeaf, 8, keyBytes))
  }

  it('are used again as they are once they were replaced, or left the cache', () => {
    const { pool, editor } = newPool()
    const [replaced, evicted] = made(editor, 2) as [Node, Node]
    replaced.cachedAt = REPLACED
    pool.retire([replaced])
    pool.evicted(evicted)
    expect(made(editor, 1)).toEqual([replaced])
    pool.reclaim()
    expect(made(editor, 1)[0]).toBe(evicted)
  })

  it('are not while a checkpoint runs, or if somebody captured a tree since', () => {
    const { pool, editor } = newPool()
    const nodes = made(editor, 4) as [Node, Node, Node, Node]
    const [late, lateEvicted, captured, capturedEvicted] = nodes
    for (const node of [late, captured]) node.cachedAt = REPLACED
    pool.pause()
    pool.retire([late])
    pool.evicted(lateEvicted)
    pool.reclaim()
    expect(nodes).not.toContain(made(editor, 1)[0])
    pool.resume()
    expect(pool.reuseSome(10)).toBe(false)
    expect(made(editor, 1)[0]).toBe(late)
    pool.reclaim()
    expect(made(editor, 1)[0]).toBe(lateEvicted)
    pool.captures++
    pool.retire([captured])
    pool.evicted(capturedEvicted)
    pool.reclaim()
    expect(nodes).not.toContain(made(editor, 1)[0])
  })

  it.each(['replaced', 'put into the cache again', 'held by a node above it'])(
    'are not because they left the cache if they were %s since',
    (what) => {
      const { pool, editor } = newPool()
      const [node] = made(editor, 1) as [Node]
      pool.evicted(node)
      if (what === 'replaced') node.cachedAt = REPLACED
      else if (what === 'put into the cache again') node.cachedAt = 7
      else node.holders = 1
      pool.reclaim()
      expect(made(editor, 1)[0]).not.toBe(node)
      if (what === 'held by a node above it') expect(node.cachedAt).toBe(NOT_CACHED)
    },
  )

  it('are used by one alone, though a list names them as what they were before', () => {
    const { pool, editor } = newPool()
    const [node] = made(editor, 1) as [Node]
    // It leaves the cache while a checkpoint runs, and is replaced by a commit that still had it.
    pool.pause()
    pool.evicted(node)
    node.cachedAt = REPLACED
    pool.retire([node])
    pool.resume()
    pool.reuseSome(10)
    // The root of an editor, which nothing holds.
    const [again] = made(editor, 1)
    expect(again).toBe(node)
    pool.reclaim()
    expect(made(editor, 1)[0]).not.toBe(node)
  })

  it('are let go of by the nodes above them before they are used again, though those are later', () => {
    const { pool, editor } = newPool()
    const [leaf] = made(editor, 1) as [Node]
    const above = emptyNode(editor, 1, inner, 8, 100)
    above.count = 1
    setChild(above, 0, leaf)
    pool.pause()
    for (const node of [above, leaf]) {
      node.cachedAt = REPLACED
      pool.retire([node])
    }
    pool.resume()
    expect(pool.reuseSome(1)).toBe(true)
    const [again] = made(editor, 1) as [Node]
    expect(again).toBe(leaf)
    const other = emptyNode(editor, 1, inner, 8, 100)
    setChild(other, 0, again)
    expect(pool.reuseSome(1)).toBe(false)
    expect(again.holders).toBe(1)
  })

  it('of sizes that are asked for stay, those of others go for them', () => {
    const { pool, editor } = newPool()
    const [small, large] = [made(editor, 4000, 1000), made(editor, 1000, 4000)]
    for (const node of large) pool.giveBack(node)
    // Large ones fill it. From here on small ones are asked for.
    const [one] = made(editor, 1, 1000) as [Node]
    for (const node of [one, ...small]) pool.giveBack(node)
    const again = new Set(made(editor, 2000, 1000))
    expect(small.filter((node) => again.has(node)).length).toBe(2000)
    for (const node of again) pool.giveBack(node)
    // And large ones again, which there is one of at first.
    const wanted = made(editor, 1, 4000)
    for (const node of large) pool.giveBack(node)
    const rest = new Set([...wanted, ...made(editor, 500, 4000)])
    expect(large.filter((node) => rest.has(node)).length).toBeGreaterThan(400)
  })
})
