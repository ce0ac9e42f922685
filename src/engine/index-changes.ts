/**
 * What a row that is put or deleted changes in the indexes of its collection.
 */
import { CorruptionError } from '../errors.js'
import type { Row } from '../format/value.js'
import { duplicateIn } from './refusals.js'
import type { WorkingCollection } from './working-collection.js'
import type { IndexChange, WorkingIndex } from './working-index.js'

const NO_ENTRIES: readonly Uint8Array[] = []

/**
 * The changes of a row (I22): `old` is the one before, or why it cannot be read; `row` the one that comes. Where clashes are refused, throws
 * `VARVE_DUPLICATE_KEY` if it may not be put.
 */
export function indexChanges(
  working: WorkingCollection,
  key: Uint8Array,
  old: Row | CorruptionError | undefined,
  row: Row | undefined,
  refusesClashes: boolean,
): IndexChange[] {
  const changes: IndexChange[] = []
  for (const index of working.indexes) {
    if (!index.covers(key)) continue
    const before = old === undefined ? NO_ENTRIES : entriesBefore(index, old, key)
    const change = index.change(before, row === undefined ? NO_ENTRIES : index.keys.entriesOf(row, key))
    if (change === undefined) continue
    if (refusesClashes) for (const entry of change.added) refuseClash(working, index, entry, key)
    changes.push(change)
  }
  return changes
}

/** The entries of a row that goes. If it cannot be read, its entries are those of its key. */
function entriesBefore(
  index: WorkingIndex,
  old: Row | CorruptionError,
  key: Uint8Array,
): readonly Uint8Array[] {
  return old instanceof CorruptionError ? index.entriesWithKey(key) : index.keys.entriesOf(old, key)
}

/** Throws `VARVE_DUPLICATE_KEY` if another row than that of `key` has an entry of the same values. */
export function refuseClash(
  { definition }: WorkingCollection,
  index: WorkingIndex,
  entry: Uint8Array,
  key: Uint8Array,
): void {
  const other = index.clashOf(entry, key)
  if (other !== undefined) throw duplicateIn(definition.name, index.definition, entry, other)
}
