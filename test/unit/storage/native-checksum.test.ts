import fc from 'fast-check'
import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { crc32c } from '../../../native-free/crc32c.js'
import { chooseChecksum, type NativeChecksum } from '../../../src/storage/native-checksum.js'
import { seed } from '../../support/counts.js'

function loadNative(): NativeChecksum {
  const addon = createRequire(import.meta.url)('@node-rs/crc32') as { readonly crc32c: NativeChecksum }
  return addon.crc32c
}

describe('chooseChecksum', () => {
  it('takes the native one where it loads', () => {
    const { source, fallbackReason, checksum } = chooseChecksum()
    expect({ source, fallbackReason }).toEqual({ source: 'native', fallbackReason: undefined })
    expect(checksum(new TextEncoder().encode('123456789'), 0, 9)).toBe(0xe3069283)
  })

  it('computes the same as the TypeScript one for any range and seed, on both sides of the crossover', () => {
    const { checksum } = chooseChecksum()
    const ranges = fc
      .tuple(
        fc.uint8Array({ maxLength: 600, size: 'max' }),
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 0, max: 0xffffffff }),
      )
      .map(([bytes, a, b, start]) => {
        const [from, to] = [a % (bytes.length + 1), b % (bytes.length + 1)]
        return { bytes, from: Math.min(from, to), to: Math.max(from, to), start }
      })
    const property = fc.property(ranges, ({ bytes, from, to, start }) => {
      const expected = crc32c(bytes, from, to, start)
      expect(checksum(bytes, from, to, start)).toBe(expected)
      expect(checksum(bytes.slice(from, to), 0, to - from, start)).toBe(expected)
    })
    fc.assert(property, { seed, numRuns: 500 })
  })

  it('gives long ranges to the native one and short ones to the other', () => {
    const lengths: number[] = []
    const native = loadNative()
    const { checksum } = chooseChecksum(() => (bytes, start) => {
      lengths.push(bytes.length)
      return native(bytes, start)
    })
    lengths.length = 0
    const bytes = new Uint8Array(5000)
    for (const length of [0, 1, 64, 4096, 5000]) checksum(bytes, 0, length)
    expect(lengths).toEqual([4096, 5000])
  })

  it('falls back, saying why, when the native one is missing', () => {
    const choice = chooseChecksum(() => {
      throw new Error("Cannot find module '@node-rs/crc32'")
    })
    expect(choice).toEqual({
      checksum: crc32c,
      source: 'typescript',
      fallbackReason: "Cannot find module '@node-rs/crc32'",
    })
  })

  it.each<[string, NativeChecksum]>([
    ['a wrong value', () => 1],
    ['no continuation', (bytes) => loadNative()(bytes)],
    ['a signed value', (bytes, start) => loadNative()(bytes, start) | 0],
  ])('falls back when the native one computes %s', (_what, native) => {
    expect(chooseChecksum(() => native)).toMatchObject({
      source: 'typescript',
      fallbackReason: expect.stringContaining('wrong'),
    })
  })
})
