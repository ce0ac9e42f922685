/**
 * Rows of scalars written in one walk: a row of a known record structure, whose values are no containers, is checked and
 * encoded field by field, each read once.
 *
 * It writes the bytes that the general encoder (value.ts) writes for the same row, and gives up on everything it does not expect:
 * then the row goes the general way, which also says what is wrong with it. Getters are the caller's own code: one that
 * writes a row meanwhile finds the memory in use, and goes the general way too.
 */
import { timeOf } from './describe.js'
import { viewOf } from './integers.js'
import { DATE_BYTES, ExtensionType, writeDateMs } from './value-extensions.js'
import { isPlainDate, isPlainObject } from './value-kinds.js'
import { Token } from './value-tokens.js'
import { isWellFormed } from './well-formed.js'

/** What a value must be. */
export const FlatKind = {
  /** Any scalar. */
  any: 0,
  string: 1,
  /** A safe integer. */
  int: 2,
  number: 3,
  boolean: 4,
  /** Bigints of 64 bits, with a sign and without. */
  int64: 5,
  uint64: 6,
  date: 7,
} as const
export type FlatKind = (typeof FlatKind)[keyof typeof FlatKind]

/** What one field of a row must be for the row to be written at once. */
export interface FlatField {
  readonly kind: FlatKind
  readonly nullable: boolean
  /** What else must hold of a value that is not null. */
  readonly rules: readonly { readonly holds: (value: unknown) => boolean }[]
}

/** A record structure with what each of its fields must be. */
export interface FlatShape {
  readonly id: number
  readonly names: readonly string[]
  readonly fields: readonly FlatField[]
}

/** Why nothing was written: the names are others, or a value is nothing for this writer. */
export const OTHER_NAMES = -1
export const NOT_FLAT = -2

/** Longer rows go the general way. */
const SCRATCH_BYTES = 64 * 1024
/** Room for any scalar that is no text: a date with its head. */
const SCALAR_ROOM = 16
/** From here on the built-in encoder is faster than a loop. */
const LONG_TEXT = 256
const WORST_BYTES_PER_UNIT = 3
const TEXT_HEAD_ROOM = 3
const BYTE_ORDER_MARK = 0xfeff

const MAX_INT64 = 0x7fff_ffff_ffff_ffffn
const MIN_INT64 = -MAX_INT64 - 1n
const MAX_UINT64 = 0xffff_ffff_ffff_ffffn

const encoder = new TextEncoder()
const scratch = new Uint8Array(SCRATCH_BYTES)
const view = viewOf(scratch)
let busy = false

/** Where rows are written; valid until the next row. */
export const flatBytes: Uint8Array = scratch
/** The values of the row that was written last, in the order of its names. */
export const flatValues: unknown[] = []

/** Writes a row to the start of {@link flatBytes}, and its values to {@link flatValues}; returns where it ends, or why it does not. */
export function writeFlat(row: unknown, shape: FlatShape): number {
  if (busy || !isPlainObject(row)) return NOT_FLAT
  busy = true
  try {
    return hasOnlyNames(row) ? writeFields(row, shape) : NOT_FLAT
  } finally {
    busy = false
  }
}

/** Whether a loop over the row meets its own fields and no others, and nothing is left that it does not meet. */
function hasOnlyNames(row: object): boolean {
  for (const _ in Object.prototype) return false
  return Object.getOwnPropertySymbols(row).length === 0
}

function writeFields(row: Readonly<Record<string, unknown>>, { id, names, fields }: FlatShape): number {
  scratch[0] = Token.record + id
  let at = 1
  let i = 0
  for (const name in row) {
    if (name !== names[i]) return OTHER_NAMES
    const field = fields[i]
    const value = row[name]
    if (field === undefined) return OTHER_NAMES
    flatValues[i] = value
    at = writeValue(at, value, field)
    if (at < 0) return NOT_FLAT
    i++
  }
  return i === names.length ? at : OTHER_NAMES
}

function writeValue(at: number, value: unknown, { kind, nullable, rules }: FlatField): number {
  if (value === null) return nullable && at < SCRATCH_BYTES ? writeByte(at, Token.nil) : NOT_FLAT
  const end = writeScalar(at, value, kind)
  // Rules rely on the type.
  if (end > 0) for (let i = 0; i < rules.length; i++) if (rules[i]?.holds(value) !== true) return NOT_FLAT
  return end
}

function writeScalar(at: number, value: unknown, kind: FlatKind): number {
  switch (typeof value) {
    case 'string':
      return kind <= FlatKind.string ? writeText(at, value) : NOT_FLAT
    case 'number':
      return isOfKind(value, kind) && hasRoom(at) ? writeNumber(at, value) : NOT_FLAT
    case 'boolean':
      if ((kind !== FlatKind.any && kind !== FlatKind.boolean) || !hasRoom(at)) return NOT_FLAT
      return writeByte(at, value ? Token.true : Token.false)
    case 'bigint':
      return hasRoom(at) ? writeBigint(at, value, kind) : NOT_FLAT
    default:
      return (kind === FlatKind.any || kind === FlatKind.date) && hasRoom(at)
        ? writeDate(at, value)
        : NOT_FLAT
  }
}

function hasRoom(at: number): boolean {
  return at + SCALAR_ROOM <= SCRATCH_BYTES
}

function isOfKind(value: number, kind: FlatKind): boolean {
  if (kind === FlatKind.int) return Number.isSafeInteger(value)
  return kind === FlatKind.number || kind === FlatKind.any
}

function writeByte(at: number, byte: number): number {
  scratch[at] = byte
  return at + 1
}

/** Integers of 32 bits in the least bytes, others as doubles. Those from 64 on have a head: their own byte is a record's. */
function writeNumber(at: number, value: number): number {
  if (value >>> 0 === value) {
    if (value < Token.record)
      return value === 0 && Object.is(value, -0) ? writeNegativeZero(at) : writeByte(at, value)
    if (value < 0x100) {
      scratch[at] = Token.uint8
      return writeByte(at + 1, value)
    }
    if (value < 0x1_0000) {
      scratch[at] = Token.uint16
      scratch[at + 1] = value >>> 8
      return writeByte(at + 2, value)
    }
    scratch[at] = Token.uint32
    view.setUint32(at + 1, value)
    return at + 5
  }
  if (value >> 0 === value) return writeNegative(at, value)
  scratch[at] = Token.float64
  view.setFloat64(at + 1, value)
  return at + 9
}

function writeNegative(at: number, value: number): number {
  if (value >= -0x20) return writeByte(at, value)
  if (value >= -0x80) {
    scratch[at] = Token.int8
    return writeByte(at + 1, value)
  }
  if (value >= -0x8000) {
    scratch[at] = Token.int16
    view.setInt16(at + 1, value)
    return at + 3
  }
  scratch[at] = Token.int32
  view.setInt32(at + 1, value)
  return at + 5
}

function writeNegativeZero(at: number): number {
  scratch[at] = Token.fixext1
  scratch[at + 1] = ExtensionType.negativeZero
  return writeByte(at + 2, 0)
}

function writeBigint(at: number, value: bigint, kind: FlatKind): number {
  if (kind !== FlatKind.any && kind !== FlatKind.int64 && kind !== FlatKind.uint64) return NOT_FLAT
  if (value > MAX_UINT64 || value < (kind === FlatKind.uint64 ? 0n : MIN_INT64)) return NOT_FLAT
  if (value <= MAX_INT64) {
    scratch[at] = Token.int64
    view.setBigInt64(at + 1, value)
  } else {
    if (kind === FlatKind.int64) return NOT_FLAT
    scratch[at] = Token.uint64
    view.setBigUint64(at + 1, value)
  }
  return at + 9
}

function writeDate(at: number, value: unknown): number {
  if (typeof value !== 'object' || value === null || !isPlainDate(value)) return NOT_FLAT
  const ms = timeOf(value)
  if (Number.isNaN(ms)) return NOT_FLAT
  scratch[at] = Token.fixext8
  scratch[at + 1] = ExtensionType.date
  writeDateMs(view, at + 2, ms)
  return at + 2 + DATE_BYTES
}

function writeText(at: number, text: string): number {
  const { length } = text
  if (length >= LONG_TEXT) return writeWideText(at, text)
  const first = at + (length < 0x20 ? 1 : 2)
  if (first + length > SCRATCH_BYTES) return NOT_FLAT
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i)
    if (unit >= 0x80) return writeWideText(at, text)
    scratch[first + i] = unit
  }
  if (length < 0x20) {
    scratch[at] = Token.fixstr + length
  } else {
    scratch[at] = Token.str8
    scratch[at + 1] = length
  }
  return first + length
}

/** Text that is long or not all ASCII. */
function writeWideText(at: number, text: string): number {
  const room = at + TEXT_HEAD_ROOM
  if (room + text.length * WORST_BYTES_PER_UNIT > SCRATCH_BYTES) return NOT_FLAT
  if (!isWellFormed(text) || text.charCodeAt(0) === BYTE_ORDER_MARK) return NOT_FLAT
  const length = encoder.encodeInto(text, scratch.subarray(room)).written
  const first = writeTextHead(at, length)
  if (first !== room) scratch.copyWithin(first, room, room + length)
  return first + length
}

/** At most 64 KiB long. */
function writeTextHead(at: number, length: number): number {
  if (length < 0x20) return writeByte(at, Token.fixstr + length)
  if (length < 0x100) {
    scratch[at] = Token.str8
    return writeByte(at + 1, length)
  }
  scratch[at] = Token.str16
  scratch[at + 1] = length >>> 8
  return writeByte(at + 2, length)
}
