/**
 * What checkpoints say of collections, for those whose definitions or record structures are lost, and what can be guessed of others.
 */
import { readEntry, structureKey } from '../catalog/entry.js'
import type { CollectionDefinition } from '../catalog/definition.js'
import { VarveError } from '../errors.js'
import { encodeKey, type KeyPart, type KeyPartKind } from '../format/key.js'
import { decodeKey } from '../format/key-decode.js'
import { DecodeFailure } from '../format/decode-failure.js'
import type { Checkpoint } from '../format/checkpoint.js'
import type { Row } from '../format/value.js'
import { definitionOf } from '../inspect/checkpoint-check.js'
import type { SalvageLine } from './salvage-line.js'
import type { SurveyedCheckpoint } from './salvage-survey.js'

/** A collection as a checkpoint states it. */
export interface StatedCollection {
  readonly definition: CollectionDefinition
  readonly structures: readonly (readonly string[])[]
  readonly counter: number
  /** The commit as of which all this is said. */
  readonly sequence: number
}

export class KnownCatalogs {
  readonly #checkpoints: readonly SurveyedCheckpoint[]

  /** `checkpoints` are by sequence. */
  constructor(checkpoints: readonly SurveyedCheckpoint[]) {
    this.#checkpoints = checkpoints
  }

  /**
   * A collection as of the first checkpoint at or after a commit of a line, else as of the last one before it. Ids mean the same
   * in checkpoints of the line itself, and in those of what it shares with the log.
   */
  entryOf(id: number, sequence: number, line: SalvageLine): StatedCollection | undefined {
    let found: Checkpoint | undefined
    for (const { source, checkpoint } of this.#checkpoints) {
      const isShared = source.kind === 'database' && checkpoint.sequence <= line.sharedTo
      if (source !== line.source && !isShared) continue
      if (!checkpoint.collections.some((each) => each.id === id)) continue
      found = checkpoint
      if (checkpoint.sequence >= sequence) break
    }
    return found === undefined ? undefined : stated(found, id)
  }
}

function stated({ collections, sequence }: Checkpoint, id: number): StatedCollection | undefined {
  const entry = collections.find((each) => each.id === id)
  const definition = entry && definitionOf(entry)
  if (entry === undefined || definition === undefined) return undefined
  const structures: (readonly string[])[] = []
  for (const [structureId, bytes] of entry.structures.entries()) {
    const row = readEntry(structureKey(entry.id, structureId), bytes)
    if (row?.kind !== 'structure' || row.fields === undefined) break
    structures.push(row.fields)
  }
  return { definition, structures, counter: entry.counter, sequence }
}

/**
 * A definition for a collection of which nothing is known but a row and its key: each part of the key is held by a field
 * of the row. Undefined if some part is held by none.
 */
export function guessedDefinition(id: number, row: Row, key: Uint8Array): CollectionDefinition | undefined {
  const decoded = decodeKey(key, 0, key.length)
  if (decoded instanceof DecodeFailure) return undefined
  const primaryKey: string[][] = []
  for (const [i, part] of decoded.parts.entries()) {
    const kind = decoded.kinds[i] ?? 'any'
    const wanted = encodeKey([part], [kind], 'primary')
    const taken = new Set(primaryKey.map(([name]) => name))
    const field = Object.keys(row).find((name) => !taken.has(name) && isKeyed(row[name], kind, wanted))
    // Keys of this kind are declared ones, whose declaration is lost.
    if (field === undefined || kind !== 'any') return undefined
    primaryKey.push([field])
  }
  return { id, name: `recovered-${id}`, primaryKey, fields: [], indexes: [], version: 1 }
}

function isKeyed(value: unknown, kind: KeyPartKind, wanted: Uint8Array): boolean {
  try {
    const bytes = encodeKey([value as KeyPart], [kind], 'primary')
    return bytes.length === wanted.length && bytes.every((byte, i) => byte === wanted[i])
  } catch (error) {
    if (VarveError.is(error)) return false
    throw error
  }
}
