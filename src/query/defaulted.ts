/**
 * Fields whose default stands in on a read for what a stored row lacks. An index knows rows as they are stored, so there
 * such a field may be null where readers see a value.
 */
import type { CollectionDefinition } from '../catalog/definition.js'
import type { FieldDefinition, FieldShape } from '../catalog/field.js'
import type { IndexDefinition } from '../catalog/index-definition.js'

/** Where a default may change what an index knows of a row. */
export interface IndexDefaults {
  /** By part. */
  readonly parts: readonly boolean[]
  /** Whether in any of them. */
  readonly inParts: boolean
  /** Whether it is one of the fields that say which rows it holds. */
  readonly inWhere: boolean
}

interface Known {
  readonly collection: CollectionDefinition
  readonly defaults: IndexDefaults
}

/** By index, for the collection that was asked about last. */
const known = new WeakMap<IndexDefinition, Known>()

/** Found out once for an index of a collection. */
export function defaultsIn(collection: CollectionDefinition, index: IndexDefinition): IndexDefaults {
  const present = known.get(index)
  if (present?.collection === collection) return present.defaults
  const where = Object.keys(index.where ?? {})
  const parts = index.on.map((path) => isDefaulted(collection, path))
  const inWhere = where.some((path) => isDefaulted(collection, path.split('.')))
  const defaults = { parts, inParts: parts.includes(true), inWhere }
  known.set(index, { collection, defaults })
  return defaults
}

/** Whether a default may change what stands at a path. */
function isDefaulted({ fields, codeRules }: CollectionDefinition, path: readonly string[]): boolean {
  const inCode = codeRules?.defaults ?? []
  return (
    inCode.some((name) => isRelated(name.replaceAll('[]', '').split('.'), path)) ||
    fields.some((field) => hasDefault(field, [], path))
  )
}

function hasDefault(field: FieldDefinition, above: readonly string[], path: readonly string[]): boolean {
  const whole = [...above, ...field.path]
  return isRelated(whole, path) && shapeHasDefault(field, whole, path)
}

function shapeHasDefault(shape: FieldShape, whole: readonly string[], path: readonly string[]): boolean {
  if (shape.default !== undefined) return true
  if (shape.element !== undefined && shapeHasDefault(shape.element, whole, path)) return true
  return shape.fields?.some((field) => hasDefault(field, whole, path)) ?? false
}

/** Whether one of two paths leads through the other. */
function isRelated(a: readonly string[], b: readonly string[]): boolean {
  const shared = Math.min(a.length, b.length)
  return a.slice(0, shared).every((name, i) => name === b[i])
}
