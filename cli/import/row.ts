/**
 * Rows as an import reads them, each with its place, and the data that is none.
 */
import { isUtf8 } from 'node:buffer'
import { CliError, CliErrorCode } from '../failure.js'
import { parse, TypedJsonError } from '../typed-json.js'

/** One row of the input. */
export interface InputRow {
  readonly row: Record<string, unknown>
  /** The line it begins on, from 1. */
  readonly line: number
}

/** Reads rows from bytes: as many at a time as a piece of the input holds. Throws `BadData`. */
export type RowReader = (chunks: AsyncIterable<Buffer>) => AsyncGenerator<InputRow[], void, undefined>

/** Input that cannot be taken. `what` says why, to be read after the place. */
export class BadData extends Error {
  override readonly name = 'BadData'
  readonly line: number
  readonly what: string
  readonly field: string | undefined

  constructor(line: number, what: string, field?: string) {
    super(what)
    this.line = line
    this.what = what
    this.field = field
  }

  /** The error that the user sees. `aftermath` says what is in the database. */
  toError(input: string, aftermath: string, progress: object): CliError {
    const { line, field, what } = this
    const place = field === undefined ? `line ${line}` : `line ${line}, field '${field}'`
    return new CliError(CliErrorCode.data, `${input}, ${place}: ${what}. ${aftermath}`, {
      details: { input, line, ...(field === undefined ? {} : { field }), ...progress },
    })
  }
}

/** More text than the largest row can take. */
export const MAX_ROW_TEXT_BYTES: number = 128 * 1024 * 1024

export function tooLong(line: number): BadData {
  return new BadData(line, 'it begins something longer than any row; is the format right?')
}

/** The row that a piece of JSON holds. Throws `BadData`. */
export function readRow(bytes: Buffer, line: number): InputRow {
  if (!isUtf8(bytes)) throw notUtf8(line)
  let value: unknown
  try {
    value = parse(bytes.toString('utf8'))
  } catch (error) {
    if (error instanceof TypedJsonError) throw new BadData(line, error.message)
    throw error
  }
  return { row: asRow(value, line), line }
}

export function notUtf8(line: number): BadData {
  return new BadData(line, 'it is not UTF-8')
}

function asRow(value: unknown, line: number): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) {
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype === Object.prototype) return value as Record<string, unknown>
  }
  throw new BadData(line, `a row must be an object, not ${kindOf(value)}`)
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value !== 'object') return `a ${typeof value}`
  return Array.isArray(value) ? 'an array' : `a ${value.constructor.name}`
}
