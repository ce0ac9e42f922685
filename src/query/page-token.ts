/**
 * Where a page ended: the order values of its last row, the primary key among them, and which query it belongs to, as a
 * text that fits into a URL.
 */
import { encodeIndexPart } from '../catalog/index-part.js'
import { QueryError } from '../errors.js'
import { timeOf } from '../format/describe.js'
import { partEnd } from '../format/key-decode.js'
import { isBytes, isPlainObject } from '../format/value-kinds.js'
import type { Access } from './access.js'
import type { OrderField } from './order.js'
import type { QueriedCollection } from './plan.js'
import { hexOf } from './value-text.js'

/** The token of a row with these order values. */
export function writeToken(query: string, values: readonly unknown[]): string {
  return encodeURIComponent(JSON.stringify([query, values.map(tagged)]))
}

/** The order values in a token of this query. Throws `VARVE_QUERY` for any other text. */
export function readToken(query: string, token: unknown, count: number): readonly unknown[] {
  const content = typeof token === 'string' ? parsed(token) : undefined
  if (!Array.isArray(content) || content.length !== 2 || !Array.isArray(content[1]))
    throw new QueryError('The option after is no token: pass on what page() returned as next, unchanged.')
  const [of, list] = content as [unknown, unknown[]]
  if (of !== query)
    throw new QueryError(
      'The option after is the token of another query: filter and orderBy must be the same on every page.',
    )
  const values = list.map(untagged)
  if (values.length !== count || values.includes(BROKEN))
    throw new QueryError('The option after is no token: pass on what page() returned as next, unchanged.')
  return values
}

function parsed(token: string): unknown {
  try {
    return JSON.parse(decodeURIComponent(token))
  } catch {
    return undefined
  }
}

/** Stands for a value that cannot be read back. */
const BROKEN = Symbol('broken')

/** Stands for all that has no order. */
const OTHER: object = Object.freeze({})

function tagged(value: unknown): unknown {
  if (value === undefined || value === null) return null
  if (typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : ['n', String(value)]
  if (typeof value === 'bigint') return ['i', String(value)]
  if (value instanceof Date) return ['d', timeOf(value)]
  return typeof value === 'object' && isBytes(value) ? ['b', hexOf(value)] : ['o', '']
}

function untagged(value: unknown): unknown {
  if (!Array.isArray(value)) return isPlainObject(value) ? BROKEN : value
  const [tag, content] = value as unknown[]
  switch (tag) {
    case 'n':
      return Number(content)
    case 'i':
      return typeof content === 'string' && /^-?\d{1,400}$/u.test(content) ? BigInt(content) : BROKEN
    case 'd':
      return typeof content === 'number' && Math.abs(content) <= 8.64e15 ? new Date(content) : BROKEN
    case 'b':
      return typeof content === 'string' && /^(?:[\da-f]{2})*$/u.test(content) ? bytesOf(content) : BROKEN
    default:
      return tag === 'o' ? OTHER : BROKEN
  }
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) =>
    Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16),
  )
}

/** A text that tells queries apart: two 32-bit hashes of what they ask for. */
export function queryHash(text: string): string {
  let a = 0x811c9dc5
  let b = 0x9747b28c
  for (let i = 0; i < text.length; i++) {
    a = Math.imul(a ^ text.charCodeAt(i), 0x01000193)
    b = Math.imul(b ^ text.charCodeAt(i), 0x5bd1e995) ^ (b >>> 15)
  }
  return (a >>> 0).toString(36) + (b >>> 0).toString(36)
}

/** The key that a row of these order values has in an access whose keys spell out the order behind its fixed parts. */
export function resumeKey(
  { keys }: QueriedCollection,
  { path, ranges, fixed }: Access,
  order: readonly OrderField[],
  keyOrder: readonly OrderField[],
  values: readonly unknown[],
): Uint8Array {
  const kinds = path.isIndex ? [...path.kinds, ...keys.kinds] : path.kinds
  const pieces = [fixedPrefix(ranges[0]?.from, fixed)]
  for (const [i, field] of keyOrder.entries()) {
    const part = encodedPart(values[order.indexOf(field)], kinds[fixed + i] ?? 'any')
    if (part === undefined) throw new QueryError('The option after holds a value that no row can have.')
    pieces.push(part)
  }
  return joined(pieces)
}

function encodedPart(value: unknown, kind: 'any' | 'uuid'): Uint8Array | undefined {
  try {
    return encodeIndexPart(value, kind)
  } catch {
    return undefined
  }
}

function fixedPrefix(key: Uint8Array | undefined, parts: number): Uint8Array {
  if (key === undefined) return new Uint8Array(0)
  let end = 0
  for (let i = 0; i < parts; i++) end = partEnd(key, end, key.length)
  return key.subarray(0, Math.max(end, 0))
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    all.set(piece, at)
    at += piece.length
  }
  return all
}
