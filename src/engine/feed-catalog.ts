/**
 * The definitions of collections as of a commit, and what a catalog record changes in them.
 */
import type { CollectionDefinition } from '../catalog/definition.js'
import { CATALOG_ID, type CatalogEntry } from '../catalog/entry.js'
import type { MigrationRecord } from '../catalog/migration.js'
import type { DatabaseState } from './state.js'

/** By id, without the catalog itself. Never changed: a commit that changes them makes others. */
export type Definitions = ReadonlyMap<number, CollectionDefinition>

/** A change of the schema, in the transaction that made it. */
export type SchemaChange =
  /** A collection is new. */
  | {
      readonly operation: 'register'
      readonly collection: string
      readonly definition: CollectionDefinition
    }
  /** The definition of a collection is another one: fields, rules, indexes, or how far an index is built. */
  | {
      readonly operation: 'redefine'
      readonly collection: string
      readonly definition: CollectionDefinition
      readonly before: CollectionDefinition
    }
  /** A collection goes on under another name, `collection`. */
  | {
      readonly operation: 'rename'
      readonly collection: string
      readonly from: string
      readonly definition: CollectionDefinition
    }
  /** A collection is gone, with all its rows: none of them is told of by itself. */
  | { readonly operation: 'drop'; readonly collection: string; readonly definition: CollectionDefinition }
  /** A migration ran, or one of its batches did. */
  | { readonly operation: 'migrate'; readonly collection: string; readonly migration: MigrationRecord }

/** The definitions of a state. */
export function definitionsOf({ collections }: DatabaseState): Definitions {
  const definitions = new Map<number, CollectionDefinition>()
  for (const [id, { definition }] of collections) if (id !== CATALOG_ID) definitions.set(id, definition)
  return definitions
}

/** The definitions after a catalog record. */
export function definitionsAfter(definitions: Definitions, entry: CatalogEntry): Definitions {
  if (entry.kind !== 'collection') return definitions
  const after = new Map(definitions)
  if (entry.definition === undefined) after.delete(entry.id)
  else after.set(entry.id, entry.definition)
  return after
}

/** What a catalog record says to users, given the definitions before it: nothing if it is of the engine's own matters. */
export function schemaChanges(definitions: Definitions, entry: CatalogEntry): readonly SchemaChange[] {
  if (entry.kind === 'migration') {
    const { record } = entry
    return record === undefined
      ? []
      : [{ operation: 'migrate', collection: record.collection, migration: record }]
  }
  if (entry.kind !== 'collection') return []
  const before = definitions.get(entry.id)
  const { definition } = entry
  if (definition === undefined)
    return before === undefined ? [] : [{ operation: 'drop', collection: before.name, definition: before }]
  const collection = definition.name
  if (before === undefined) return [{ operation: 'register', collection, definition }]
  if (before.name === collection) return [{ operation: 'redefine', collection, definition, before }]
  return [{ operation: 'rename', collection, from: before.name, definition }]
}
