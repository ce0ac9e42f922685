/**
 * Changing all rows of a filter: they are found first, then changed by their keys, in one transaction, all or none.
 *
 * Outside of a transaction those that may take long run in one that spans turns of the event loop; nobody else writes meanwhile, and
 * readers see nothing of it before its commit.
 */
import { type ReadView, sourceOf } from './collection-reader.js'
import type { Engine } from './engine/engine.js'
import type { Change, Transaction } from './engine/transaction.js'
import type { Key } from './format/key.js'
import type { FilterNode } from './query/filter.js'
import { eachWhere, keysToLookAt } from './query/rows-where.js'
import { PAUSE, runAsync, runSync, type Task } from './storage/task.js'

/** Keys of which a change is made at once, without a turn of the event loop. */
const AT_ONCE = 128

/** What a transaction sees, with all else as in `view`. */
export function viewIn(transaction: Transaction, view: ReadView): ReadView {
  return {
    ...view,
    collection: (name) => transaction.view(name),
    log: undefined,
    newest: undefined,
    check: () => transaction.check(),
  }
}

/** What is done with the row of a key. */
type Act = (transaction: Transaction, key: Key) => unknown

/** Updates every row that the filter matches; how many those are. `view` is the transaction's. */
export function updateWhere(
  transaction: Transaction,
  view: ReadView,
  name: string,
  filter: FilterNode,
  change: Change,
): number {
  return transaction.savepoint(() => runSync(each(transaction, view, name, filter, updating(name, change))))
}

/** Deletes every row that the filter matches; how many those were. `view` is the transaction's. */
export function deleteWhere(
  transaction: Transaction,
  view: ReadView,
  name: string,
  filter: FilterNode,
): number {
  return transaction.savepoint(() => runSync(each(transaction, view, name, filter, deleting(name))))
}

/** The same as a transaction of its own. */
export async function updateWhereApart(
  engine: Engine,
  view: ReadView,
  name: string,
  filter: FilterNode,
  change: Change,
): Promise<number> {
  return await apart(engine, view, name, filter, updating(name, change))
}

/** The same as a transaction of its own. */
export async function deleteWhereApart(
  engine: Engine,
  view: ReadView,
  name: string,
  filter: FilterNode,
): Promise<number> {
  return await apart(engine, view, name, filter, deleting(name))
}

function updating(name: string, change: Change): Act {
  return (transaction, key) => transaction.update(name, key, change)
}

function deleting(name: string): Act {
  return (transaction, key) => transaction.delete(name, key)
}

async function apart(
  engine: Engine,
  view: ReadView,
  name: string,
  filter: FilterNode,
  act: Act,
): Promise<number> {
  const task = (transaction: Transaction): Task<number> =>
    each(transaction, viewIn(transaction, view), name, filter, act)
  let isAtOnce = true
  const wait = (): number => {
    isAtOnce = false
    return 0
  }
  // Both are carried out, or begin to wait, before `write` returns: so the order of writes is that of their calls.
  const atOnce = engine.write(
    (transaction) => {
      if (keysToLookAt(sourceOf(viewIn(transaction, view), name), filter) > AT_ONCE) return wait()
      return transaction.savepoint(() => runSync(task(transaction)))
    },
    () => {
      wait()
      return () => 0
    },
  )
  if (isAtOnce) return await atOnce
  const inTurns = engine.transaction((transaction) => runAsync(task(transaction), view.platform))
  const [changed] = await Promise.all([inTurns, atOnce])
  return changed
}

function* each(
  transaction: Transaction,
  view: ReadView,
  name: string,
  filter: FilterNode,
  act: Act,
): Task<number> {
  const source = sourceOf(view, name)
  const { keys } = source.collection
  const found: Key[] = []
  yield* eachWhere(source, filter, keys.paths, (row) => found.push(keys.asKey(keys.partsOf(row))))
  for (const key of found) {
    act(transaction, key)
    yield PAUSE
  }
  return found.length
}
