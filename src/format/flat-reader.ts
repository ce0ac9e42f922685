/**
 * Rows of scalars read in one walk: a row of a record structure, whose values are numbers, short ASCII texts, booleans, dates and
 * nulls, is decoded by code made for that structure.
 *
 * It gives the row that the general decoder (value.ts) gives for the same bytes, and nothing for any bytes that it does not expect, sound or
 * not: then these go the general way. The text of the whole row is made at once and cut into the texts of its fields; a text cut out of
 * another keeps it in memory, which is why longer rows go the general way.
 */
import { u8 } from './typed-read.js'
import { DATE_BYTES, ExtensionType, MAX_DATE_MS, readDateMs } from './value-extensions.js'
import { Token } from './value-tokens.js'

/** What the runtime must bring. Where it may not make code of text, rows go the general way. */
export interface RowTools {
  /** The characters of `bytes[start, end)`, one a byte. */
  readonly text: (bytes: Uint8Array, start: number, end: number) => string
  /** A function of these parameters with this body. Throws where that is not allowed. */
  readonly compile: (
    parameters: readonly string[],
    body: string,
  ) => (...values: readonly unknown[]) => unknown
}

/** The row in `bytes[start, end)`; undefined if it has to go the general way. */
export type FlatReader = (
  bytes: Uint8Array,
  start: number,
  end: number,
) => Record<string, unknown> | undefined

/** Rows with longer values go the general way. */
export const FLAT_BYTES = 1024
/** Structures with more fields too: the code for one grows with them. */
const MOST_FIELDS = 64

/** A reader for rows of a structure; undefined if there can be none. */
export function compileFlatReader(names: readonly string[], tools: RowTools): FlatReader | undefined {
  if (names.length > MOST_FIELDS) return undefined
  try {
    const make = tools.compile(['text', 'float64', 'scalar', 'next'], sourceOf(names))
    return make(tools.text, float64, scalar, next) as FlatReader // What the source says.
  } catch {
    return undefined
  }
}

/**
 * Every byte read past `end` leads to a position past it, wherever the values seem to go on; so the last comparison
 * tells whether the row ends where it should.
 */
function sourceOf(names: readonly string[]): string {
  const fields = names.map((_, i) => fieldSource(`v${i}`)).join('\n')
  const row = names.map((name, i) => `${JSON.stringify(name)}: v${i}`).join(', ')
  return `return (bytes, start, end) => {
    const all = text(bytes, start, end)
    let at = start + 1, token = 0, after = 0, i = 0
    ${fields}
    return at === end ? { ${row} } : undefined
  }`
}

function fieldSource(value: string): string {
  return `let ${value}
    token = bytes[at]
    if (token < ${Token.record}) { ${value} = token; at++ }
    else if (token >= ${Token.fixstr} && token < ${Token.fixstrEnd}) {
      after = at + 1 + token - ${Token.fixstr}
      for (i = at + 1; i < after; i++) if (bytes[i] >= 0x80) return undefined
      ${value} = all.substring(at + 1 - start, after - start)
      at = after
    }
    else if (token === ${Token.float64}) { ${value} = float64(bytes, at + 1); at += 9 }
    else if (token === ${Token.false} || token === ${Token.true}) { ${value} = token === ${Token.true}; at++ }
    else {
      ${value} = scalar(bytes, at, all, start)
      at = next()
      if (at < 0) return undefined
    }`
}

const word = new Uint8Array(8)
const wordAsFloat64 = new Float64Array(word.buffer)
const wordAsView = new DataView(word.buffer)

/** Which byte of a double in memory is its first one in the file. */
const FIRST = isLittleEndian() ? 7 : 0

function isLittleEndian(): boolean {
  wordAsFloat64[0] = 1
  return word[0] === 0
}

function float64(bytes: Uint8Array, at: number): number {
  for (let i = 0; i < 8; i++) word[i ^ FIRST] = u8(bytes, at + i)
  return wordAsFloat64[0] ?? 0
}

/** Where the scalar that was read last ends; -1 if it was none. */
let ended = 0

function next(): number {
  return ended
}

/** The less common scalars. */
function scalar(bytes: Uint8Array, at: number, all: string, start: number): unknown {
  const token = u8(bytes, at)
  switch (token) {
    case Token.nil:
      ended = at + 1
      return null
    case Token.uint8:
      ended = at + 2
      return u8(bytes, at + 1)
    case Token.uint16:
      ended = at + 3
      return (u8(bytes, at + 1) << 8) | u8(bytes, at + 2)
    case Token.uint32:
      ended = at + 5
      return int32(bytes, at + 1) >>> 0
    case Token.int8:
      ended = at + 2
      return (u8(bytes, at + 1) << 24) >> 24
    case Token.int16:
      ended = at + 3
      return ((u8(bytes, at + 1) << 24) >> 16) | u8(bytes, at + 2)
    case Token.int32:
      ended = at + 5
      return int32(bytes, at + 1)
    case Token.int64:
      ended = at + 9
      return view64(bytes, at + 1).getBigInt64(0)
    case Token.uint64:
      ended = at + 9
      return view64(bytes, at + 1).getBigUint64(0)
    case Token.str8:
      return longText(bytes, at, all, start)
    case Token.fixext8:
      return date(bytes, at)
    default:
      ended = token > 0xdf ? at + 1 : -1
      return token - 0x100
  }
}

function int32(bytes: Uint8Array, at: number): number {
  return (u8(bytes, at) << 24) | (u8(bytes, at + 1) << 16) | (u8(bytes, at + 2) << 8) | u8(bytes, at + 3)
}

function view64(bytes: Uint8Array, at: number): DataView {
  for (let i = 0; i < 8; i++) word[i] = u8(bytes, at + i)
  return wordAsView
}

function longText(bytes: Uint8Array, at: number, all: string, start: number): string {
  const first = at + 2
  ended = first + u8(bytes, at + 1)
  for (let i = first; i < ended; i++) {
    if (u8(bytes, i) >= 0x80) {
      ended = -1
      return ''
    }
  }
  return all.substring(first - start, ended - start)
}

function date(bytes: Uint8Array, at: number): Date | undefined {
  const payload = at + 2
  ended = payload + DATE_BYTES
  const ms = u8(bytes, at + 1) === ExtensionType.date ? readDateMs(bytes, payload) : NaN
  if (Math.abs(ms) <= MAX_DATE_MS) return new Date(ms)
  ended = -1
  return undefined
}
