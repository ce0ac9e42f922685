/**
 * The definition of a secondary index: over which fields, whether its values are unique, and which rows it holds.
 */
import { ArgumentError, SchemaError } from '../errors.js'
import type { KeyPartKind } from '../format/key.js'
import { MAX_INDEX_PARTS, MAX_INDEXES, MAX_NAME_BYTES } from '../format/limits.js'
import { checkIndexWhere, type IndexWhere, whereText } from './index-where.js'

/** An index as the catalog keeps it. */
export interface IndexDefinition {
  /** Within its collection; never reused. */
  readonly id: number
  readonly name: string
  /** Paths of its parts, in order. */
  readonly on: readonly (readonly string[])[]
  /** How each part is encoded. */
  readonly kinds: readonly KeyPartKind[]
  /** Whether no two rows may have the same values. A row that lacks one of them clashes with none. */
  readonly unique: boolean
  /** Which rows it holds; undefined for all. */
  readonly where: IndexWhere | undefined
  /**
   * While it is being built: rows up to this primary key, inclusive, have their entries; an empty key is before all. Absent once
   * it is whole.
   */
  readonly builtTo?: Uint8Array | undefined
}

/** An index as callers write it. */
export interface IndexInput {
  /** A field, a dotted path, or several of them for a compound index. A list is indexed by each of its elements. */
  readonly on: string | readonly string[]
  /** Refuse a write that gives two rows the same values. Rows that lack a value never clash. Default false. */
  readonly unique?: boolean | undefined
  /** Index only the rows for which these conditions hold: see {@link IndexWhere}. Default: all rows. */
  readonly where?: IndexWhere | undefined
}

/** What a caller registers: an index without what the catalog adds. */
export type CheckedIndex = Omit<IndexDefinition, 'id' | 'builtTo'>

/** Checks the indexes of a collection. Throws `VARVE_ARGUMENT` or `VARVE_SCHEMA`. */
export function indexInputs(
  collection: string,
  inputs: Readonly<Record<string, IndexInput>>,
  kindOf: (path: readonly string[]) => KeyPartKind,
): readonly CheckedIndex[] {
  const names = Object.keys(inputs)
  if (names.length > MAX_INDEXES)
    throw new SchemaError(`'${collection}' declares more than ${MAX_INDEXES} indexes.`, { collection })
  return names.map((name) => indexInput(collection, name, inputs[name], kindOf))
}

function indexInput(
  collection: string,
  name: string,
  input: IndexInput | undefined,
  kindOf: (path: readonly string[]) => KeyPartKind,
): CheckedIndex {
  const what = `Index '${name}' of '${collection}'`
  if (name === '' || name.length > MAX_NAME_BYTES || !name.isWellFormed())
    throw new ArgumentError(
      `The name of an index of '${collection}' must be text of 1 to ${MAX_NAME_BYTES} characters.`,
    )
  if (typeof input !== 'object' || input === null)
    throw new ArgumentError(`${what} must be an object such as { on: 'year' }.`)
  const fields: unknown[] = typeof input.on === 'string' ? [input.on] : [...input.on]
  if (fields.length === 0 || fields.length > MAX_INDEX_PARTS)
    throw new SchemaError(`${what} must be on 1 to ${MAX_INDEX_PARTS} fields.`, { collection, index: name })
  const on = fields.map((field) => pathOf(what, field))
  if (new Set(on.map((path) => JSON.stringify(path))).size < on.length)
    throw new SchemaError(`${what} names a field twice.`, { collection, index: name })
  return {
    name,
    on,
    kinds: on.map(kindOf),
    unique: input.unique === true,
    where: checkIndexWhere(what, input.where),
  }
}

function pathOf(what: string, field: unknown): readonly string[] {
  const path = typeof field === 'string' ? field.split('.') : []
  if (path.length > 0 && path.every((part) => part !== '' && part.isWellFormed())) return path
  throw new ArgumentError(`${what} is on ${JSON.stringify(field)}, which is no field or dotted path.`)
}

/**
 * The indexes of a collection after it was registered with others: those that are the same stay as they are, the others are new, with
 * ids that no index had before. With `online`, new ones are yet to be built, and the others stay until the same is registered again.
 */
export function resolveIndexes(
  present: readonly IndexDefinition[],
  wanted: readonly CheckedIndex[] | undefined,
  version: number,
  online: boolean,
): readonly IndexDefinition[] {
  if (wanted === undefined) return present
  const isPresent = (index: CheckedIndex): boolean => present.some((one) => isSameIndex(one, index))
  const resolved = wanted.map((index, i) => {
    const same = present.find((one) => isSameIndex(one, index))
    if (same !== undefined) return same
    const added = { ...index, id: version * MAX_INDEXES + i }
    return online ? { ...added, builtTo: new Uint8Array(0) } : added
  })
  if (!online || wanted.every(isPresent)) return resolved
  // What goes is used until what comes is whole.
  return [...resolved, ...present.filter((index) => !resolved.includes(index))]
}

/** How a collection's indexes would change; none if they would not. */
export function indexChanges(
  present: readonly IndexDefinition[],
  wanted: readonly CheckedIndex[] | undefined,
): readonly string[] {
  if (wanted === undefined) return []
  const has = (list: readonly CheckedIndex[], index: CheckedIndex): boolean =>
    list.some((one) => isSameIndex(one, index))
  const added = wanted.filter((index) => !has(present, index))
  const dropped = present.filter((index) => !has(wanted, index))
  return [
    ...added.map(({ name }) => `index '${name}' is new`),
    ...dropped.map(({ name }) => `index '${name}' goes`),
  ]
}

/** Whether two definitions give the same entries. */
function isSameIndex(a: CheckedIndex, b: CheckedIndex): boolean {
  const essence = ({ name, on, kinds, unique, where }: CheckedIndex): string =>
    JSON.stringify([name, on, kinds, unique, whereText(where)])
  return essence(a) === essence(b)
}
