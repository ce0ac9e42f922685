/**
 * Rows from index entries alone: where every field that a query needs is a part of the key, and reads back exactly as it
 * was stored.
 *
 * A part says the value of a field only if the field is declared, required, and of a type that is no container; a list of one element
 * has the same entry as the element. Where an entry leaves something open (-0 or 0, a number or a bigint), its row is read.
 */
import type { CollectionDefinition } from '../catalog/definition.js'
import type { FieldDefinition, FieldType } from '../catalog/field.js'
import { decodeKey } from '../format/key-decode.js'
import { DecodeFailure } from '../format/decode-failure.js'
import type { KeyPart } from '../format/key.js'
import type { Row } from '../format/value.js'
import { isSamePath, type Path } from './access.js'
import { setField } from './set-field.js'

/** The type of a part; `key` for an undeclared part of the primary key, which is never null and no list. */
type CoveredType = FieldType | 'key'

const COVERED_TYPES: ReadonlySet<string> = new Set([
  'string',
  'enum',
  'int',
  'int64',
  'uint64',
  'float64',
  'boolean',
  'timestamp',
  'uuid',
  'bytes',
])

/** Where the fields of a covered row are found in an entry. */
export interface Cover {
  readonly parts: readonly {
    readonly at: number
    readonly path: readonly string[]
    readonly type: CoveredType
  }[]
}

/** Where no field is needed. */
export const NO_FIELDS: Cover = { parts: [] }

/** How to build rows of these fields from the keys of a path; undefined if that is not exact. */
export function coverOf(
  { on, isIndex }: Path,
  definition: CollectionDefinition,
  needed: readonly (readonly string[])[],
): Cover | undefined {
  const { primaryKey } = definition
  const sequence = isIndex ? [...on, ...primaryKey] : on
  const parts: { at: number; path: readonly string[]; type: CoveredType }[] = []
  for (const path of needed) {
    const isKey = primaryKey.some((part) => isSamePath(part, path))
    const at =
      isKey && isIndex
        ? sequence.findLastIndex((part) => isSamePath(part, path))
        : sequence.findIndex((part) => isSamePath(part, path))
    const type = coveredType(definition.fields, path) ?? (isKey ? 'key' : undefined)
    if (at < 0 || type === undefined) return undefined
    parts.push({ at, path, type })
  }
  return { parts }
}

function coveredType(fields: readonly FieldDefinition[], path: readonly string[]): FieldType | undefined {
  for (const field of fields) {
    if (!isSamePath(field.path, path.slice(0, field.path.length))) continue
    const { fields: below } = field
    if (field.path.length < path.length) {
      if (field.type !== 'object' || below === undefined) continue
      const found = coveredType(below, path.slice(field.path.length))
      if (found !== undefined) return found
    } else if (isPlain(field)) return field.type
  }
  return undefined
}

/** A value that may be missing may also have been anything before its field was declared. */
function isPlain(field: FieldDefinition): boolean {
  return (
    field.optional !== true &&
    field.nullable !== true &&
    field.default === undefined &&
    COVERED_TYPES.has(field.type)
  )
}

/** The row that a key says, of the covered fields alone; undefined if the row must be read. */
export function coveredRow({ parts }: Cover, key: Uint8Array): Row | undefined {
  if (parts.length === 0) return {}
  const decoded = decodeKey(key, 0, key.length)
  if (decoded instanceof DecodeFailure) return undefined
  const row: Row = {}
  for (const { at, path, type } of parts) {
    const value = exactValue(decoded.parts[at], type)
    if (value === undefined) return undefined
    setAt(row, path, value)
  }
  return row
}

/** The value that was stored; undefined if the key leaves it open. */
function exactValue(part: KeyPart | undefined, type: CoveredType): KeyPart | undefined {
  if (part === null || part === undefined) return undefined
  if (typeof part !== 'number') return part
  if (type === 'int64' || type === 'uint64') return BigInt(part)
  return (type === 'int' || type === 'float64') && part !== 0 ? part : undefined
}

/** Sets a field by its path. Paths come from definitions, none begins with another. */
function setAt(row: Row, path: readonly string[], value: unknown): void {
  let level = row
  for (const [i, name] of path.entries()) {
    const isLast = i === path.length - 1
    const next: unknown = isLast ? value : Object.hasOwn(level, name) ? level[name] : {}
    setField(level, name, next)
    level = next as Row // Not used after the last name.
  }
}
