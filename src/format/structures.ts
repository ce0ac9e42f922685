/**
 * Record structures: the field names, in order, that rows of one shape share, so that a row holds only its values.
 *
 * A collection has at most `MAX_STRUCTURES` of them, numbered from 0 as they come up, never renumbered and never
 * dropped. These are the rules for what may be one; they hold for those the encoder makes and for those read back.
 */
import { isWellFormed } from './well-formed.js'

/** Most fields of a structure. */
const MAX_STRUCTURE_FIELDS = 128

/** Longest field names of a structure, all together, in UTF-16 units. */
const MAX_STRUCTURE_NAME_UNITS = 2048

/**
 * A field name under which msgpackr keeps notes of its own in its table of shapes. An object that has it is a plain map.
 */
export const PACKER_NOTE = '__keys__'

/**
 * Whether an object with this field is stored in the `object` extension, because msgpackr would not give it back: it
 * renames `__proto__`, calls an object's own `hasOwnProperty`, and drops a leading U+FEFF of long text.
 */
export function isOddName(name: string): boolean {
  return name.charCodeAt(0) === BYTE_ORDER_MARK || name === '__proto__' || name === 'hasOwnProperty'
}

const BYTE_ORDER_MARK = 0xfeff

/** Why these field names cannot be a structure; undefined if they can. */
export function structureProblem(fields: unknown): string | undefined {
  if (!Array.isArray(fields)) return 'a structure is not a list of names'
  if (fields.length === 0) return 'a structure has no fields'
  if (fields.length > MAX_STRUCTURE_FIELDS) return 'a structure has too many fields'
  let units = 0
  for (const field of fields) {
    if (typeof field !== 'string') return 'a field name is not a string'
    if (isOddName(field) || field === PACKER_NOTE || !isWellFormed(field)) {
      return 'a field name may not stand in a structure'
    }
    units += field.length
  }
  if (units > MAX_STRUCTURE_NAME_UNITS) return 'the field names of a structure are too long'
  return new Set(fields).size === fields.length ? undefined : 'a structure names a field twice'
}
