import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeUtf8, encodeUtf8, findInvalidUtf8 } from '../../src/format/utf8.js'
import { count, seed } from '../support/counts.js'

const settings = { seed, numRuns: count(10_000, 1_000_000) }
const strict = new TextDecoder('utf-8', { fatal: true })

function isValid(bytes: Uint8Array): boolean {
  try {
    strict.decode(bytes)
    return true
  } catch {
    return false
  }
}

describe('the check of UTF-8', () => {
  const critical = fc.constantFrom(
    0x00,
    0x7f,
    0x80,
    0x8f,
    0x90,
    0x9f,
    0xa0,
    0xbf,
    0xc0,
    0xc1,
    0xc2,
    0xdf,
    0xe0,
    0xe1,
    0xec,
    0xed,
    0xee,
    0xef,
    0xf0,
    0xf1,
    0xf3,
    0xf4,
    0xf5,
    0xff,
  )

  it('agrees with the runtime on any bytes', () => {
    const continuation = fc.constantFrom(0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0)
    const inside = fc.constantFrom(0x80, 0xbf)
    const sequence = fc
      .tuple(critical, continuation, inside, inside, fc.nat(4))
      .map(([lead, second, third, fourth, length]) => [lead, second, third, fourth].slice(0, length))
    const bytes = fc.oneof(
      fc.array(sequence, { minLength: 1, maxLength: 2 }).map((list) => list.flat()),
      fc.array(critical, { maxLength: 6 }),
      fc.array(fc.nat(255), { maxLength: 8 }),
    )
    fc.assert(
      fc.property(bytes, (list) => {
        const input = Uint8Array.from(list)
        const at = findInvalidUtf8(input, 0, input.length)
        expect(at === input.length).toBe(isValid(input))
        expect(isValid(input.subarray(0, at))).toBe(true)
      }),
      settings,
    )
  })

  it('takes what is encoded, which comes back whole', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 12 }),
        fc.constantFrom('', '\ufeff'),
        (text, mark) => {
          const bytes = encodeUtf8(mark + text)
          expect(findInvalidUtf8(bytes, 0, bytes.length)).toBe(bytes.length)
          expect(decodeUtf8(bytes)).toBe(mark + text)
        },
      ),
      settings,
    )
  })
})
