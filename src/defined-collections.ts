/**
 * Collections that are defined in code: brought to an open database, and asked for by their definition.
 */
import { exactly } from './catalog/collection-request.js'
import { type CollectionDefinition, compareDefinitions } from './catalog/definition.js'
import type { Migration } from './catalog/migration.js'
import type { Engine } from './engine/engine.js'
import type { OpenOptions } from './engine/open.js'
import { registerCollection } from './engine/register.js'
import { migrate } from './engine/migrate.js'
import { breakingChange, migrationNeeded } from './engine/refusals.js'
import type { RulesOf } from './engine/row-rules.js'
import type { Transaction } from './engine/transaction.js'
import { ArgumentError, SchemaError } from './errors.js'
import { CollectionSchema } from './schema/define-collection.js'

/** Options about collections, of every way to open a database. */
export interface CollectionsOptions {
  /**
   * Collections as `defineCollection` gives them. Those that the database lacks are added, safe changes applied; one that
   * needs a migration, or breaks, is refused with `VARVE_SCHEMA`, naming every reason. A `readOnly` open compares alone.
   */
  readonly collections?: readonly CollectionSchema[] | undefined
  /**
   * Migrations that this code knows, as `Database.migrate` takes them: those that have not run yet do so before `collections` are
   * compared. Not for opens that are synchronous or read only.
   */
  readonly migrations?: readonly Migration[] | undefined
  /**
   * Let writes pass to collections whose rules in code (a validator, defaults that are functions) this open was not given.
   * Default false: such writes are refused with `VARVE_SCHEMA`.
   */
  readonly unchecked?: boolean | undefined
}

/** How a database is opened. */
export interface DatabaseOptions extends OpenOptions, CollectionsOptions {}

/** Separates what concerns collections from what concerns the file. */
export function splitOptions<T extends CollectionsOptions>(
  options: T,
): [CollectionsOptions, Omit<T, keyof CollectionsOptions>] {
  const { collections, migrations, unchecked, ...file } = options
  checkCollections(collections)
  return [{ collections, migrations, unchecked }, file]
}

function checkCollections(collections: unknown): void {
  if (collections === undefined) return
  const isList = Array.isArray(collections) && collections.every((one) => one instanceof CollectionSchema)
  if (!isList)
    throw new ArgumentError(
      'collections must be an array of what defineCollection of the same entry of the package gave.',
    )
  const names = (collections as readonly CollectionSchema[]).map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) < i)
  if (twice !== undefined) throw new ArgumentError(`collections has '${twice}' twice.`)
}

/** Brings collections to a database that was just opened. If that fails the database is closed again. */
export async function bringCollections(engine: Engine, options: CollectionsOptions): Promise<void> {
  try {
    const collections = prepared(engine, options)
    // A migration checks rows by these rules too.
    for (const { name, '~code': code } of collections) engine.rules.bind(name, code)
    const { migrations } = options
    if (migrations !== undefined && engine.generation.writer !== undefined) await migrate(engine, migrations)
    for (const { definition } of collections) await registerCollection(engine, exactly(definition))
  } catch (error) {
    await engine.close().catch(() => undefined)
    throw error
  }
}

/** As `bringCollections`, blocking; all of them in one transaction. */
export function bringCollectionsSync(engine: Engine, options: CollectionsOptions): void {
  try {
    if (options.migrations !== undefined)
      throw new ArgumentError('Migrations run in an asynchronous open: use Database.open.')
    const collections = prepared(engine, options)
    const run = (transaction: Transaction): void => {
      for (const { definition } of collections) transaction.register(exactly(definition))
    }
    if (collections.length > 0) engine.writeSync(run, true)
    for (const { name, '~code': code } of collections) engine.rules.bind(name, code)
  } catch (error) {
    closeQuietly(engine)
    throw error
  }
}

function closeQuietly(engine: Engine): void {
  try {
    engine.closeSync()
  } catch {
    // The first error counts.
  }
}

/** The collections that are yet to be registered: none if nothing may be written, and then they are compared. */
function prepared(
  engine: Engine,
  { collections = [], unchecked }: CollectionsOptions,
): readonly CollectionSchema[] {
  if (unchecked === true) engine.rules.allowUnchecked()
  if (engine.generation.writer !== undefined) return collections
  const { names, collections: present } = engine.state
  for (const schema of collections) {
    const id = names.get(schema.name)
    const found = id === undefined ? undefined : present.get(id)
    compare(engine.rules, schema, found?.definition)
  }
  return []
}

/** A reader goes by the fields of its own definition, so that rows have the type that it says. */
function compare(rules: RulesOf, schema: CollectionSchema, present: CollectionDefinition | undefined): void {
  const { name, definition, '~code': code } = schema
  const change = present === undefined ? undefined : compareDefinitions(present, definition)
  if (change?.kind === 'breaking') throw breakingChange(name, change.reasons)
  if (change?.kind === 'migration') throw migrationNeeded(name, change.reasons)
  rules.bind(name, code, definition)
}

/** The name of a collection that is asked for by name or definition. */
export function nameOf(rules: RulesOf, collection: string | CollectionSchema): string {
  if (typeof collection === 'string') return collection
  if (!(collection instanceof CollectionSchema))
    throw new ArgumentError(
      'A collection is asked for by its name, or by what defineCollection of the same entry of the package gave.',
    )
  const { name, '~code': code } = collection
  if (rules.has(name, code)) return name
  throw new SchemaError(
    `The database was opened without this definition of '${name}'. Pass it to open in collections.`,
    { collection: name },
  )
}
