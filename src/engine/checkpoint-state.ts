/**
 * A database's state as a checkpoint, and a checkpoint as a state.
 */
import {
  CATALOG_ID,
  collectionKey,
  collectionRow,
  readEntry,
  structureKey,
  structureRow,
} from '../catalog/entry.js'
import type { CollectionDefinition } from '../catalog/definition.js'
import { FormatError } from '../errors.js'
import type { Checkpoint, CheckpointEntry } from '../format/checkpoint.js'
import { commitOf } from '../log/replay.js'
import { type NodeSource, Tree } from '../tree/index.js'
import { CATALOG_DEFINITION } from './empty-state.js'
import type { RowCodecs } from './row-codecs.js'
import type { CollectionState, DatabaseState, IndexState } from './state.js'

const NO_ROW = new Uint8Array(0)

/**
 * The checkpoint of a state whose trees are stored. `place` is where its frame will be, whether no commit lies between the
 * state's and it (`alone`), and the checkpoint before it.
 */
export function checkpointOf(
  state: DatabaseState,
  codecs: RowCodecs,
  place: { readonly offset: number; readonly alone: boolean; readonly previous: number },
  nodeBytes: number,
): Checkpoint {
  const { commit, recordBytes } = state
  const ids = [...state.collections.keys()].sort((a, b) => a - b)
  return {
    sequence: commit.sequence,
    time: commit.time,
    commitOffset: commit.offset,
    commitCrc: commit.crc,
    commitEpoch: commit.epoch,
    commitEnd: commit.end,
    replayFrom: place.alone ? place.offset : commit.end,
    previous: place.previous,
    recordBytes,
    nodeBytes,
    collections: ids.flatMap((id) => {
      const collection = state.collections.get(id)
      return collection === undefined ? [] : [entryOf(id, collection, codecs)]
    }),
  }
}

function entryOf(id: number, collection: CollectionState, codecs: RowCodecs): CheckpointEntry {
  const { tree, liveBytes, digest, counter, definition, structuresLogged, indexes } = collection
  const codec = codecs.of(id)
  return {
    id,
    root: tree.storedRoot(),
    liveBytes,
    digest,
    counter,
    definition: id === CATALOG_ID ? NO_ROW : collectionRow(definition),
    structures: Array.from({ length: structuresLogged }, (_, structure) =>
      structureRow(codec.structure(structure)),
    ),
    indexes: indexes.map((index) => ({
      id: index.definition.id,
      root: index.tree.storedRoot(),
      rows: index.rows,
    })),
  }
}

/** The state that a checkpoint describes. Reads the roots of its trees; throws if one is damaged. */
export function stateOf(
  checkpoint: Checkpoint,
  nodes: NodeSource,
  codecs: RowCodecs,
  path: string,
): DatabaseState {
  const collections = new Map<number, CollectionState>()
  const names = new Map<string, number>()
  for (const entry of checkpoint.collections) {
    const definition = definitionOf(entry, path)
    const tree = Tree.stored(nodes, entry.root)
    void tree.root
    defineStructures(entry, codecs, path)
    const indexes = indexesOf(definition, entry, nodes, path)
    const { liveBytes, digest, counter, structures } = entry
    collections.set(entry.id, {
      definition,
      tree,
      liveBytes,
      digest,
      counter,
      structuresLogged: structures.length,
      indexes,
    })
    if (entry.id !== CATALOG_ID) names.set(definition.name, entry.id)
  }
  if (!collections.has(CATALOG_ID)) throw notUnderstood(path, 'a checkpoint without a catalog')
  return { commit: commitOf(checkpoint), collections, names, recordBytes: checkpoint.recordBytes }
}

/** The definitions that a checkpoint states, without the catalog's own. Their record structures become known. Reads nothing. */
export function definitionsIn(
  checkpoint: Checkpoint,
  codecs: RowCodecs,
  path: string,
): ReadonlyMap<number, CollectionDefinition> {
  const definitions = new Map<number, CollectionDefinition>()
  for (const entry of checkpoint.collections) {
    if (entry.id === CATALOG_ID) continue
    definitions.set(entry.id, definitionOf(entry, path))
    defineStructures(entry, codecs, path)
  }
  return definitions
}

/** The indexes that a definition names, each with the tree that the checkpoint states. Reads their roots. */
function indexesOf(
  { name, indexes }: CollectionDefinition,
  entry: CheckpointEntry,
  nodes: NodeSource,
  path: string,
): IndexState[] {
  if (indexes.length !== entry.indexes.length)
    throw notUnderstood(path, `the number of indexes of '${name}' in a checkpoint`)
  return indexes.map((definition) => {
    const stored = entry.indexes.find(({ id }) => id === definition.id)
    if (stored === undefined) throw notUnderstood(path, `index ${definition.id} of '${name}' in a checkpoint`)
    const tree = Tree.storedOfKeys(nodes, stored.root)
    void tree.root
    return { definition, tree, rows: stored.rows }
  })
}

function definitionOf({ id, definition }: CheckpointEntry, path: string): CollectionDefinition {
  if (id === CATALOG_ID) return CATALOG_DEFINITION
  const entry = readEntry(collectionKey(id), definition)
  if (entry?.kind === 'collection' && entry.definition !== undefined) return entry.definition
  throw notUnderstood(path, `the definition of collection ${id} in a checkpoint`)
}

function defineStructures({ id, structures }: CheckpointEntry, codecs: RowCodecs, path: string): void {
  for (const [structureId, row] of structures.entries()) {
    const entry = readEntry(structureKey(id, structureId), row)
    const fields = entry?.kind === 'structure' ? entry.fields : undefined
    if (fields === undefined || !codecs.learn(id, structureId, fields)) {
      throw notUnderstood(path, `record structure ${structureId} of collection ${id} in a checkpoint`)
    }
  }
}

function notUnderstood(path: string, what: string): FormatError {
  return new FormatError(
    `A checkpoint of ${path} has valid checksums but ${what} is not understood. The file is untouched; use a newer version.`,
    { path, actual: what },
  )
}
