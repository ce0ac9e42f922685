/**
 * What the engine and its transactions say when they refuse something: what is in the way, and what to do instead.
 */
import {
  DuplicateKeyError,
  ErrorCode,
  type FieldIssue,
  LimitError,
  SchemaError,
  StateError,
  TransactionError,
  ValidationError,
} from '../errors.js'
import type { IndexDefinition } from '../catalog/index-definition.js'
import { entryKeyStart } from '../catalog/index-key.js'
import { DecodeFailure } from '../format/decode-failure.js'
import type { Key } from '../format/key.js'
import { decodeKey } from '../format/key-decode.js'
import { MAX_COLLECTIONS } from '../format/limits.js'

export function duplicate(collection: string, key: Key): DuplicateKeyError {
  const text = Array.isArray(key) ? JSON.stringify(key.map(String)) : String(key)
  return new DuplicateKeyError(
    `A row with the key ${text} exists in '${collection}'. Use put to replace it.`,
    {
      collection,
      index: 'primary',
      key,
    },
  )
}

/** `entry` is what the row would have in the index, `other` the encoded primary key of the row that has the same values. */
export function duplicateIn(
  collection: string,
  index: IndexDefinition,
  entry: Uint8Array,
  other: Uint8Array,
): DuplicateKeyError {
  const end = entryKeyStart(entry, index.on.length)
  const values = partsText(entry.subarray(0, end))
  const fields = index.on.map((path) => path.join('.')).join(', ')
  return new DuplicateKeyError(
    `The index '${index.name}' of '${collection}' allows each ${fields} once, and ${values} is taken by the row with the key ${partsText(other)}. Nothing was written.`,
    { collection, index: index.name, field: fields, actual: values },
  )
}

function partsText(bytes: Uint8Array): string {
  const decoded = decodeKey(bytes, 0, bytes.length)
  if (decoded instanceof DecodeFailure) return 'a value'
  const texts = decoded.parts.map((part) => (typeof part === 'string' ? JSON.stringify(part) : String(part)))
  return texts.length === 1 ? String(texts[0]) : `[${texts.join(', ')}]`
}

export function keyChanged(collection: string, paths: readonly (readonly string[])[]): ValidationError {
  const field = paths.map((path) => path.join('.')).join(', ')
  return new ValidationError(
    `An update of '${collection}' must not change the primary key (${field}). Insert a new row and delete the old one.`,
    {
      collection,
      index: 'primary',
      field,
    },
  )
}

export function breakingChange(collection: string, reasons: readonly string[]): SchemaError {
  return new SchemaError(
    `Collection '${collection}' exists with another definition: ${reasons.join('; ')}. Rows written under the old one may not fit; nothing was changed.`,
    { collection, actual: reasons.join('; ') },
  )
}

export function migrationNeeded(collection: string, reasons: readonly string[]): SchemaError {
  return new SchemaError(
    `Collection '${collection}' exists with another definition, which its rows were written under: ${reasons.join('; ')}. Bring them into shape with db.migrate; nothing was changed.`,
    { collection, actual: reasons.join('; ') },
  )
}

export function beingMigrated(collection: string, version: number): SchemaError {
  return new SchemaError(
    `Collection '${collection}' is in the middle of migration ${version}: some rows have their new form, some the old one. Go on with db.migrate; nothing was changed.`,
    { collection, actual: `migration ${version}` },
  )
}

/** A row that does not fit the fields or the validator of its collection. */
export function misfit(collection: string, issues: readonly FieldIssue[]): ValidationError {
  const text = issues
    .slice(0, ISSUES_NAMED)
    .map(
      ({ path, expected, found }) =>
        `${path === '' ? 'the row' : path}: expected ${expected}, found ${found}`,
    )
    .join('; ')
  const more = issues.length > ISSUES_NAMED ? `; and ${issues.length - ISSUES_NAMED} more` : ''
  return new ValidationError(
    `The row does not fit collection '${collection}': ${text}${more}. Nothing was written.`,
    { collection, issues },
  )
}

/** How many issues a message names; the details have all. */
const ISSUES_NAMED = 20

/** A write to a collection whose rules in code are not at hand. */
export function codeMissing(
  collection: string,
  defaults: readonly string[],
  validator: boolean,
): SchemaError {
  const rules = [...(validator ? ['a validator'] : []), ...defaults.map((field) => `the default of ${field}`)]
  return new SchemaError(
    `Collection '${collection}' has rules in code that this open was not given: ${rules.join(', ')}. Pass its definition to open in collections, or open with unchecked: true to write without them.`,
    { collection, expected: rules.join(', ') },
  )
}

export function requireRow(row: unknown, collection: string): void {
  if (typeof row === 'object' && row !== null && !Array.isArray(row)) return
  throw new ValidationError(
    `A row of '${collection}' must be an object, not ${row === null ? 'null' : typeof row}.`,
    {
      collection,
      issues: [{ path: '', expected: 'an object', found: row === null ? 'null' : typeof row }],
    },
  )
}

export function unknownCollection(name: string, known: readonly string[]): SchemaError {
  const list = known.length === 0 ? 'There are none yet' : `There are: ${known.slice(0, 20).join(', ')}`
  return new SchemaError(`There is no collection '${name}'. ${list}. Register it with registerCollection.`, {
    collection: name,
  })
}

export function waitsForItself(): TransactionError {
  return new TransactionError(
    'A write on the database inside a transaction callback would wait for itself. Write through the transaction object.',
  )
}

export function neverGetsItsTurn(): TransactionError {
  return new TransactionError(
    'A synchronous write cannot run while an asynchronous transaction is open, because it could never get its turn. Await the transaction first, or use the asynchronous form.',
  )
}

export function isClosed(path: string): StateError {
  return new StateError(ErrorCode.closed, `The database ${path} is closed. Open it again to use it.`, {
    path,
  })
}

/** A function that changes rows gave something else. */
export function noNewRow(collection: string, given: unknown): ValidationError {
  return new ValidationError(
    `The function given for rows of '${collection}' must return the new row, not ${String(given)}.`,
    { collection },
  )
}

export function nameTaken(from: string, to: string): SchemaError {
  return new SchemaError(`'${from}' cannot be renamed to '${to}': a collection of that name exists.`, {
    collection: to,
  })
}

export function tooManyCollections(): LimitError {
  return new LimitError(`A database holds at most ${MAX_COLLECTIONS} collections.`, {
    limit: 'MAX_COLLECTIONS',
  })
}

export function tooLarge(maxTransactionBytes: number): LimitError {
  return new LimitError(
    `The transaction is larger than maxTransactionBytes (${maxTransactionBytes}). Split it, or raise the limit when opening.`,
    { limit: 'maxTransactionBytes' },
  )
}
