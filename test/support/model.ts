/**
 * What a database must do, in a few lines over maps in memory: the oracle of the crash tests.
 *
 * Keys are strings, or numbers that the collection counts. An operation either does all it should or refuses with one of
 * the codes below and changes nothing.
 */
import { ErrorCode } from '../../src/errors.js'
import type { Row } from '../../src/format/value.js'
import { collectionText, textOf } from './model-text.js'

export type ModelKey = string | number

/** `text` has string keys in `id`; `count` numbers that are generated where absent. */
export type CollectionKind = 'text' | 'count'

/** One write, as data. */
export type Operation =
  | { readonly kind: 'put' | 'insert'; readonly name: string; readonly row: Row }
  | { readonly kind: 'update'; readonly name: string; readonly key: ModelKey; readonly patch: Row }
  | { readonly kind: 'delete'; readonly name: string; readonly key: ModelKey }
  | { readonly kind: 'insertMany'; readonly name: string; readonly rows: readonly Row[] }
  | { readonly kind: 'register'; readonly name: string; readonly as: CollectionKind }
  | { readonly kind: 'rename'; readonly name: string; readonly to: string }
  | { readonly kind: 'drop'; readonly name: string }

/** A refusal that is no fault: the caller asked for what cannot be. */
export class Refused extends Error {
  readonly code: ErrorCode
  constructor(code: ErrorCode) {
    super(code)
    this.code = code
  }
}

interface ModelCollection {
  readonly kind: CollectionKind
  readonly rows: ReadonlyMap<ModelKey, Row>
  readonly next: number
}

/** What an operation did. */
export interface Done {
  readonly result: unknown
  /** Whether it makes a commit. */
  readonly wrote: boolean
}

const NOTHING: Done = { result: undefined, wrote: false }

export class Model {
  #collections: ReadonlyMap<string, ModelCollection>

  constructor(collections: ReadonlyMap<string, ModelCollection> = new Map()) {
    this.#collections = collections
  }

  /** The state now; give it to `restore` to come back. */
  save(): ReadonlyMap<string, ModelCollection> {
    return this.#collections
  }

  restore(saved: ReadonlyMap<string, ModelCollection>): void {
    this.#collections = saved
  }

  names(): string[] {
    return [...this.#collections.keys()].toSorted()
  }

  keys(name: string): ModelKey[] {
    return [...(this.#collections.get(name)?.rows.keys() ?? [])]
  }

  kindOf(name: string): CollectionKind | undefined {
    return this.#collections.get(name)?.kind
  }

  /** As `stateOf` gives it for a database. */
  text(): string {
    return this.names()
      .map((name) => collectionText(name, [...this.#get(name).rows.values()].map(textOf)))
      .join('\n')
  }

  apply(operation: Operation): Done {
    const { name } = operation
    switch (operation.kind) {
      case 'put':
      case 'insert':
        return { result: this.#store(name, operation.row, operation.kind), wrote: true }
      case 'update':
        return this.#update(name, operation.key, operation.patch)
      case 'delete':
        return this.#delete(name, operation.key)
      case 'insertMany':
        return this.#insertMany(name, operation.rows)
      case 'register':
        return this.#register(name, operation.as)
      case 'rename':
        return this.#rename(name, operation.to)
      case 'drop':
        return this.#drop(name)
    }
  }

  #get(name: string): ModelCollection {
    const collection = this.#collections.get(name)
    if (collection === undefined) throw new Refused(ErrorCode.schema)
    return collection
  }

  #set(name: string, collection: ModelCollection | undefined): void {
    const collections = new Map(this.#collections)
    if (collection === undefined) collections.delete(name)
    else collections.set(name, collection)
    this.#collections = collections
  }

  #store(name: string, row: Row, how: 'put' | 'insert'): ModelKey {
    const collection = this.#get(name)
    const given = row['id'] as ModelKey | undefined // Rows of workloads have such ids.
    const wanted = collection.kind === 'count' ? 'number' : 'string'
    const key = given ?? collection.next
    if (typeof key !== wanted) throw new Refused(ErrorCode.validation)
    if (how === 'insert' && collection.rows.has(key)) throw new Refused(ErrorCode.duplicateKey)
    const counted = collection.kind === 'count' && typeof key === 'number'
    const next = counted ? Math.max(collection.next, key + 1) : collection.next
    this.#set(name, { ...collection, next, rows: new Map(collection.rows).set(key, { ...row, id: key }) })
    return key
  }

  #update(name: string, key: ModelKey, patch: Row): Done {
    const collection = this.#get(name)
    const row = collection.rows.get(key)
    if (row === undefined) return NOTHING
    const result = merged(row, patch)
    this.#set(name, { ...collection, rows: new Map(collection.rows).set(key, result) })
    return { result, wrote: true }
  }

  #delete(name: string, key: ModelKey): Done {
    const collection = this.#get(name)
    const rows = new Map(collection.rows)
    const result = rows.delete(key)
    this.#set(name, { ...collection, rows })
    return { result, wrote: result }
  }

  #insertMany(name: string, rows: readonly Row[]): Done {
    const saved = this.save()
    try {
      this.#get(name)
      return { result: rows.map((row) => this.#store(name, row, 'insert')), wrote: rows.length > 0 }
    } catch (error) {
      this.restore(saved)
      throw error
    }
  }

  #register(name: string, kind: CollectionKind): Done {
    const present = this.#collections.get(name)
    if (present !== undefined && present.kind !== kind) throw new Refused(ErrorCode.schema)
    if (present === undefined) this.#set(name, { kind, rows: new Map(), next: 1 })
    return { result: undefined, wrote: present === undefined }
  }

  #rename(name: string, to: string): Done {
    const collection = this.#get(name)
    if (name === to) return NOTHING
    if (this.#collections.has(to)) throw new Refused(ErrorCode.schema)
    this.#set(name, undefined)
    this.#set(to, collection)
    return { result: undefined, wrote: true }
  }

  #drop(name: string): Done {
    const result = this.#collections.has(name)
    this.#set(name, undefined)
    return { result, wrote: result }
  }
}

/** What a patch makes of a row. */
export function merged(row: Row, patch: Row): Row {
  const result: Row = { ...row }
  for (const [name, change] of Object.entries(patch)) {
    const present = result[name]
    if (change === undefined) delete result[name]
    else result[name] = isPlain(change) ? merged(isPlain(present) ? present : {}, change) : change
  }
  return result
}

function isPlain(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
