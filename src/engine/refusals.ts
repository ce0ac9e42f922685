/**
 * What a transaction says when it refuses an operation: what is in the way, and what to do instead.
 */
import { DuplicateKeyError, SchemaError, ValidationError } from '../errors.js'
import type { Key } from '../format/key.js'

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
