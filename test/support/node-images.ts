/**
 * Images of index nodes made by hand, column by column as the format page lists them. They share none of the engine's codec,
 * so that an image may be wrong in exactly one way.
 */
import { crc32c } from '../../native-free/crc32c.js'

export const RECORDS_LEAF = 1
export const KEYS_LEAF = 2
export const INNER = 3

/** One entry. What its node's kind does not store is left out. */
export interface ImageEntry {
  readonly suffix: Uint8Array
  readonly length?: number | undefined
  readonly crc?: number | undefined
  readonly position?: number | undefined
  readonly count?: number | undefined
  readonly stored?: number | undefined
}

export interface ImageSpec {
  readonly kind: number
  readonly height: number
  readonly prefix: Uint8Array
  readonly entries: readonly ImageEntry[]
}

type Part = readonly [bytes: 2 | 4, value: number]

const low = (value = 0): Part => [4, value % 2 ** 32]
const high = (value = 0): Part => [2, Math.floor(value / 2 ** 32)]
const wide = (value = 0): Part => [4, value]

const COLUMNS: Readonly<Record<number, readonly ((entry: ImageEntry) => Part)[]>> = {
  [RECORDS_LEAF]: [
    ({ length }) => wide(length),
    ({ crc }) => wide(crc),
    ({ position }) => low(position),
    ({ position }) => high(position),
  ],
  [KEYS_LEAF]: [],
  [INNER]: [
    ({ length }) => wide(length),
    ({ crc }) => wide(crc),
    ({ position }) => low(position),
    ({ count }) => low(count),
    ({ stored }) => low(stored),
    ({ position }) => high(position),
    ({ count }) => high(count),
    ({ stored }) => high(stored),
  ],
}

/** The image, with its length and CRC. */
export function nodeImage({ kind, height, prefix, entries }: ImageSpec): Uint8Array {
  const parts: Part[] = [
    [4, 0],
    [4, 0],
  ]
  const columns = (COLUMNS[kind] ?? []).flatMap((column) => entries.map(column))
  const suffixes = entries.map(({ suffix }): Part => [2, suffix.length])
  parts.push(
    [2, kind + height * 256],
    [2, prefix.length],
    [2, entries.length],
    [2, 0],
    ...columns,
    ...suffixes,
  )
  const keys = [prefix, ...entries.map(({ suffix }) => suffix)]
  const fixed = parts.reduce((sum, [bytes]) => sum + bytes, 0)
  const image = new Uint8Array(fixed + keys.reduce((sum, key) => sum + key.length, 0))
  const view = new DataView(image.buffer)
  let at = 0
  for (const [bytes, value] of parts) {
    if (bytes === 2) view.setUint16(at, value, true)
    else view.setUint32(at, value, true)
    at += bytes
  }
  for (const key of keys) {
    image.set(key, at)
    at += key.length
  }
  view.setUint32(4, image.length, true)
  return mended(image)
}

/** The same bytes with a CRC that fits them. */
export function mended(image: Uint8Array): Uint8Array {
  const copy = image.slice()
  if (copy.length >= 4) new DataView(copy.buffer).setUint32(0, crc32c(copy, 4, copy.length), true)
  return copy
}
