/**
 * The catalog as rows of a collection of its own, number 0: definitions, record structures and counters.
 *
 *     key ('collection', id)                 { name, primaryKey: [[name, ...], ...], fields: [{ path, type, ... }], version }
 *     with unknownFields unless it is 'keep'; with codeRules: { defaults: [field, ...], validator } if it has any
 *     with indexes: [{ id, name, on: [[name, ...], ...], kinds: ['any' | 'uuid', ...], unique?, where?, builtTo? }] if it has any
 *     key ('structure', collection id, id)   { fields: [name, ...] }
 *     key ('counter', collection id)         { next }     the next generated key; for collection 0 the next collection id
 *     key ('migration', version)             { name, collection, at, changed, through? }
 *     with migrating: version in a definition while batches of that migration are still to come
 *
 * Catalog changes are records in the same transactions as data, so a schema change is atomic with rows. Catalog rows are
 * packed without record structures: what is needed to read rows must not need itself.
 */
import { encodeKey } from '../format/key.js'
import { decodeKey } from '../format/key-decode.js'
import { DecodeFailure } from '../format/decode-failure.js'
import { MAX_STRUCTURES } from '../format/limits.js'
import { type Row, RowCodec } from '../format/value.js'
import type { CollectionDefinition } from './definition.js'
import { type CodeRules, UNKNOWN_FIELDS } from './field.js'
import { FormProblem, readFields } from './field-form.js'
import type { IndexDefinition } from './index-definition.js'
import { readIndexWhere } from './index-where.js'
import type { MigrationRecord } from './migration.js'

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
  | {
      readonly kind: 'migration'
      readonly version: number
      readonly record: MigrationRecord | undefined
    }

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

function migrationKey(version: number): Uint8Array {
  return encodeKey(['migration', version], ['any', 'any'], 'primary')
}

/** The row of a definition. A copy: the codec's buffer is reused. */
export function collectionRow(definition: CollectionDefinition): Uint8Array {
  const { name, primaryKey, fields, indexes, unknownFields, codeRules, version, migrating } = definition
  const row: Row = {
    name,
    primaryKey,
    fields,
    version,
    ...(unknownFields === undefined || unknownFields === 'keep' ? {} : { unknownFields }),
    ...(codeRules === undefined ? {} : { codeRules }),
    ...(indexes.length === 0 ? {} : { indexes: indexes.map(indexRow) }),
    ...(migrating === undefined ? {} : { migrating }),
  }
  return codec.encode(row).slice()
}

export function structureRow(fields: readonly string[]): Uint8Array {
  return codec.encode({ fields }).slice()
}

export function counterRow(next: number): Uint8Array {
  return codec.encode({ next }).slice()
}

/** The key of an entry. */
export function entryKey(entry: CatalogEntry): Uint8Array {
  if (entry.kind === 'collection') return collectionKey(entry.id)
  if (entry.kind === 'counter') return counterKey(entry.collectionId)
  if (entry.kind === 'migration') return migrationKey(entry.version)
  return structureKey(entry.collectionId, entry.structureId)
}

/** The row of an entry; without bytes for a definition that is dropped. */
export function entryRow(entry: CatalogEntry): Uint8Array {
  if (entry.kind === 'collection')
    return entry.definition === undefined ? new Uint8Array(0) : collectionRow(entry.definition)
  if (entry.kind === 'counter') return counterRow(entry.next ?? 1)
  if (entry.kind === 'migration') return migrationRow(entry.record)
  return structureRow(entry.fields ?? [])
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
  if (kind === 'migration' && parts.length === 2) return readMigration(first, content)
  if (kind === 'structure' && parts.length === 3 && isId(second)) return readStructure(first, second, content)
  return undefined
}

type Content = Readonly<Record<string, unknown>> | undefined

function readCollection(id: number, content: Content): CatalogEntry | undefined {
  if (content === undefined) return { kind: 'collection', id, definition: undefined }
  // What is not known was written by a newer version, and may change what all the rest means.
  if (!hasOnly(content, COLLECTION_PROPERTIES)) return undefined
  const { name, primaryKey, fields, indexes, unknownFields, codeRules, version, migrating } = content
  const paths = readList(primaryKey, readPath)
  const list = readFields(fields)
  const indexList = indexes === undefined ? [] : readList(indexes, readIndex)
  const unknown = UNKNOWN_FIELDS.find((one) => one === unknownFields)
  const code = codeRules === undefined ? undefined : readCodeRules(codeRules)
  if (typeof name !== 'string' || paths === undefined || list instanceof FormProblem || !isId(version))
    return undefined
  if (indexList === undefined || (unknownFields !== undefined && unknown === undefined)) return undefined
  if (codeRules !== undefined && code === undefined) return undefined
  if (migrating !== undefined && !isId(migrating)) return undefined
  const definition: CollectionDefinition = {
    id,
    name,
    primaryKey: paths,
    fields: list,
    indexes: indexList,
    version,
    ...(unknown === undefined ? {} : { unknownFields: unknown }),
    ...(code === undefined ? {} : { codeRules: code }),
    ...(migrating === undefined ? {} : { migrating }),
  }
  return { kind: 'collection', id, definition }
}

const COLLECTION_PROPERTIES: ReadonlySet<string> = new Set([
  'name',
  'primaryKey',
  'fields',
  'indexes',
  'unknownFields',
  'codeRules',
  'version',
  'migrating',
])
const CODE_RULES_PROPERTIES: ReadonlySet<string> = new Set(['defaults', 'validator'])

function hasOnly(value: object, known: ReadonlySet<string>): boolean {
  return Object.keys(value).every((name) => known.has(name))
}

function readCodeRules(value: unknown): CodeRules | undefined {
  if (typeof value !== 'object' || value === null || !hasOnly(value, CODE_RULES_PROPERTIES)) return undefined
  const { defaults, validator } = value as Readonly<Record<string, unknown>>
  const names = readPath(defaults, true)
  return names === undefined || typeof validator !== 'boolean' ? undefined : { defaults: names, validator }
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

function migrationRow(record: MigrationRecord | undefined): Uint8Array {
  if (record === undefined) return new Uint8Array(0)
  const { name, collection, at, changed, through } = record
  const row: Row = { name, collection, at, changed, ...(through === undefined ? {} : { through }) }
  return codec.encode(row).slice()
}

const MIGRATION_PROPERTIES: ReadonlySet<string> = new Set(['name', 'collection', 'at', 'changed', 'through'])

function readMigration(version: number, content: Content): CatalogEntry | undefined {
  if (content === undefined) return { kind: 'migration', version, record: undefined }
  if (!hasOnly(content, MIGRATION_PROPERTIES)) return undefined
  const { name, collection, at, changed, through } = content
  if (typeof name !== 'string' || typeof collection !== 'string' || !isId(at) || !isId(changed))
    return undefined
  if (through !== undefined && !(through instanceof Uint8Array)) return undefined
  const record = { version, name, collection, at, changed, ...(through === undefined ? {} : { through }) }
  return { kind: 'migration', version, record }
}

/** An index as it is stored. */
function indexRow({ id, name, on, kinds, unique, where, builtTo }: IndexDefinition): Row {
  return {
    id,
    name,
    on,
    kinds,
    ...(unique ? { unique } : {}),
    ...(where === undefined ? {} : { where }),
    ...(builtTo === undefined ? {} : { builtTo }),
  }
}

const INDEX_PROPERTIES: ReadonlySet<string> = new Set([
  'id',
  'name',
  'on',
  'kinds',
  'unique',
  'where',
  'builtTo',
])

function readIndex(value: unknown): IndexDefinition | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (!hasOnly(value, INDEX_PROPERTIES)) return undefined
  const { id, name, on, kinds, unique, where, builtTo } = value as Record<string, unknown>
  const paths = readList(on, readPath)
  const kindList = readList(kinds, (kind) => (kind === 'any' || kind === 'uuid' ? kind : undefined))
  const conditions = where === undefined ? undefined : readIndexWhere(where)
  if (!isId(id) || typeof name !== 'string' || paths === undefined || kindList?.length !== paths.length)
    return undefined
  if (paths.length === 0 || (where !== undefined && conditions === undefined)) return undefined
  if (builtTo !== undefined && !(builtTo instanceof Uint8Array)) return undefined
  return {
    id,
    name,
    on: paths,
    kinds: kindList,
    unique: unique === true,
    where: conditions,
    ...(builtTo === undefined ? {} : { builtTo }),
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
