/**
 * Rows as bytes: MessagePack with record structures and the extensions of value-extensions.ts.
 *
 * One codec per collection, which holds the collection's structures. Every type comes back exactly; what cannot is
 * refused on the way in. Whatever `encode` returns, `decode` accepts, in this codec and in any other that was given the
 * same structures.
 */
import { ValidationError } from '../errors.js'
import { DecodeFailure } from './decode-failure.js'
import { compileFlatReader, FLAT_BYTES, type FlatReader, type RowTools } from './flat-reader.js'
import { MAX_ROW_BYTES, MAX_STRUCTURES } from './limits.js'
import { Packer } from './msgpack.js'
import { structureProblem } from './structures.js'
import { checkObject } from './value-check.js'
import { limitError, ROW_LIMIT } from './value-findings.js'
import { isPlainObject } from './value-kinds.js'
import { u8 } from './typed-read.js'
import { Preparation } from './value-prepare.js'
import { Token } from './value-tokens.js'

export { copyRow, copyStorable } from './value-copy.js'

/** A row as it is read: a plain object of its own, sharing memory with nothing. */
export type Row = Record<string, unknown>

/** Options of a {@link RowCodec}. */
export interface RowCodecOptions {
  /** Whether shapes become record structures; `true` by default. Without them rows need no table to be read. */
  readonly structures?: boolean | undefined
  /** What reads flat rows faster. */
  readonly tools?: RowTools | undefined
}

/** So many rows of a structure are read before code is made for it. */
const ROWS_BEFORE_READER = 16

/** Of a structure. */
interface Reading {
  rows: number
  reader: FlatReader | undefined
}

/** Encodes and decodes the rows of one collection. */
export class RowCodec {
  readonly #packer: Packer
  readonly #tools: RowTools | undefined
  /** By structure id. */
  readonly #reading: Reading[] = []

  constructor(options: RowCodecOptions = {}) {
    this.#packer = new Packer(options.structures ?? true)
    this.#tools = options.tools
  }

  /** How many structures there are; their ids are those below. It only grows, also by an `encode` that throws. */
  get structureCount(): number {
    return this.#packer.structures.length
  }

  /** The field names of a structure, in order. */
  structure(id: number): readonly string[] {
    const names = this.#packer.structures[id]
    if (names === undefined) throw new RangeError(`There is no structure ${id}.`)
    return [...names]
  }

  /** Takes a structure read from the log. Ids come in order, each equal to `structureCount`. */
  define(id: number, names: readonly string[]): DecodeFailure | undefined {
    if (id !== this.structureCount) return new DecodeFailure(`structure ${id} is out of order`, 0)
    if (id >= MAX_STRUCTURES) return new DecodeFailure('there are too many structures', 0)
    const problem = structureProblem(names)
    if (problem !== undefined) return new DecodeFailure(problem, 0)
    this.#packer.define([...names])
    return undefined
  }

  /**
   * The bytes of a row. They lie in a shared buffer and hold until any codec encodes again: copy them at once.
   *
   * Throws `VARVE_VALIDATION` with all failing fields for what cannot be stored, and `VARVE_LIMIT`. Fields that are
   * `undefined` are absent.
   */
  encode(row: Readonly<Record<string, unknown>>): Uint8Array {
    const preparation = new Preparation()
    const prepared = preparation.row(row)
    const bytes = this.#packer.pack(prepared, preparation.fields)
    if (bytes.length > MAX_ROW_BYTES) throw limitError(ROW_LIMIT, '')
    if (checkObject(bytes, 0, bytes.length, this.#packer.structures) !== undefined) throw changedMeanwhile()
    return bytes
  }

  /** The row in `bytes[start, end)`; or why there is none, never an exception, whatever the bytes. */
  decode(bytes: Uint8Array, start: number, end: number): Row | DecodeFailure {
    return this.#decodeFlat(bytes, start, end) ?? this.#decodeAny(bytes, start, end)
  }

  #decodeFlat(bytes: Uint8Array, start: number, end: number): Row | undefined {
    if (this.#tools === undefined || end - start > FLAT_BYTES || start >= end) return undefined
    const id = u8(bytes, start) - Token.record
    if (id < 0 || id >= MAX_STRUCTURES) return undefined
    const reading = this.#reading[id]
    return reading?.reader === undefined ? this.#countRow(id, this.#tools) : reading.reader(bytes, start, end)
  }

  /** A row of a structure is read in the general way; after enough of them there is a reader for it. */
  #countRow(id: number, tools: RowTools): undefined {
    const names = this.#packer.structures[id]
    if (names === undefined) return
    const reading = (this.#reading[id] ??= { rows: 0, reader: undefined })
    reading.rows++
    if (reading.rows === ROWS_BEFORE_READER) reading.reader = compileFlatReader(names, tools)
  }

  #decodeAny(bytes: Uint8Array, start: number, end: number): Row | DecodeFailure {
    if (end - start > MAX_ROW_BYTES) return new DecodeFailure('the row is longer than the limit', start)
    const failure = checkObject(bytes, start, end, this.#packer.structures)
    if (failure !== undefined) return failure
    try {
      const row = this.#packer.unpack(plainBytes(bytes), start, end)
      return isPlainObject(row) ? row : new DecodeFailure('the value is not an object', start)
    } catch (error) {
      return new DecodeFailure(`the value cannot be unpacked (${String(error)})`, start)
    }
  }
}

/** The same bytes as no subclass: a slice of a subclass is of that subclass, and bytes in a row are plain. */
function plainBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.constructor === Uint8Array) return bytes
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** What was packed is not what was checked before: only a getter or a proxy can do that. */
function changedMeanwhile(): ValidationError {
  const issue = {
    path: '',
    expected: 'a row that stays as it is',
    found: 'a row with getters that give other values each time',
  }
  return new ValidationError(
    'The row cannot be stored: it changed while it was read. Pass a copy without getters.',
    {
      issues: [issue],
    },
  )
}
