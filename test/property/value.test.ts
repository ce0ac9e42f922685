import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VarveError } from '../../src/errors.js'
import { DecodeFailure } from '../../src/format/decode-failure.js'
import { RowCodec, type Row } from '../../src/format/value.js'
import { count, seed } from '../support/counts.js'
import { difference, objectOf, ODD_NAMES, storable, storableRow } from '../support/storable.js'

const settings = { seed, numRuns: count(10_000, 1_000_000) }
/** For what runs each row several times. */
const fewer = { seed, numRuns: count(3_000, 300_000) }

/** The bytes of a row, in a place of their own, with others around them. */
function encode(codec: RowCodec, row: Readonly<Row>): { bytes: Uint8Array; start: number; end: number } {
  const encoded = codec.encode(row)
  const bytes = new Uint8Array(encoded.length + 9).fill(0xdd)
  bytes.set(encoded, 5)
  return { bytes, start: 5, end: 5 + encoded.length }
}

function decode(codec: RowCodec, at: { bytes: Uint8Array; start: number; end: number }): Row {
  const row = codec.decode(at.bytes, at.start, at.end)
  if (row instanceof DecodeFailure) throw new Error(`${row.reason} at ${row.offset}`)
  return row
}

/** Gives `follower` the structures that it lacks, as replaying the log does. */
function follow(follower: RowCodec, leader: RowCodec): void {
  for (let id = follower.structureCount; id < leader.structureCount; id++) {
    expect(follower.define(id, leader.structure(id))).toBeUndefined()
  }
}

const prototypeNames = Reflect.ownKeys(Object.prototype)

describe('rows', () => {
  it.each([true, false])('come back with every type exact (structures: %s)', (structures) => {
    const codec = new RowCodec({ structures })
    fc.assert(
      fc.property(storableRow, (row) => {
        expect(difference(row, decode(codec, encode(codec, row)))).toBeUndefined()
      }),
      settings,
    )
    expect(codec.structureCount).toBe(structures ? 32 : 0)
    expect(Reflect.ownKeys(Object.prototype)).toEqual(prototypeNames)
  })

  it('are read by another codec that knows only the structures, and the reverse', () => {
    const pair = fc.tuple(fc.infiniteStream(storableRow), fc.infiniteStream(fc.boolean()))
    const many = { seed, numRuns: count(100, 10_000) }
    fc.assert(
      fc.property(pair, ([rows, turns]) => {
        const codecs = [new RowCodec(), new RowCodec()] as const
        for (let i = 0; i < 60; i++) {
          const row = rows.next().value
          const [writer, reader] = turns.next().value ? codecs : ([codecs[1], codecs[0]] as const)
          const at = encode(writer, row)
          follow(reader, writer)
          expect(difference(row, decode(reader, at))).toBeUndefined()
        }
      }),
      many,
    )
  })

  it('of 10,000 shapes share one codec', () => {
    const codec = new RowCodec()
    const reader = new RowCodec()
    const rows = Array.from({ length: 10_000 }, (_, i): Row => ({
      id: i,
      [`field${i}`]: i,
      nested: { [`n${i % 77}`]: -i },
    }))
    const encoded = rows.map((row) => encode(codec, row))
    follow(reader, codec)
    for (const [i, row] of rows.entries()) {
      const at = encoded[i]
      if (at === undefined) throw new Error('unreachable')
      expect(difference(row, decode(reader, at))).toBeUndefined()
      expect(difference(row, decode(codec, at))).toBeUndefined()
    }
    expect(codec.structureCount).toBe(32)
  })

  it('with odd field names everywhere come back, and leave Object.prototype alone', () => {
    const codec = new RowCodec()
    const oddName = fc.constantFrom(...ODD_NAMES, 'a', 'b')
    const oddObject = fc.array(fc.tuple(oddName, storable), { maxLength: 3 }).map(objectOf)
    const oddRow = fc.array(fc.tuple(oddName, fc.oneof(storable, oddObject)), { maxLength: 4 })
    fc.assert(
      fc.property(oddRow.map(objectOf), (row) => {
        expect(difference(row, decode(codec, encode(codec, row)))).toBeUndefined()
      }),
      settings,
    )
    expect(Reflect.ownKeys(Object.prototype)).toEqual(prototypeNames)
    expect(Object.getPrototypeOf(Object.prototype)).toBeNull()
  })

  it('share no memory with what was encoded or with the bytes', () => {
    const codec = new RowCodec()
    const row = {
      bytes: Uint8Array.of(1, 2, 3),
      list: [new Date(0)],
      map: new Map([[{ a: 1 }, Uint8Array.of(4)]]),
    }
    const at = encode(codec, row)
    const first = decode(codec, at)
    at.bytes.fill(0xff, at.start, at.end)
    expect(difference(row, first)).toBeUndefined()
  })
})

describe('a codec', () => {
  const refused = fc.constantFrom<(row: Row) => Row>(
    (row) => ({ ...row, bad: () => 1 }),
    (row) => ({ ...row, bad: '\ud800' }),
    (row) => ({ new: { shape: row, bad: new Date(Number.NaN) } }),
    (row) => Object.defineProperty({ ...row }, 'bad', { enumerable: true, get: throwMine }),
  )
  /** Fields that are sound while the row is looked over and otherwise when it is packed. */
  const trap = fc.constantFrom<() => unknown>(
    throwMine,
    () => throwMine,
    () => new Date(0),
    () => undefined,
    () => '\udfff',
    () => 10n ** 100n,
    () => new Map([[1, 2]]),
    () => objectOf([['__proto__', 1]]),
    () => ({ __keys__: 1, deep: { __keys__: [], x: 1, hasOwnProperty: 0 } }),
  )
  const spoil = fc.oneof(
    refused,
    trap.map((second) => (row: Row) => trapped(row, second)),
    trap.map((second) => (row: Row) => ({ new: { shape: row, trap: trapped(row, second) } })),
  )

  it('stays sound through rows that are refused, throw half way, or change while they are packed', () => {
    const codec = new RowCodec()
    const reader = new RowCodec()
    let thrown = 0
    fc.assert(
      fc.property(storableRow, spoil, storableRow, (row, spoiled, next) => {
        const known = Array.from({ length: codec.structureCount }, (_, id) => codec.structure(id))
        try {
          decode(codec, encode(codec, spoiled(row)))
        } catch (error) {
          if (!VarveError.is(error) && !isMine(error)) throw error
          thrown++
        }
        expect(Array.from(known.keys(), (id) => codec.structure(id))).toEqual(known)
        const at = encode(codec, next)
        follow(reader, codec)
        expect(difference(next, decode(codec, at))).toBeUndefined()
        expect(difference(next, decode(reader, at))).toBeUndefined()
      }),
      fewer,
    )
    expect(thrown).toBeGreaterThan(fewer.numRuns / 4)
  })

  it('may be used again by getters of the row that it encodes', () => {
    const rows = fc.array(fc.tuple(storableRow, storableRow, fc.boolean(), fc.boolean()), {
      minLength: 1,
      maxLength: 6,
    })
    fc.assert(
      fc.property(rows, (list) => {
        const pair = [new RowCodec(), new RowCodec()] as const
        const readers = [new RowCodec(), new RowCodec()] as const
        const encoded: { codec: 0 | 1; at: ReturnType<typeof encode>; row: Row }[] = []
        const store = (codec: 0 | 1, row: Row, expected: Row): number =>
          encoded.push({ codec, at: encode(pair[codec], row), row: expected })
        for (const [i, [a, b, first, second]] of list.entries()) {
          const innermost = (): unknown => (store(second ? 1 : 0, b, b), 2)
          const inner = withGetter({ [`inner${i}`]: a }, innermost, { b })
          const between = (): unknown => (store(first ? 1 : 0, inner, { [`inner${i}`]: a, again: 2, b }), 1)
          store(0, withGetter({ [`outer${i}`]: b }, between, { a }), { [`outer${i}`]: b, again: 1, a })
        }
        for (const [i, codec] of pair.entries()) follow(readers[i === 0 ? 0 : 1], codec)
        for (const { codec, at, row } of encoded) {
          expect(difference(row, decode(pair[codec], at))).toBeUndefined()
          expect(difference(row, decode(readers[codec], at))).toBeUndefined()
        }
      }),
      { seed, numRuns: count(300, 30_000) },
    )
  })
})

describe('decoding', () => {
  const structures = [['a', 'b'], ['c'], ['a', 'c', 'e', 'd']]

  const reader = (): RowCodec => {
    const codec = new RowCodec()
    for (const [id, names] of structures.entries()) expect(codec.define(id, names)).toBeUndefined()
    return codec
  }

  it('never throws, and what it takes can be stored again', () => {
    const codec = reader()
    const writer = new RowCodec()
    const token = fc.constantFrom(
      0x40,
      0x41,
      0x42,
      0x43,
      0x60,
      0x80,
      0x81,
      0x82,
      0x90,
      0x91,
      0x92,
      0xa1,
      0xc1,
      0xc4,
      0xc7,
      0xca,
      0xcb,
      0xcf,
      0xd3,
      0xd4,
      0xd5,
      0xd7,
      0xd8,
      0xd9,
      0xdc,
      0xdd,
      0xde,
      0xdf,
      0x20,
      0x21,
      0x22,
      0x23,
      0x24,
      0x25,
      0x26,
      0x72,
      0x73,
      0xff,
      0,
    )
    const tokens = fc.array(fc.oneof(token, fc.nat(255))).map((list) => Uint8Array.from(list))
    const mutated = fc
      .tuple(
        storableRow,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        fc.nat(3),
      )
      .map(([row, changes, cut]) => {
        const bytes = new RowCodec({ structures: false }).encode(row).slice()
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte
        return bytes.subarray(0, bytes.length - cut)
      })
    let taken = 0
    fc.assert(
      fc.property(fc.oneof(tokens, mutated, fc.uint8Array()), (bytes) => {
        const row = codec.decode(bytes, 0, bytes.length)
        if (row instanceof DecodeFailure) return
        taken++
        expect(difference(row, decode(writer, encode(writer, row)))).toBeUndefined()
      }),
      settings,
    )
    expect(taken).toBeGreaterThan(settings.numRuns / 100)
    expect(Reflect.ownKeys(Object.prototype)).toEqual(prototypeNames)
  })

  it('sees every row that was cut or lengthened', () => {
    const codec = new RowCodec()
    fc.assert(
      fc.property(storableRow, fc.nat(), (row, cut) => {
        const { bytes, start, end } = encode(codec, row)
        expect(codec.decode(bytes, start, start + (cut % (end - start)))).toBeInstanceOf(DecodeFailure)
        expect(codec.decode(bytes, start, end + 1)).toBeInstanceOf(DecodeFailure)
      }),
      settings,
    )
  })
})

/** The row with a field that is 1 until its second read, and then what `second` gives. */
function trapped(row: Row, second: () => unknown): Row {
  let reads = 0
  const get = (): unknown => (++reads < 2 ? 1 : second())
  return Object.defineProperty({ ...row }, 'trap', { enumerable: true, configurable: true, get })
}

/** A row with a getter between other fields. */
function withGetter(before: Row, get: () => unknown, after: Row): Row {
  const row = Object.defineProperty({ ...before }, 'again', { enumerable: true, configurable: true, get })
  for (const [name, value] of Object.entries(after)) row[name] = value
  return row
}

class Mine extends Error {}

function throwMine(): never {
  throw new Mine()
}

const isMine = (error: unknown): boolean => error instanceof Mine
