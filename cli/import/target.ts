/**
 * The collection that an import writes to: one that is there, whose definition rules, or a new one as the options say.
 */
import { existsSync } from 'node:fs'
import type { CollectionDefinition, Database, FieldDefinition } from '../../src/index.js'
import { declaredLeaves } from '../declared-fields.js'
import { CliError, CliErrorCode, usageError } from '../failure.js'
import { quoted } from '../format.js'
import type { Target } from './batch-writer.js'
import { checkAgainst, Conversions, declaredFields, type TypedField } from './conversions.js'

/** What the options ask for. */
export interface Wish {
  readonly key: readonly string[] | undefined
  readonly generateKey: boolean
  readonly fields: readonly TypedField[]
  /** Whether rows may go in past rules that only a program has. */
  readonly unchecked: boolean
}

/** A target, and what becomes of the values on their way to it. */
export interface ImportTarget extends Target {
  readonly conversions: Conversions
}

const GENERATED_KEY: FieldDefinition = { path: ['id'], type: 'uuid', generated: true }

/** Throws `CLI_USAGE` before a database is made for a collection that has no key. */
export function checkHasKey(path: string, collection: string, wish: Wish): void {
  if (!existsSync(path) && wish.key === undefined && !wish.generateKey) throw noKey(collection)
}

/** Throws `CLI_USAGE` where the options contradict the collection, or leave a new one without a key. */
export function openTarget(database: Database, collection: string, wish: Wish): ImportTarget {
  if (!database.collectionNames().includes(collection)) return newTarget(database, collection, wish)
  const { definition } = database.collection(collection)
  checkCode(definition, wish)
  checkKey(definition, wish)
  checkAgainst(definition.fields, wish.fields, collection)
  const conversions = new Conversions(wish.fields, definition.fields)
  return { database, collection, primaryKey: definition.primaryKey, register: undefined, conversions }
}

function newTarget(database: Database, collection: string, { key, generateKey, fields }: Wish): ImportTarget {
  const primaryKey = generateKey ? ['id'] : key
  if (primaryKey === undefined) throw noKey(collection)
  const declared = [...(generateKey ? [GENERATED_KEY] : []), ...declaredFields(fields)]
  return {
    database,
    collection,
    primaryKey: primaryKey.map((path) => path.split('.')),
    register: (transaction) => transaction.registerCollection(collection, declared, primaryKey),
    conversions: new Conversions(fields, []),
  }
}

/** Throws `CLI_REFUSED` for a collection that has rules in code: nothing here can keep them. */
function checkCode({ name, codeRules }: CollectionDefinition, { unchecked }: Wish): void {
  if (codeRules === undefined || unchecked) return
  const rules = [...(codeRules.validator ? ['a validator'] : []), ...codeRules.defaults.map(defaultText)]
  throw new CliError(
    CliErrorCode.refused,
    `The collection ${quoted(name)} has rules that only the program with its definition has: ${rules.join(', ')}. ` +
      'Import with that program, or use --unchecked to import without them.',
  )
}

function defaultText(field: string): string {
  return `the default of ${quoted(field)}`
}

function checkKey({ name, primaryKey, fields }: CollectionDefinition, { key, generateKey }: Wish): void {
  const names = primaryKey.map((path) => path.join('.'))
  if (generateKey && !declaredLeaves(fields).some((field) => field.generated === true)) {
    throw usageError(
      `The collection ${quoted(name)} has the key ${names.join(', ')}, and makes none. Leave --generate-key out.`,
    )
  }
  if (key === undefined || JSON.stringify(key) === JSON.stringify(names)) return
  throw usageError(
    `The collection ${quoted(name)} has the key ${names.join(', ')}, not ${key.join(', ')}. Leave --key out.`,
  )
}

function noKey(collection: string): CliError {
  return usageError(
    `The collection ${quoted(collection)} is new: name the field that is its key with --key (several times for a ` +
      'composite key), or use --generate-key.',
  )
}
