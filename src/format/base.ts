/**
 * What a `Base` frame states behind its commit block: for each collection, how many rows it begins with and their digest.
 *
 *     collections u32 | reserved u32 || id u32 | digestA u32 | digestB u32 | reserved u32 | rows u64 || ...
 *
 * Ids ascend, and the catalog (0) is among them. A replay that comes to other figures has not read what was written.
 */
import { COMMIT_BLOCK_BYTES } from './commit.js'
import type { Digest } from './digest.js'
import { readUint64, viewOf, writeUint64 } from './integers.js'

/** Byte offsets behind the commit block. */
export const BaseField = { collections: 0, reserved: 4, end: 8 } as const

/** Byte offsets within what is said of a collection. */
export const BaseCollectionField = { id: 0, digestA: 4, digestB: 8, reserved: 12, rows: 16, end: 24 } as const

const HEAD_BYTES: number = BaseField.end
const ENTRY_BYTES: number = BaseCollectionField.end

/** A collection as a generation begins with it. */
export interface BaseCollection {
  readonly id: number
  readonly digest: Digest
  readonly rows: number
}

/** Bytes of a `Base` payload, its commit block included. */
export function basePayloadBytes(collections: number): number {
  return COMMIT_BLOCK_BYTES + HEAD_BYTES + collections * ENTRY_BYTES
}

/** Writes what stands behind the commit block, which begins at `at`. */
export function writeBaseCollections(
  view: DataView,
  at: number,
  collections: readonly BaseCollection[],
): void {
  const start = at + COMMIT_BLOCK_BYTES
  view.setUint32(start + BaseField.collections, collections.length, true)
  view.setUint32(start + BaseField.reserved, 0, true)
  for (const [i, { id, digest, rows }] of collections.entries()) {
    const entry = start + HEAD_BYTES + i * ENTRY_BYTES
    view.setUint32(entry + BaseCollectionField.id, id, true)
    view.setUint32(entry + BaseCollectionField.digestA, digest.a, true)
    view.setUint32(entry + BaseCollectionField.digestB, digest.b, true)
    view.setUint32(entry + BaseCollectionField.reserved, 0, true)
    writeUint64(view, entry + BaseCollectionField.rows, rows)
  }
}

/** Reads what a whole payload states behind its commit block; undefined if it is not that. */
export function readBaseCollections(payload: Uint8Array): BaseCollection[] | undefined {
  const view = viewOf(payload)
  if (payload.length < COMMIT_BLOCK_BYTES + HEAD_BYTES) return undefined
  const count = view.getUint32(COMMIT_BLOCK_BYTES + BaseField.collections, true)
  const reserved = view.getUint32(COMMIT_BLOCK_BYTES + BaseField.reserved, true)
  if (reserved !== 0 || payload.length !== basePayloadBytes(count)) return undefined
  const collections: BaseCollection[] = []
  for (let at = COMMIT_BLOCK_BYTES + HEAD_BYTES; at < payload.length; at += ENTRY_BYTES) {
    const id = view.getUint32(at + BaseCollectionField.id, true)
    const a = view.getUint32(at + BaseCollectionField.digestA, true)
    const b = view.getUint32(at + BaseCollectionField.digestB, true)
    const rows = readUint64(view, at + BaseCollectionField.rows)
    const ascends = id > (collections.at(-1)?.id ?? -1)
    if (
      view.getUint32(at + BaseCollectionField.reserved, true) !== 0 ||
      !ascends ||
      !Number.isSafeInteger(rows)
    )
      return undefined
    collections.push({ id, digest: { a, b }, rows })
  }
  return collections
}
