/**
 * Carries out migrations: each in one transaction, or in batches that go on after a crash; or only says what would happen.
 */
import { CATALOG_ID, readEntry } from '../catalog/entry.js'
import type { CollectionDefinition } from '../catalog/definition.js'
import { checkMigrations, type Migration, type MigrationRecord } from '../catalog/migration.js'
import { resolveIndexes } from '../catalog/index-definition.js'
import { SchemaError } from '../errors.js'
import { keyAfter } from '../format/key-order.js'
import { SLICE_MS } from '../storage/task.js'
import type { RecordRef, Tree } from '../tree/index.js'
import type { Engine } from './engine.js'
import { type MigrationPlan, planOf } from './migration-plan.js'
import { buildIndexes } from './register.js'
import type { CollectionState } from './state.js'
import { unknownCollection } from './refusals.js'
import type { Transaction } from './transaction.js'

/** Before every key. */
const NO_KEY = new Uint8Array(0)

/** Rows that a dry run names because they would not fit. */
const MISFITS_NAMED = 10

/** What one migration did, or would do. */
export interface MigrationOutcome {
  readonly version: number
  readonly name: string
  readonly collection: string
  /** Rows that were looked at, and those that were changed. */
  readonly rows: number
  readonly changed: number
  /** In a dry run: rows that the new definition would refuse, the first ones by name. */
  readonly misfits: number
  readonly misfitExamples: readonly string[]
}

export interface MigrationReport {
  readonly dryRun: boolean
  /** Those that ran, or would. */
  readonly migrations: readonly MigrationOutcome[]
  /** Versions that had run before. */
  readonly present: readonly number[]
}

export interface MigrateOptions {
  /** Only say what would happen: nothing is written. Default false. */
  readonly dryRun?: boolean | undefined
}

/** The migrations of a database, oldest first. */
export function migrationsOf({ state, generation }: Engine): readonly MigrationRecord[] {
  const catalog = state.collections.get(CATALOG_ID)
  const records: MigrationRecord[] = []
  if (catalog === undefined) return records
  for (const cursor = catalog.tree.cursor({}); cursor.next();) {
    const key = cursor.key()
    const entry = readEntry(key, generation.rows.bytesAt(CATALOG_ID, cursor.ref, key))
    if (entry?.kind === 'migration' && entry.record !== undefined) records.push(entry.record)
  }
  return records
}

export async function migrate(
  engine: Engine,
  migrations: readonly Migration[],
  { dryRun = false }: MigrateOptions = {},
): Promise<MigrationReport> {
  checkMigrations(migrations)
  const history = migrationsOf(engine)
  const pending = pendingOf(migrations, history)
  const done = history.filter(({ through }) => through === undefined).map(({ version }) => version)
  const outcomes: MigrationOutcome[] = []
  const plans = new Map<string, readonly MigrationPlan[]>()
  for (const migration of pending) {
    if (dryRun) outcomes.push(await examine(engine, migration, plans, history))
    else outcomes.push(await carryOut(engine, migration, history))
  }
  return { dryRun, migrations: outcomes, present: done }
}

function pendingOf(
  migrations: readonly Migration[],
  history: readonly MigrationRecord[],
): readonly Migration[] {
  const newest = history.at(-1)
  const known = migrations.at(-1)?.version ?? 0
  if (newest !== undefined && newest.version > known) {
    throw new SchemaError(
      `The database is at migration ${newest.version} ('${newest.name}'), and this code knows migrations up to ${known}. Use the newer code; nothing was changed.`,
      { actual: `migration ${newest.version}`, expected: `at most migration ${known}` },
    )
  }
  const done = new Set(history.filter(({ through }) => through === undefined).map(({ version }) => version))
  const pending = migrations.filter(({ version }) => !done.has(version))
  const late = pending.find(({ version }) => newest !== undefined && version < newest.version)
  if (late !== undefined && newest !== undefined) {
    throw new SchemaError(
      `Migration ${late.version} ('${late.name}') did not run before migration ${newest.version} did, so it cannot run now. Give it a version above ${newest.version}.`,
      { actual: `migration ${late.version}` },
    )
  }
  return pending
}

async function carryOut(
  engine: Engine,
  migration: Migration,
  history: readonly MigrationRecord[],
): Promise<MigrationOutcome> {
  const commitBefore = engine.commitSequence
  if (!engine.state.names.has(migration.collection)) return await noteOnly(engine, migration)
  try {
    return migration.batchRows === undefined
      ? await engine.transaction((transaction) => atOnce(engine, transaction, migration))
      : await new BatchRun(engine, migration, migration.batchRows).run(
          history.find(({ version }) => version === migration.version),
        )
  } catch (error) {
    throw failed(migration, commitBefore, error)
  }
}

/** A collection that does not exist yet is registered in its newest form. */
async function noteOnly(engine: Engine, { version, name, collection }: Migration): Promise<MigrationOutcome> {
  const at = Math.floor(engine.parts.platform.now())
  await engine.transaction((tx) => tx.noteMigration({ version, name, collection, at, changed: 0 }))
  return { version, name, collection, rows: 0, changed: 0, misfits: 0, misfitExamples: [] }
}

/** Definition and rows in one transaction. New indexes come last, so that they are of the new rows alone. */
async function atOnce(
  engine: Engine,
  transaction: Transaction,
  { version, name, collection, steps }: Migration,
): Promise<MigrationOutcome> {
  const plan = planOf(transaction.collection(collection).definition, steps)
  transaction.redefine(plan.during)
  let [rows, changed] = [0, 0]
  const walk = eachRow(engine, transaction.view(collection).tree, NO_KEY, Number.POSITIVE_INFINITY)
  for await (const { key, ref } of walk) {
    if (transaction.rewrite(collection, key, ref, plan.rowOf)) changed++
    rows++
  }
  transaction.redefine(plan.after)
  const at = Math.floor(engine.parts.platform.now())
  transaction.noteMigration({ version, name, collection, at, changed })
  return { version, name, collection, rows, changed, misfits: 0, misfitExamples: [] }
}

/** One migration in several commits. */
class BatchRun {
  readonly #engine: Engine
  readonly #migration: Migration
  readonly #batchRows: number
  #rows = 0
  #changed = 0

  constructor(engine: Engine, migration: Migration, batchRows: number) {
    this.#engine = engine
    this.#migration = migration
    this.#batchRows = batchRows
  }

  /** Goes on from what was noted when an earlier run ended early. */
  async run(begun: MigrationRecord | undefined): Promise<MigrationOutcome> {
    const { version, name, collection, steps } = this.#migration
    const engine = this.#engine
    const plan = planOf(definitionOf(engine, collection), steps, begun !== undefined)
    this.#changed = begun?.changed ?? 0
    if (begun === undefined) {
      await engine.transaction((transaction) => {
        transaction.noteMigration(this.#record(NO_KEY))
        transaction.redefine(plan.during, version)
      })
    }
    let through: Uint8Array | undefined = begun?.through ?? NO_KEY
    while (through !== undefined) {
      const from: Uint8Array = through
      through = await engine.transaction((transaction) => this.#batch(transaction, plan, from))
    }
    const id = await engine.transaction((transaction) => {
      transaction.redefine(plan.after, version, true)
      return transaction.collection(collection).definition.id
    })
    await buildIndexes(engine, id)
    await engine.transaction((transaction) => {
      transaction.noteMigration(this.#record())
      transaction.redefine(plan.after)
    })
    const [rows, changed] = [this.#rows, this.#changed]
    return { version, name, collection, rows, changed, misfits: 0, misfitExamples: [] }
  }

  /** Some rows behind `from`; returns up to where it is done, undefined at the end. */
  async #batch(
    transaction: Transaction,
    plan: MigrationPlan,
    from: Uint8Array,
  ): Promise<Uint8Array | undefined> {
    const { collection } = this.#migration
    // The transaction counts as this migration's from here on.
    transaction.noteMigration(this.#record(from))
    let through: Uint8Array | undefined
    let [rows, changed] = [0, 0]
    const walk = eachRow(this.#engine, transaction.view(collection).tree, from, this.#batchRows)
    for await (const { key, ref } of walk) {
      if (transaction.rewrite(collection, key, ref, plan.rowOf)) changed++
      through = key
      rows++
    }
    this.#rows += rows
    this.#changed += changed
    if (through !== undefined) transaction.noteMigration(this.#record(through))
    return rows < this.#batchRows ? undefined : through
  }

  #record(through?: Uint8Array): MigrationRecord {
    const { version, name, collection } = this.#migration
    const at = Math.floor(this.#engine.parts.platform.now())
    return { version, name, collection, at, changed: this.#changed, ...(through && { through }) }
  }
}

/** What a migration would do, where those before it in the list had run. */
async function examine(
  engine: Engine,
  { version, name, collection, steps }: Migration,
  before: Map<string, readonly MigrationPlan[]>,
  history: readonly MigrationRecord[],
): Promise<MigrationOutcome> {
  if (!engine.state.names.has(collection))
    return { version, name, collection, rows: 0, changed: 0, misfits: 0, misfitExamples: [] }
  const present = definitionOf(engine, collection)
  const earlier = before.get(collection) ?? []
  // Of one that was begun, the definition and the rows up to there have their new form.
  const begun = history.find((record) => record.version === version)?.through
  const plan = planOf(definitionAfter(present, earlier.at(-1)), steps, begun !== undefined)
  before.set(collection, [...earlier, plan])
  const rules = engine.rules.of(definitionAfter(present, plan))
  const misfits: string[] = []
  let [rows, changed, misfitCount] = [0, 0, 0]
  const { tree } = collectionOf(engine, collection)
  tree.capture()
  for await (const { key, ref } of eachRow(engine, tree, begun ?? NO_KEY, Number.POSITIVE_INFINITY)) {
    rows++
    try {
      const old = earlier.reduce(
        (row, one) => one.rowOf(row),
        engine.generation.rows.read(present.id, ref, key),
      )
      const next = plan.rowOf(old)
      if (next !== old) changed++
      rules.accept(next)
    } catch (error) {
      misfitCount++
      if (misfits.length < MISFITS_NAMED) misfits.push(error instanceof Error ? error.message : String(error))
    }
  }
  return { version, name, collection, rows, changed, misfits: misfitCount, misfitExamples: misfits }
}

function definitionAfter(
  present: CollectionDefinition,
  plan: MigrationPlan | undefined,
): CollectionDefinition {
  if (plan === undefined) return present
  const { after } = plan
  const indexes = resolveIndexes(present.indexes, after.indexes, present.version + 1, false)
  return { ...after, indexes, id: present.id, version: present.version + 1 }
}

/** Rows behind a key, with turns for the event loop between them. The tree must stay as it is. */
async function* eachRow(
  { parts }: Engine,
  tree: Tree,
  behind: Uint8Array,
  limit: number,
): AsyncGenerator<{ readonly key: Uint8Array; readonly ref: RecordRef }, void, undefined> {
  const { platform } = parts
  const cursor = tree.cursor({ from: keyAfter(behind) })
  let sliceEnd = platform.monotonicMs() + SLICE_MS
  for (let n = 0; n < limit && cursor.next(); n++) {
    yield { key: cursor.key(), ref: cursor.ref }
    if (platform.monotonicMs() < sliceEnd) continue
    await platform.yield()
    sliceEnd = platform.monotonicMs() + SLICE_MS
  }
}

function collectionOf({ state }: Engine, name: string): CollectionState {
  const found = state.collections.get(state.names.get(name) ?? -1)
  if (found === undefined) throw unknownCollection(name, [...state.names.keys()])
  return found
}

function definitionOf(engine: Engine, name: string): CollectionDefinition {
  return collectionOf(engine, name).definition
}

function failed(
  { version, name, collection, batchRows }: Migration,
  before: number,
  cause: unknown,
): SchemaError {
  const why = cause instanceof Error ? cause.message : String(cause)
  const left =
    batchRows === undefined
      ? 'Nothing was changed'
      : 'Batches before it stay, and other writes to the collection are refused until the migration has gone on'
  return new SchemaError(
    `Migration ${version} ('${name}') of '${collection}' failed: ${why} ${left}. The commit before it is ${before}: db.snapshot({ at: ${before} }) reads what was there.`,
    { collection, actual: `migration ${version}`, commitBefore: before, cause },
  )
}
