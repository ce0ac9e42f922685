/**
 * The state of a database, and of a collection, before anything was written.
 */
import { CATALOG_ID } from '../catalog/entry.js'
import type { CollectionDefinition } from '../catalog/definition.js'
import type { CommitPosition } from '../log/commit-position.js'
import { type NodeSource, Tree } from '../tree/index.js'
import type { CollectionState, DatabaseState } from './state.js'

/** The catalog describes every collection but itself. */
export const CATALOG_DEFINITION: CollectionDefinition = {
  id: CATALOG_ID,
  name: '',
  primaryKey: [['key']],
  fields: [],
  version: 0,
}

/** The state of a database without any commit. */
export function emptyState(commit: CommitPosition, nodes: NodeSource): DatabaseState {
  const catalog = { ...emptyCollection(CATALOG_DEFINITION, nodes), counter: 1 }
  return { commit, collections: new Map([[CATALOG_ID, catalog]]), names: new Map(), recordBytes: 0 }
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
  }
}
