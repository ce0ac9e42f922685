import { describe, expect, it } from 'vitest'
import { crc32c } from '../../../native-free/crc32c.js'

const bytes = (length: number, at: (i: number) => number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => at(i))

/** RFC 3720, appendix B.4; its text lists the bytes of each checksum in the order sent, lowest first. */
const iscsiRead = Uint8Array.from(
  [
    '01c00000 00000000 00000000 00000000 14000000 00000400',
    '00000014 00000018 28000000 00000000 02000000 00000000',
  ]
    .join('')
    .replaceAll(' ', '')
    .match(/../gu) ?? [],
  (pair) => Number.parseInt(pair, 16),
)

describe('CRC-32C', () => {
  it.each([
    ['32 zeros', new Uint8Array(32), 0x8a9136aa],
    ['32 ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ['32 rising', bytes(32, (i) => i), 0x46dd794e],
    ['32 falling', bytes(32, (i) => 31 - i), 0x113fdb5c],
    ['an iSCSI read', iscsiRead, 0xd9963a56],
    ['123456789', new TextEncoder().encode('123456789'), 0xe3069283],
  ])('of %s is the published one', (_, input, expected) => {
    expect(crc32c(input, 0, input.length)).toBe(expected)
  })

  it('of nothing is the seed', () => {
    expect(crc32c(new Uint8Array(4), 2, 2)).toBe(0)
    expect(crc32c(new Uint8Array(4), 2, 2, 0xdeadbeef)).toBe(0xdeadbeef)
  })

  it('is unsigned and covers the range only', () => {
    const input = bytes(64, (i) => i * 37)
    const whole = crc32c(input, 8, 40)
    expect(whole).toBe(crc32c(input.slice(8, 40), 0, 32))
    input[7] = 1
    input[40] = 1
    expect(crc32c(input, 8, 40)).toBe(whole)
    input[39] = 1
    expect(crc32c(input, 8, 40)).not.toBe(whole)
  })
})
