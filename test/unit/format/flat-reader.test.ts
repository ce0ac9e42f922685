import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DecodeFailure } from '../../../src/format/decode-failure.js'
import { compileFlatReader, FLAT_BYTES, type RowTools } from '../../../src/format/flat-reader.js'
import { RowCodec, type Row } from '../../../src/format/value.js'
import { nodeRowTools } from '../../../src/storage/node-row-tools.js'
import { count } from '../../support/counts.js'
import { difference, storable } from '../../support/storable.js'

const MARGIN = 5
const ROUNDS = count(300, 100_000)

function tools(): RowTools {
  if (nodeRowTools === undefined) throw new Error('This Node brings no tools for rows.')
  return nodeRowTools
}

const scalar = fc.oneof(
  fc.integer(),
  fc.constantFrom(
    0,
    -0,
    63,
    64,
    255,
    256,
    65_535,
    65_536,
    2 ** 32 - 1,
    2 ** 32,
    -1,
    -32,
    -33,
    -128,
    -129,
    -32_768,
    -32_769,
  ),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.string({ unit: 'grapheme-ascii', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 10 }),
  fc.string({ unit: 'grapheme-ascii', minLength: 250, maxLength: 300 }),
  fc.date({ noInvalidDate: true }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
)

/** Names of a structure with rows of it: most of scalars, some of anything. */
const rowsOfOneShape = fc
  .uniqueArray(fc.constantFrom('id', 'a', '7', 'with space', '"quoted"', 'constructor', 'é', '\u2028'), {
    minLength: 1,
  })
  .chain((names) =>
    fc
      .array(fc.tuple(...names.map(() => fc.oneof({ weight: 20, arbitrary: scalar }, storable))), {
        minLength: 1,
        maxLength: 4,
      })
      .map((rows) => rows.map((values) => Object.fromEntries(names.map((name, i) => [name, values[i]])))),
  )

/** A codec that has made its reader for the structure of `row`. */
function practised(row: Row): { codec: RowCodec; general: RowCodec } {
  const general = new RowCodec()
  general.encode(row)
  const codec = new RowCodec({ tools: tools() })
  learn(codec, general)
  for (let i = 0; i < 20; i++) decoded(codec, general.encode(row))
  return { codec, general }
}

function learn(codec: RowCodec, from: RowCodec): void {
  for (let id = codec.structureCount; id < from.structureCount; id++) codec.define(id, from.structure(id))
}

/** The row of `bytes` that lie among others. */
function decoded(codec: RowCodec, bytes: Uint8Array): Row | DecodeFailure {
  const among = new Uint8Array(bytes.length + 2 * MARGIN).fill(0xa5)
  among.set(bytes, MARGIN)
  return codec.decode(among, MARGIN, MARGIN + bytes.length)
}

function expectSame(fast: Row | DecodeFailure, slow: Row | DecodeFailure): void {
  if (slow instanceof DecodeFailure) expect(fast).toEqual(slow)
  else expect(difference(slow, fast)).toBeUndefined()
}

describe('rows read by code made for their structure', () => {
  it('are the rows that the general decoder gives', () => {
    fc.assert(
      fc.property(rowsOfOneShape, (rows) => {
        const { codec, general } = practised(rows[0] ?? {})
        for (const row of rows) {
          const bytes = general.encode(row).slice()
          learn(codec, general)
          expectSame(decoded(codec, bytes), decoded(general, bytes))
          expect(difference(row, decoded(codec, bytes))).toBeUndefined()
        }
      }),
      { numRuns: ROUNDS },
    )
  })

  it('are none, or the same, where bytes are damaged or missing', () => {
    fc.assert(
      fc.property(
        rowsOfOneShape,
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }),
        fc.nat(),
        (rows, changes, cut) => {
          const row = rows[0] ?? {}
          const { codec, general } = practised(row)
          const bytes = general.encode(row).slice()
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte
          const rest = bytes.subarray(0, cut % 4 === 0 ? cut % bytes.length : bytes.length)
          expectSame(decoded(codec, rest), decoded(general, rest))
        },
      ),
      { numRuns: ROUNDS },
    )
  })

  it('come from one walk for rows of scalars, and share no structure with those that do not', () => {
    const read = compileFlatReader(['id', 'at', 'text'], tools())
    const codec = new RowCodec()
    const bytes = codec.encode({ id: 1, at: new Date(5), text: 'x'.repeat(100) }).slice()
    expect(read?.(bytes, 0, bytes.length)).toEqual({ id: 1, at: new Date(5), text: 'x'.repeat(100) })
    const nested = codec.encode({ id: 1, at: [], text: '' }).slice()
    expect(read?.(nested, 0, nested.length)).toBeUndefined()
  })

  it('go the general way where the runtime makes no code of text', () => {
    const refuses: RowTools = {
      ...tools(),
      compile: () => {
        throw new EvalError('Code generation from strings disallowed for this context')
      },
    }
    expect(compileFlatReader(['id'], refuses)).toBeUndefined()
    const codec = new RowCodec({ tools: refuses })
    const bytes = codec.encode({ id: 7 }).slice()
    for (let i = 0; i < 40; i++) expect(codec.decode(bytes, 0, bytes.length)).toEqual({ id: 7 })
  })

  it('go the general way where they are long, so that no short text keeps a long one in memory', () => {
    let slices = 0
    const counting: RowTools = {
      ...tools(),
      text: (...range) => {
        slices++
        return tools().text(...range)
      },
    }
    const codec = new RowCodec({ tools: counting })
    const read = (text: string): unknown => {
      const bytes = codec.encode({ text }).slice()
      return codec.decode(bytes, 0, bytes.length)
    }
    for (let i = 0; i < 40; i++) expect(read('short')).toEqual({ text: 'short' })
    const before = slices
    expect(before).toBeGreaterThan(0)
    expect(read('x'.repeat(FLAT_BYTES))).toEqual({ text: 'x'.repeat(FLAT_BYTES) })
    expect(slices).toBe(before)
  })
})
