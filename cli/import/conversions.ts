/**
 * What becomes of the values that a file holds: `--type` first, then what the collection declares.
 */
import type { FieldDefinition, Row } from '../../src/index.js'
import { declaredAt, declaredLeaves } from '../declared-fields.js'
import { usageError } from '../failure.js'
import { quoted } from '../format.js'
import {
  type Converter,
  converterOf,
  fieldTypeOf,
  IMPORT_TYPES,
  type ImportType,
  NotConvertible,
  textTypeOf,
  valueAt,
} from '../text-types.js'
import { setOwn, shorten } from '../typed-json.js'
import { BadData, type InputRow } from './row.js'

/** A field that `--type` names. */
export interface TypedField {
  readonly path: readonly string[]
  readonly type: ImportType
  /** Written with a `?` behind the type: it may be absent, and an empty cell is absent. */
  readonly optional: boolean
}

/** Reads `lat:float64` or `born:timestamp?`. Throws `CLI_USAGE`. */
export function readTypedField(text: string): TypedField {
  const colon = text.lastIndexOf(':')
  const path = text.slice(0, Math.max(0, colon)).split('.')
  const named = text.slice(colon + 1)
  const optional = named.endsWith('?')
  const type = IMPORT_TYPES.find((known) => known === (optional ? named.slice(0, -1) : named))
  if (colon < 0 || path.includes('')) {
    throw usageError(`--type ${quoted(text)} must be a field and its type, such as lat:float64.`)
  }
  if (type === undefined) {
    throw usageError(`--type ${quoted(text)} names an unknown type. Known are ${IMPORT_TYPES.join(', ')}.`)
  }
  return { path, type, optional }
}

/** The fields of `--type` as a new collection declares them. */
export function declaredFields(fields: readonly TypedField[]): FieldDefinition[] {
  return fields.map(({ path, type, optional }) => ({
    path,
    type: fieldTypeOf(type),
    ...(optional ? { optional } : {}),
  }))
}

/** Throws `CLI_USAGE` where `--type` says something else than the collection. */
export function checkAgainst(
  declared: readonly FieldDefinition[],
  fields: readonly TypedField[],
  name: string,
): void {
  for (const { path, type } of fields) {
    const present = declaredAt(declared, path)
    if (present === undefined || present.type === fieldTypeOf(type) || present.type === 'any') continue
    throw usageError(
      `--type ${quoted(`${path.join('.')}:${type}`)} contradicts the collection ${quoted(name)}, which declares ` +
        `that field as ${present.type}. Leave it out: declared types are used by themselves.`,
    )
  }
}

interface Conversion {
  readonly path: readonly string[]
  readonly convert: Converter
  /** Whether empty text is a value; else it stands for none. */
  readonly takesEmptyText: boolean
}

/** Converts the values of rows, in place. */
export class Conversions {
  readonly #conversions: readonly Conversion[]

  constructor(fields: readonly TypedField[], declared: readonly FieldDefinition[]) {
    const conversions = new Map<string, Conversion>()
    for (const { path, type } of declaredLeaves(declared)) {
      const text = textTypeOf(type)
      if (text !== undefined) conversions.set(JSON.stringify(path), conversion(path, text))
    }
    for (const { path, type } of fields) conversions.set(JSON.stringify(path), conversion(path, type))
    this.#conversions = [...conversions.values()]
  }

  /** Throws `BadData` for a value that is not of its type. */
  apply({ row, line }: InputRow): void {
    for (const { path, convert, takesEmptyText } of this.#conversions) {
      const value = valueAt(row, path)
      if (value === undefined || value === null) continue
      const parent = parentOf(row, path)
      const name = path.at(-1) ?? ''
      if (value === '' && !takesEmptyText) {
        Reflect.deleteProperty(parent, name)
        continue
      }
      try {
        setOwn(parent, name, convert(value))
      } catch (error) {
        if (!(error instanceof NotConvertible)) throw error
        throw new BadData(line, `expected ${error.expected}, found ${shorten(value)}`, path.join('.'))
      }
    }
  }
}

/** The object that holds the value at a path, which is there. */
function parentOf(row: Row, path: readonly string[]): Row {
  return valueAt(row, path.slice(0, -1)) as Row // A value was found within it.
}

function conversion(path: readonly string[], type: Parameters<typeof converterOf>[0]): Conversion {
  return { path, convert: converterOf(type), takesEmptyText: type === 'string' || type === 'bytes' }
}
