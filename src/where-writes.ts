/**
 * Changing all rows of a filter: they are found first, then changed by their keys, in one transaction, all or none.
 */
import { type ReadView, sourceOf } from './collection-reader.js'
import type { Change, Transaction } from './engine/transaction.js'
import type { Key } from './format/key.js'
import type { FilterNode } from './query/filter.js'
import { rowsWhere } from './query/rows-where.js'

/** What a transaction sees, with all else as in `view`. */
export function viewIn(transaction: Transaction, view: ReadView): ReadView {
  return {
    ...view,
    collection: (name) => transaction.view(name),
    log: undefined,
    check: () => transaction.check(),
  }
}

/** Updates every row that the filter matches; how many those are. `view` is the transaction's. */
export function updateWhere(
  transaction: Transaction,
  view: ReadView,
  name: string,
  filter: FilterNode,
  change: Change,
): number {
  return transaction.savepoint(() => {
    const keys = keysWhere(view, name, filter)
    for (const key of keys) transaction.update(name, key, change)
    return keys.length
  })
}

/** Deletes every row that the filter matches; how many those were. `view` is the transaction's. */
export function deleteWhere(
  transaction: Transaction,
  view: ReadView,
  name: string,
  filter: FilterNode,
): number {
  return transaction.savepoint(() => {
    const keys = keysWhere(view, name, filter)
    for (const key of keys) transaction.delete(name, key)
    return keys.length
  })
}

function keysWhere(view: ReadView, name: string, filter: FilterNode): Key[] {
  const source = sourceOf(view, name)
  const { keys } = source.collection
  return rowsWhere(source, filter, keys.paths).map((row) => keys.asKey(keys.partsOf(row)))
}
