/**
 * The state of a database, and of a collection, before anything was written.
 */
import { CATALOG_ID } from '../catalog/entry.js'
import type { CollectionDefinition } from '../catalog/definition.js'
import type { IndexDefinition } from '../catalog/index-definition.js'
import type { CommitPosition } from '../log/commit-position.js'
import { type NodeSource, Tree } from '../tree/index.js'
import type { CollectionState, DatabaseState, IndexState } from './state.js'

/** The catalog describes every collection but itself. */
export const CATALOG_DEFINITION: CollectionDefinition = {
  id: CATALOG_ID,
  name: '',
  primaryKey: [['key']],
  fields: [],
  indexes: [],
  version: 0,
}

/** The state of a database without any commit. */
export function emptyState(commit: CommitPosition, nodes: NodeSource): DatabaseState {
  const catalog = { ...emptyCollection(CATALOG_DEFINITION, nodes), counter: 1 }
  return { commit, collections: new Map([[CATALOG_ID, catalog]]), names: new Map(), recordBytes: 0 }
}

/** An index without entries. */
export function emptyIndex(definition: IndexDefinition, nodes: NodeSource): IndexState {
  return { definition, tree: Tree.emptyOfKeysIn(nodes), rows: 0 }
}

/** A collection without rows. */
export function emptyCollection(definition: CollectionDefinition, nodes: NodeSource): CollectionState {
  return {
    definition,
    tree: Tree.emptyIn(nodes),
    liveBytes: 0,
    digest: { a: 0, b: 0 },
    counter: 1,
    structuresLogged: 0,
    indexes: definition.indexes.map((index) => emptyIndex(index, nodes)),
  }
}
