import { describe, expect, it } from 'vitest'
import { DecodeFailure } from '../../../src/format/decode-failure.js'
import { MAX_NESTING, MAX_ROW_BYTES } from '../../../src/format/limits.js'
import { checkObject } from '../../../src/format/value-check.js'
import { RowCodec } from '../../../src/format/value.js'

const structures = [['a'], ['b', 'c']]
const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const check = (bytes: Uint8Array): DecodeFailure | undefined =>
  checkObject(bytes, 0, bytes.length, structures)
const reasonOf = (text: string): string | undefined => check(unhex(text))?.reason

/** `__proto__` as MessagePack text. */
const PROTO = 'a9 5f5f70726f746f5f5f'

describe('the check before decoding', () => {
  it.each([
    '80',
    '40 01',
    '41 01 02',
    '40 40 40 01',
    '81 a0 01',
    '81 d9 01 61 01',
    '81 da 0001 61 01',
    '81 db 00000001 61 01',
    'de 0001 a0 01',
    'df 00000001 a0 01',
    '40 90',
    '40 dc 0001 01',
    '40 dd 00000001 01',
    '40 c4 00',
    '40 c5 0001 ff',
    '40 c6 00000001 ff',
    '40 d4 20 00',
    '40 d7 21 0000000000000000',
    '40 c7 08 21 0000000000000000',
    '40 c7 09 22 010000000000000000',
    '40 d6 23 efbbbf61',
    '40 d4 24 00 92 01 02',
    '40 d4 24 00 dc 0002 01 02',
    '40 d4 25 00 91 01',
    '40 d4 26 00 90',
    'd4 26 00 92 a1 61 01',
    `d4 26 00 92 ${PROTO} 01`,
    'd4 26 00 92 c7 03 23 efbbbf 01',
    '81 aa 785f5f70726f746f5f5f 01',
    '40 ff',
    '40 cb 8000000000000000',
  ])('lets %s pass', (text) => {
    expect(reasonOf(text)).toBeUndefined()
  })

  it.each([
    ['nothing', '', 'the value is not an object'],
    ['a number', '01', 'the value is not an object'],
    ['an array', '90', 'the value is not an object'],
    ['null', 'c0', 'the value is not an object'],
    ['a Map', 'd4 24 00 90', 'the value is not an object'],
    ['the object extension cut short', 'd4', 'the value is not an object'],
    ['bytes after the row', '80 80', 'bytes follow the value'],
    ['an unknown structure', '42 01', 'structure 2 is not defined'],
    ['an unknown structure inside', '40 5f', 'structure 31 is not defined'],
    ['a record cut short', '41 01', 'the value is cut short'],
    ['a token of no value', '40 60', '0x60 begins no value of a row'],
    ['the token 0xc1', '40 c1', '0xc1 begins no value of a row'],
    ['a float 32', '40 ca 00000000', '0xca begins no value of a row'],
    ['text cut short', '40 a2 61', 'the value is cut short'],
    ['a length cut short', '40 da 00', 'the value is cut short'],
    ['a number cut short', '40 ce 000000', 'the value is cut short'],
    ['bytes cut short', '40 c6 ffffffff', 'the value is cut short'],
    ['bad UTF-8', '40 a1 ff', 'the string is not UTF-8'],
    ['an encoded surrogate', '40 a3 eda080', 'the string is not UTF-8'],
    [
      'marked text outside its extension',
      '40 a3 efbbbf',
      'a string that begins with U+FEFF is not in its extension',
    ],
    ['unmarked text inside it', '40 d5 23 6161', 'the text is not UTF-8 that begins with U+FEFF'],
    ['a field name that is a number', '81 01 01', 'a field name is not a string'],
    ['a field name that is marked text', '81 c7 03 23 efbbbf 01', 'a field name is not a string'],
    ['a field named __proto__', `81 ${PROTO} 01`, 'a field named __proto__ is not in its extension'],
    [
      'the same with a longer head',
      `81 d9 09 ${PROTO.slice(3)} 01`,
      'a field named __proto__ is not in its extension',
    ],
    ['an unknown extension', '40 d5 50 0000', 'extension type 80 is not known'],
    ["msgpackr's timestamp", '40 d6 ff 00000000', 'extension type 255 is not known'],
    ["msgpackr's record definition", '40 d4 72 40 91 a1 61 01', 'a prefix holds more than its type'],
    ["msgpackr's error", '40 d4 65 00 92 c0 c0', 'extension type 101 is not known'],
    ["msgpackr's undefined", '40 d4 00 00', 'extension type 0 is not known'],
    ['an extension cut short', '40 c9 ffffffff 22', 'the value is cut short'],
    ['a Date out of range', '40 d7 21 001eb208c2dc0001', 'the date is out of range'],
    ['a Date far out of range', '40 d7 21 8000000000000000', 'the date is out of range'],
    ['a short Date', '40 d6 21 00000000', 'the date is out of range'],
    ['a bigint that 64 bits hold', '40 c7 09 22 ffffffffffffffffff', 'the bigint is not in its one form'],
    ['an unsigned one', '40 c7 09 22 00ffffffffffffffff', 'the bigint is not in its one form'],
    ['a bigint with a spare byte', '40 c7 0a 22 00010000000000000000', 'the bigint is not in its one form'],
    ['a negative one', '40 c7 0a 22 ffff0000000000000000', 'the bigint is not in its one form'],
    ['a prefix that holds something', '40 d4 25 01 90', 'a prefix holds more than its type'],
    ['a prefix of nothing', '40 d4 25 00', 'a prefix without an array'],
    ['a prefix of a map', '40 d4 25 00 80', 'a prefix without an array'],
    ['a Map with a key too many', '40 d4 24 00 91 01', 'a key has no value'],
    ['an object with a name too many', '40 d4 26 00 91 a0', 'a key has no value'],
    ['an object with a number for a name', '40 d4 26 00 92 01 01', 'a field name is not a string'],
    ['2^32 - 1 items', '40 dd ffffffff', 'the value is cut short'],
    ['2^32 - 1 fields', 'df ffffffff', 'the value is cut short'],
    ['a Map of 2^32 - 2', '40 d4 24 00 dd fffffffe', 'the value is cut short'],
    ['a Set of 2^32 - 1', '40 d4 25 00 dd ffffffff', 'the value is cut short'],
    ['2^32 - 1 bytes of text', '40 db ffffffff', 'the value is cut short'],
  ])('refuses %s', (_, text, reason) => {
    expect(reasonOf(text)).toBe(reason)
  })

  it('says where', () => {
    const bytes = unhex('ffff 41 a1 61 c1 ff')
    expect(checkObject(bytes, 2, 6, structures)).toEqual(
      new DecodeFailure('0xc1 begins no value of a row', 5),
    )
  })

  it('counts levels of nesting as the encoder does', () => {
    const arrays = (levels: number): Uint8Array =>
      Uint8Array.of(0x40, ...Array.from({ length: levels - 1 }, () => 0x91), 0)
    expect(check(arrays(MAX_NESTING))).toBeUndefined()
    expect(check(arrays(MAX_NESTING + 1))?.reason).toBe('the value is nested too deeply')
    for (const opening of ['91', '81a0', '40', 'd4240092', 'd4250091', 'd4260092a0']) {
      const bomb = unhex(`40${opening.repeat(100_000)}`)
      expect(check(bomb)?.reason).toBe('the value is nested too deeply')
    }
  })

  it('keeps a claim of many small arrays to what the bytes can hold', () => {
    // Each array claims all that is left, which a reader that trusts claims would allocate level by level.
    const bytes = new Uint8Array(64 * 1024)
    bytes[0] = 0x40
    for (let at = 1; at + 5 < bytes.length; at += 5) {
      bytes[at] = 0xdd
      new DataView(bytes.buffer).setUint32(at + 1, bytes.length - at - 5)
    }
    expect(check(bytes)).toBeInstanceOf(DecodeFailure)
  })

  it('stands before every decode', () => {
    const codec = new RowCodec({ structures: false })
    expect(codec.decode(unhex('81 a161 c1'), 0, 4)).toBeInstanceOf(DecodeFailure)
    expect(codec.decode(new Uint8Array(MAX_ROW_BYTES + 1), 0, MAX_ROW_BYTES + 1)).toBeInstanceOf(
      DecodeFailure,
    )
    expect(codec.decode(unhex('80'), 1, 1)).toBeInstanceOf(DecodeFailure)
  })
})
