/**
 * Carries out the steps of a workload: on a database, and on the model.
 */
import type { Database } from '../../src/database.js'
import { ErrorCode, VarveError } from '../../src/errors.js'
import type { FieldDefinition } from '../../src/catalog/field.js'
import type { IndexInput } from '../../src/catalog/index-definition.js'
import type { TransactionHandle } from '../../src/transaction-handle.js'
import { type CollectionKind, type Done, type Model, type Operation, Refused } from './model.js'
import type { Step, TransactionItem } from './workload.js'

export type WriteStep = Extract<Step, { readonly do: 'write' | 'transaction' }>

const REFUSALS: readonly string[] = [ErrorCode.schema, ErrorCode.duplicateKey, ErrorCode.validation]

/** What the callback of a transaction throws that is meant to fail. */
class Intended extends Error {}

const FIELDS: Record<CollectionKind, readonly FieldDefinition[]> = {
  text: [{ path: ['id'], type: 'string' }],
  count: [{ path: ['id'], type: 'int', generated: true }],
}

/** Long texts have no place in an index. */
const NUMBERS = { one: { $gte: -1e308 } }

/** Kept through everything that a workload does; `verify` holds them against the rows at the end. */
const INDEXES: Readonly<Record<string, IndexInput>> = {
  byOne: { on: 'one', where: NUMBERS },
  byTwo: { on: ['two', 'three.x'], where: { two: { $exists: true, $gte: -1e308 } } },
}

/** Starts a step; the promise is of its result. Blocking forms are done when this returns. */
export async function perform(db: Database, step: WriteStep): Promise<unknown> {
  if (step.do === 'write') return step.sync ? writeSync(db, step.operation) : await write(db, step.operation)
  const { form, items, fails, retried } = step
  try {
    return await transact(db, form, items, fails)
  } catch (error) {
    if (!(error instanceof Intended)) throw error
    return retried ? await transact(db, form, items, false) : undefined
  }
}

/** Whether a step keeps its place in the order of calls only if nothing else is under way. */
export function isExclusive(step: WriteStep): boolean {
  return step.do === 'transaction' && step.retried
}

/** Whether a step waits its turn, so that blocking calls are refused meanwhile. */
export function takesTurn(step: WriteStep): boolean {
  if (step.do === 'transaction') return step.form !== 'sync'
  return !step.sync && (step.operation.kind === 'rename' || step.operation.kind === 'drop')
}

export function isBlocking(step: WriteStep): boolean {
  return step.do === 'write' ? step.sync : step.form === 'sync'
}

async function transact(
  db: Database,
  form: 'plain' | 'async' | 'sync',
  items: readonly TransactionItem[],
  fails: boolean,
): Promise<unknown> {
  const body = (tx: TransactionHandle): unknown[] => {
    const results = items.map((item) => runItem(tx, item))
    if (fails) throw new Intended('The workload says so.')
    return results
  }
  if (form === 'sync') return db.transactionSync(body)
  if (form === 'plain') return await db.transaction(body)
  return await db.transaction(async (tx) => {
    await Promise.resolve()
    const results: unknown[] = []
    for (const item of items) {
      results.push(runItem(tx, item))
      await new Promise((resolve) => setImmediate(resolve))
    }
    if (fails) throw new Intended('The workload says so.')
    return results
  })
}

function runItem(tx: TransactionHandle, item: TransactionItem): unknown {
  if (!('savepoint' in item)) return orRefusal(() => writeIn(tx, item))
  return orRefusal(() =>
    tx.savepoint(() => {
      const results = item.savepoint.map((operation) => orRefusal(() => writeIn(tx, operation)))
      if (item.fails) throw new Intended('The workload says so.')
      return results
    }),
  )
}

/** The code of a refusal in place of its result; everything else goes on as an error. */
function orRefusal(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    if (error instanceof Intended) return 'intended'
    if (isRefusal(error)) return error.code
    throw error
  }
}

export function isRefusal(error: unknown): error is VarveError | Refused {
  if (error instanceof Refused) return true
  return VarveError.is(error) && REFUSALS.includes(error.code)
}

async function write(db: Database, operation: Operation): Promise<unknown> {
  const { name } = operation
  switch (operation.kind) {
    case 'put':
      return await db.put(name, operation.row)
    case 'insert':
      return await db.insert(name, operation.row)
    case 'update':
      return await db.update(name, operation.key, operation.patch)
    case 'delete':
      return await db.delete(name, operation.key)
    case 'insertMany':
      return await db.insertMany(name, operation.rows)
    case 'register':
      await db.registerCollection(name, FIELDS[operation.as], 'id', { indexes: INDEXES })
      return undefined
    case 'rename':
      return await db.renameCollection(name, operation.to)
    case 'drop':
      return await db.dropCollection(name)
  }
}

function writeSync(db: Database, operation: Operation): unknown {
  const { name } = operation
  switch (operation.kind) {
    case 'put':
      return db.collection(name).putSync(operation.row)
    case 'insert':
      return db.collection(name).insertSync(operation.row)
    case 'update':
      return db.collection(name).updateSync(operation.key, operation.patch)
    case 'delete':
      return db.collection(name).deleteSync(operation.key)
    case 'insertMany':
      return db.collection(name).insertManySync(operation.rows)
    default:
      return db.transactionSync((tx) => writeIn(tx, operation))
  }
}

function writeIn(tx: TransactionHandle, operation: Operation): unknown {
  const { name } = operation
  switch (operation.kind) {
    case 'put':
      return tx.collection(name).put(operation.row)
    case 'insert':
      return tx.collection(name).insert(operation.row)
    case 'update':
      return tx.collection(name).update(operation.key, operation.patch)
    case 'delete':
      return tx.collection(name).delete(operation.key)
    case 'insertMany':
      return tx.collection(name).insertMany(operation.rows)
    case 'register':
      return tx.registerCollection(name, FIELDS[operation.as], 'id', { indexes: INDEXES })
    case 'rename':
      return tx.renameCollection(name, operation.to)
    case 'drop':
      return tx.dropCollection(name)
  }
}

/** What a step does to the model, and what `perform` should give. Throws `Refused` where the database refuses. */
export function applyStep(model: Model, step: WriteStep): Done {
  if (step.do === 'write') return model.apply(step.operation)
  const saved = model.save()
  if (step.fails && !step.retried) return { result: undefined, wrote: false }
  let wrote = false
  const apply = (operation: Operation): unknown =>
    orRefusal(() => {
      const done = model.apply(operation)
      wrote ||= done.wrote
      return done.result
    })
  const result = step.items.map((item) => {
    if (!('savepoint' in item)) return apply(item)
    const before = { state: model.save(), wrote }
    const results = item.savepoint.map(apply)
    if (!item.fails) return results
    model.restore(before.state)
    wrote = before.wrote
    return 'intended'
  })
  if (model.save() === saved) return { result, wrote }
  return { result, wrote }
}
