/**
 * The definition of a collection: name, primary key, fields. Checked when it is registered, compared with what the
 * catalog holds, and stored as data.
 */
import { ArgumentError, SchemaError } from '../errors.js'
import { MAX_FIELDS, MAX_NAME_BYTES } from '../format/limits.js'
import type { KeyPartKind } from '../format/key.js'
import {
  type CheckedIndex,
  type IndexDefinition,
  indexChanges,
  type IndexInput,
  indexInputs,
} from './index-definition.js'
import { FIELD_TYPES, type FieldDefinition, type FieldType } from './field.js'

/** A collection as the catalog keeps it. */
export interface CollectionDefinition {
  /** Never reused within a database; 0 is the catalog itself. */
  readonly id: number
  readonly name: string
  /** Paths of the primary key's parts; one for a simple key, several for a composite one. */
  readonly primaryKey: readonly (readonly string[])[]
  readonly fields: readonly FieldDefinition[]
  readonly indexes: readonly IndexDefinition[]
  /** Rises by one with every change of the definition. */
  readonly version: number
}

/** What a caller registers. */
export interface CollectionInput extends Omit<CollectionDefinition, 'id' | 'version' | 'indexes'> {
  /** All its indexes; undefined leaves them as they are. */
  readonly indexes?: readonly CheckedIndex[] | undefined
}

/** The primary key as callers write it: a field, a dotted path, or several of them. */
export type PrimaryKeyInput = string | readonly string[]

/** Checks what a caller registers and brings it into the catalog's form. Throws `VARVE_ARGUMENT` or `VARVE_SCHEMA`. */
export function collectionInput(
  name: string,
  fields: readonly FieldDefinition[],
  primaryKey: PrimaryKeyInput,
  indexes?: Readonly<Record<string, IndexInput>>,
): CollectionInput {
  checkName(name, 'collection name')
  const paths = (typeof primaryKey === 'string' ? [primaryKey] : primaryKey).map((path) => path.split('.'))
  if (paths.length === 0)
    throw new SchemaError(`The primary key of '${name}' needs at least one field.`, { collection: name })
  for (const path of paths) for (const part of path) checkName(part, 'primary key field')
  if (fields.length > MAX_FIELDS)
    throw new SchemaError(`'${name}' declares more than ${MAX_FIELDS} fields.`, { collection: name })
  const seen = new Set<string>()
  const checked = fields.map((field) => checkField(name, field, paths, seen))
  const input = { name, primaryKey: paths, fields: checked }
  if (indexes === undefined) return input
  return { ...input, indexes: indexInputs(name, indexes, (path) => kindOf(input, path)) }
}

function checkField(
  collection: string,
  field: FieldDefinition,
  primaryKey: readonly (readonly string[])[],
  seen: Set<string>,
): FieldDefinition {
  if (!Array.isArray(field.path) || field.path.length === 0) {
    throw new ArgumentError(
      `A field of '${collection}' has no path: it must be an array of names, such as ['title'].`,
    )
  }
  for (const part of field.path) checkName(part, 'field name')
  const text = field.path.join('.')
  const fail = (what: string): SchemaError =>
    new SchemaError(`Field '${text}' of '${collection}' ${what}`, { collection, field: text })
  if (!FIELD_TYPES.includes(field.type))
    throw fail(`has the unknown type '${field.type}'. Known are ${FIELD_TYPES.join(', ')}.`)
  const identity = JSON.stringify(field.path)
  if (seen.has(identity)) throw fail('is declared twice.')
  seen.add(identity)
  const isKey = primaryKey.some((path) => JSON.stringify(path) === identity)
  if (isKey && field.optional === true) throw fail('is part of the primary key, so it cannot be optional.')
  if (field.generated !== true) {
    return { path: [...field.path], type: field.type, ...(field.optional === true ? { optional: true } : {}) }
  }
  if (!isKey || primaryKey.length !== 1)
    throw fail('is generated, which only a primary key of one field can be.')
  if (field.type !== 'uuid' && field.type !== 'int')
    throw fail("is generated, so its type must be 'uuid' or 'int'.")
  return { path: [...field.path], type: field.type, generated: true }
}

/** Refuses names that are empty, too long, or not text. */
function checkName(name: unknown, what: string): asserts name is string {
  if (typeof name !== 'string') throw new ArgumentError(`A ${what} must be a string.`)
  if (name === '') throw new ArgumentError(`A ${what} must not be empty.`)
  if (name.length > MAX_NAME_BYTES)
    throw new ArgumentError(`A ${what} must not be longer than ${MAX_NAME_BYTES} characters.`)
  if (!name.isWellFormed())
    throw new ArgumentError(`A ${what} must be well-formed text; this one holds a lone surrogate.`)
}

/** How each part of the primary key is encoded. */
export function keyKinds(definition: Pick<CollectionInput, 'primaryKey' | 'fields'>): readonly KeyPartKind[] {
  return definition.primaryKey.map((path) => kindOf(definition, path))
}

function kindOf(definition: Pick<CollectionInput, 'fields'>, path: readonly string[]): KeyPartKind {
  return declaredType(definition, path) === 'uuid' ? 'uuid' : 'any'
}

/** What the engine generates for a missing key. */
export function generatedKey(definition: Pick<CollectionInput, 'fields'>): 'uuid' | 'int' | undefined {
  const field = definition.fields.find((candidate) => candidate.generated === true)
  return field?.type === 'uuid' || field?.type === 'int' ? field.type : undefined
}

function declaredType(
  definition: Pick<CollectionInput, 'fields'>,
  path: readonly string[],
): FieldType | undefined {
  const identity = JSON.stringify(path)
  return definition.fields.find((field) => JSON.stringify(field.path) === identity)?.type
}

/** How a definition differs from the catalog's. */
export type DefinitionChange =
  | { readonly kind: 'same' }
  /** Rows written under the old one are valid under the new one. */
  | { readonly kind: 'safe'; readonly reasons: readonly string[] }
  | { readonly kind: 'breaking'; readonly reasons: readonly string[] }

/** Compares what a caller registers with what the catalog holds. */
export function compareDefinitions(present: CollectionDefinition, wanted: CollectionInput): DefinitionChange {
  const safe: string[] = []
  const breaking: string[] = []
  if (JSON.stringify(present.primaryKey) !== JSON.stringify(wanted.primaryKey))
    breaking.push('the primary key differs')
  const wantedFields = new Map(wanted.fields.map((field) => [JSON.stringify(field.path), field]))
  for (const old of present.fields) {
    const identity = JSON.stringify(old.path)
    const field = wantedFields.get(identity)
    wantedFields.delete(identity)
    compareField(old, field, present.primaryKey, safe, breaking)
  }
  for (const field of wantedFields.values()) {
    const reason = `field '${field.path.join('.')}' is new`
    if (field.optional === true) safe.push(reason)
    else breaking.push(`${reason} and not optional`)
  }
  safe.push(...indexChanges(present.indexes, wanted.indexes))
  if (breaking.length > 0) return { kind: 'breaking', reasons: breaking }
  return safe.length > 0 ? { kind: 'safe', reasons: safe } : { kind: 'same' }
}

function compareField(
  old: FieldDefinition,
  field: FieldDefinition | undefined,
  primaryKey: readonly (readonly string[])[],
  safe: string[],
  breaking: string[],
): void {
  const name = `field '${old.path.join('.')}'`
  const isKey = primaryKey.some((path) => JSON.stringify(path) === JSON.stringify(old.path))
  if (field === undefined) {
    if (isKey) breaking.push(`${name} is part of the primary key and no longer declared`)
    else safe.push(`${name} is no longer declared`)
    return
  }
  if (field.type !== old.type) {
    const reason = `${name} changes from ${old.type} to ${field.type}`
    if (field.type === 'any' && !isKey) safe.push(reason)
    else breaking.push(reason)
  }
  if (field.optional === true && old.optional !== true) safe.push(`${name} becomes optional`)
  if (field.optional !== true && old.optional === true) breaking.push(`${name} is no longer optional`)
  if ((field.generated === true) !== (old.generated === true))
    safe.push(`${name} changes whether it is generated`)
}
