/**
 * The catalog as rows of a collection of its own, number 0: definitions, record structures and counters.
 *
 *     key ('collection', id)                 { name, primaryKey: [[name, ...], ...], fields: [{ path, type, optional?, generated? }], version }
 *     key ('structure', collection id, id)   { fields: [name, ...] }
 *     key ('counter', collection id)         { next }     the next generated key; for collection 0 the next collection id
 *
 * Catalog changes are records in the same transactions as data, so a schema change is atomic with rows. Catalog rows are
 * packed without record structures: what is needed to read rows must not need itself.
 */
import { encodeKey } from '../format/key.js'
import { decodeKey } from '../format/key-decode.js'
import { DecodeFailure } from '../format/decode-failure.js'
import { MAX_STRUCTURES } from '../format/limits.js'
import { RowCodec } from '../format/value.js'
import type { CollectionDefinition } from './definition.js'
import { FIELD_TYPES, type FieldDefinition } from './field.js'

/** Collection id of the catalog. */
export const CATALOG_ID = 0

/** One catalog row. */
export type CatalogEntry =
  | {
      readonly kind: 'collection'
      readonly id: number
      readonly definition: CollectionDefinition | undefined
    }
  | {
      readonly kind: 'structure'
      readonly collectionId: number
      readonly structureId: number
      readonly fields: readonly string[] | undefined
    }
  | { readonly kind: 'counter'; readonly collectionId: number; readonly next: number | undefined }

const codec = new RowCodec({ structures: false })

export function collectionKey(id: number): Uint8Array {
  return encodeKey(['collection', id], ['any', 'any'], 'primary')
}

export function structureKey(collectionId: number, structureId: number): Uint8Array {
  return encodeKey(['structure', collectionId, structureId], ['any', 'any', 'any'], 'primary')
}

export function counterKey(collectionId: number): Uint8Array {
  return encodeKey(['counter', collectionId], ['any', 'any'], 'primary')
}

/** The row of a definition. A copy: the codec's buffer is reused. */
export function collectionRow(definition: CollectionDefinition): Uint8Array {
  const { name, primaryKey, fields, version } = definition
  return codec.encode({ name, primaryKey, fields, version }).slice()
}

export function structureRow(fields: readonly string[]): Uint8Array {
  return codec.encode({ fields }).slice()
}

export function counterRow(next: number): Uint8Array {
  return codec.encode({ next }).slice()
}

/** Reads a catalog record; a row that is absent (a delete) has no content. Undefined if it is no catalog entry. */
export function readEntry(key: Uint8Array, row: Uint8Array | undefined): CatalogEntry | undefined {
  const decoded = decodeKey(key, 0, key.length)
  if (decoded instanceof DecodeFailure) return undefined
  const { parts } = decoded
  const [kind, first, second] = parts
  if (!isId(first)) return undefined
  const content = row === undefined ? undefined : codec.decode(row, 0, row.length)
  if (content instanceof DecodeFailure) return undefined
  if (kind === 'collection' && parts.length === 2) return readCollection(first, content)
  if (kind === 'counter' && parts.length === 2) return readCounter(first, content)
  if (kind === 'structure' && parts.length === 3 && isId(second)) return readStructure(first, second, content)
  return undefined
}

type Content = Readonly<Record<string, unknown>> | undefined

function readCollection(id: number, content: Content): CatalogEntry | undefined {
  if (content === undefined) return { kind: 'collection', id, definition: undefined }
  const { name, primaryKey, fields, version } = content
  const paths = readList(primaryKey, readPath)
  const list = readList(fields, readField)
  if (typeof name !== 'string' || paths === undefined || list === undefined || !isId(version))
    return undefined
  return { kind: 'collection', id, definition: { id, name, primaryKey: paths, fields: list, version } }
}

function readStructure(
  collectionId: number,
  structureId: number,
  content: Content,
): CatalogEntry | undefined {
  if (structureId >= MAX_STRUCTURES) return undefined
  const fields = content === undefined ? undefined : readPath(content['fields'], true)
  if (content !== undefined && fields === undefined) return undefined
  return { kind: 'structure', collectionId, structureId, fields }
}

function readCounter(collectionId: number, content: Content): CatalogEntry | undefined {
  if (content === undefined) return { kind: 'counter', collectionId, next: undefined }
  const next = content['next']
  return isId(next) ? { kind: 'counter', collectionId, next } : undefined
}

function readField(value: unknown): FieldDefinition | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { path, type, optional, generated } = value as Record<string, unknown>
  const names = readPath(path)
  const known = FIELD_TYPES.find((candidate) => candidate === type)
  if (names === undefined || known === undefined) return undefined
  return {
    path: names,
    type: known,
    ...(optional === true ? { optional: true } : {}),
    ...(generated === true ? { generated: true } : {}),
  }
}

function readPath(value: unknown, mayBeEmpty = false): readonly string[] | undefined {
  const names = readList(value, (name) => (typeof name === 'string' ? name : undefined))
  return names !== undefined && (mayBeEmpty || names.length > 0) ? names : undefined
}

function readList<T>(value: unknown, read: (item: unknown) => T | undefined): readonly T[] | undefined {
  if (!Array.isArray(value)) return undefined
  const items: T[] = []
  for (const item of value) {
    const result = read(item)
    if (result === undefined) return undefined
    items.push(result)
  }
  return items
}

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
