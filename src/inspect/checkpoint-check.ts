/**
 * Holds a checkpoint against the log: its commit, what the records up to it take, and the catalog as of it.
 */
import { CATALOG_ID, readEntry, collectionKey } from '../catalog/entry.js'
import type { CollectionDefinition } from '../catalog/definition.js'
import type { Checkpoint, CheckpointEntry } from '../format/checkpoint.js'
import type { CommitPosition } from '../log/commit-position.js'
import { commitOf } from '../log/replay.js'
import type { CatalogHead } from './catalog-head.js'
import type { Contradiction } from './findings.js'

/** What of a checkpoint is not what the log says, whose last commit before it is `last`. */
export function contradictionsOf(
  checkpoint: Checkpoint,
  last: CommitPosition,
  head: CatalogHead,
): Contradiction[] {
  const commit = commitOf(checkpoint)
  const facts = ['sequence', 'time', 'offset', 'crc', 'end', 'epoch'] as const
  const names: readonly Contradiction[] = facts
    .filter((fact) => commit[fact] !== last[fact])
    .map((fact) => unequal(`${fact} of its commit`, last[fact], commit[fact]))
  const { recordBytes, collections } = checkpoint
  const bytes =
    recordBytes === head.recordBytes ? [] : [unequal('bytes of records', head.recordBytes, recordBytes)]
  const entries = collections.flatMap((entry) => catalogContradictions(entry, head))
  const missing = head.names.size + 1 - collections.length
  const whole = missing === 0 ? [] : [unequal('collections', head.names.size + 1, collections.length)]
  return [...names, ...bytes, ...entries, ...whole]
}

function catalogContradictions(entry: CheckpointEntry, head: CatalogHead): Contradiction[] {
  const { id, counter, structures } = entry
  const known = head.collection(id)
  if (known === undefined) return [unequal(`collection ${id}`, 'none', 'one')]
  const definition = id === CATALOG_ID ? known.definition : definitionOf(entry)
  const pairs: [string, string | number, string | number][] = [
    [`definition of collection ${id}`, textOf(known.definition), textOf(definition)],
    [`counter of collection ${id}`, known.counter, counter],
    [`structures of collection ${id}`, known.structuresLogged, structures.length],
  ]
  return pairs
    .filter(([, expected, actual]) => expected !== actual)
    .map(([what, expected, actual]) => unequal(what, expected, actual))
}

/** The definition that a checkpoint gives a collection; undefined if it is none. */
export function definitionOf({ id, definition }: CheckpointEntry): CollectionDefinition | undefined {
  const entry = readEntry(collectionKey(id), definition)
  return entry?.kind === 'collection' ? entry.definition : undefined
}

/** A definition as text: the conditions of a partial index may compare with what JSON has no form for. */
function textOf(definition: CollectionDefinition | undefined): string {
  if (definition === undefined) return 'none'
  return JSON.stringify(definition, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`
    return value instanceof Uint8Array ? [...value] : value
  })
}

function unequal(what: string, expected: string | number, actual: string | number): Contradiction {
  return { expected: `${what}: ${expected}, as the log says`, actual: String(actual) }
}
