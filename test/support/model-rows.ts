/**
 * What one collection must do, over a list of rows that is searched from end to end: the oracle of the model test.
 */
import type fc from 'fast-check'
import type { FieldDefinition } from '../../src/catalog/field.js'
import type { Key } from '../../src/format/key.js'
import type { Row } from '../../src/format/value.js'
import type { RangeOptions } from '../../src/key-bounds.js'
import { merged } from './model.js'
import { anyPart, anyPair, compareKeys, partsOf, uuidPart } from './model-keys.js'

/** Rows of one collection in key order. */
export type Rows = readonly { readonly key: Key; readonly row: Row }[]

export interface Shape {
  readonly fields: readonly FieldDefinition[]
  readonly primaryKey: string | readonly string[]
  readonly key: fc.Arbitrary<Key>
  readonly uuid: boolean
}

export const SHAPES: Record<string, Shape> = {
  any: { fields: [], primaryKey: 'id', key: anyPart, uuid: false },
  deep: { fields: [], primaryKey: 'deep.id', key: anyPart, uuid: false },
  uuid: { fields: [{ path: ['id'], type: 'uuid' }], primaryKey: 'id', key: uuidPart, uuid: true },
  pair: { fields: [], primaryKey: ['x', 'y'], key: anyPair, uuid: false },
}

export function keyed(primaryKey: Shape['primaryKey'], key: Key, rest: Row): Row {
  const row: Row = { ...rest }
  const paths = typeof primaryKey === 'string' ? [primaryKey] : primaryKey
  for (const [i, path] of paths.entries()) {
    if (path === 'deep.id') row['deep'] = { id: partsOf(key)[i], more: 1 }
    else row[path] = partsOf(key)[i]
  }
  return row
}

export type Write =
  | { readonly kind: 'insert' | 'put'; readonly key: Key; readonly rest: Row }
  | { readonly kind: 'insertMany'; readonly keys: readonly Key[]; readonly rest: Row }
  | { readonly kind: 'update'; readonly key: Key; readonly patch: Row }
  | { readonly kind: 'delete'; readonly key: Key }

export class Duplicate extends Error {}

/** The model: rows in order, and what each operation makes of them. */
export class Oracle {
  rows: Rows = []
  readonly #shape: Shape
  constructor(shape: Shape) {
    this.#shape = shape
  }

  find(key: Key, rows: Rows = this.rows): Row | undefined {
    return rows.find((each) => this.#compare(each.key, key) === 0)?.row
  }

  apply(write: Write): unknown {
    if (write.kind === 'delete') return this.#delete(write.key)
    if (write.kind === 'update') return this.#update(write.key, write.patch)
    if (write.kind !== 'insertMany') return this.#store(write.key, write.rest, write.kind)
    const saved = this.rows
    try {
      return write.keys.map((key) => this.#store(key, write.rest, 'insert'))
    } catch (error) {
      this.rows = saved
      throw error
    }
  }

  range({ gte, gt, lte, lt, reverse, limit }: RangeOptions, rows: Rows = this.rows): Row[] {
    const within = rows.filter(({ key }) => {
      if (gte !== undefined && this.#compare(key, gte) < 0) return false
      if (gt !== undefined && this.#compare(key, gt) <= 0) return false
      if (lte !== undefined && this.#compare(key, lte) > 0) return false
      return lt === undefined || this.#compare(key, lt) < 0
    })
    const ordered = reverse === true ? within.toReversed() : within
    return ordered.slice(0, limit ?? ordered.length).map(({ row }) => row)
  }

  prefix(prefix: Key): Row[] {
    if (typeof prefix !== 'string') return this.range({ gte: prefix, lte: prefix })
    return this.rows
      .filter(({ key }) => typeof key === 'string' && key.startsWith(prefix))
      .map(({ row }) => row)
  }

  #compare(a: Key, b: Key): number {
    return compareKeys(a, b, this.#shape.uuid)
  }

  #store(key: Key, rest: Row, how: 'insert' | 'put'): Key {
    if (how === 'insert' && this.find(key) !== undefined) throw new Duplicate()
    this.#delete(key)
    const row = keyed(this.#shape.primaryKey, key, rest)
    this.rows = [...this.rows, { key, row }].toSorted((a, b) => this.#compare(a.key, b.key))
    return key
  }

  #update(key: Key, patch: Row): Row | undefined {
    const row = this.find(key)
    if (row === undefined) return undefined
    const result = merged(row, patch)
    this.rows = this.rows.map((each) =>
      this.#compare(each.key, key) === 0 ? { key: each.key, row: result } : each,
    )
    return result
  }

  #delete(key: Key): boolean {
    const before = this.rows.length
    this.rows = this.rows.filter((each) => this.#compare(each.key, key) !== 0)
    return this.rows.length < before
  }
}
