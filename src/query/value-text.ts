/** Values as people read them in a plan, and as one text for each distinct value in a group or a token. */
import { timeOf } from '../format/describe.js'
import { isBytes, isPlainObject } from '../format/value-kinds.js'

/** Longest text of a value in a plan. */
const MAX_TEXT = 60

/** A value in a plan: JSON where there is one. */
export function valueText(value: unknown): string {
  const text = fullText(value)
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1)}…` : text
}

function fullText(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  if (value === undefined) return 'missing'
  if (typeof value === 'number') return String(value)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (value instanceof Date) return value.toISOString()
  if (isBytes(value)) return `bytes ${hexOf(value)}`
  if (Array.isArray(value)) return `[${value.map(fullText).join(', ')}]`
  return isPlainObject(value) ? JSON.stringify(value, (_, member: unknown) => plain(member)) : 'a value'
}

function plain(member: unknown): unknown {
  return typeof member === 'bigint' ? `${member}n` : member
}

export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/**
 * A text that is the same for equal values and no others: numbers and bigints of one value are equal, -0 is 0, and null is missing;
 * fields of objects in any order.
 */
export function identityText(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return 'z'
    case 'number':
      return Number.isInteger(value) ? `n${BigInt(value)}` : `n${value}`
    case 'bigint':
      return `n${value}`
    case 'string':
      return `s${value.length}:${value}`
    case 'boolean':
      return value ? 't' : 'f'
    default:
      return value === null ? 'z' : identityOfObject(value as object)
  }
}

function identityOfObject(value: object): string {
  if (value instanceof Date) return `d${timeOf(value)}`
  if (isBytes(value)) return `b${hexOf(value)}`
  if (Array.isArray(value)) return `[${value.map(identityText).join(',')}]`
  if (value instanceof Map) return `m{${Array.from(value, pairText).toSorted().join(',')}}`
  if (value instanceof Set) return `e{${Array.from(value, identityText).toSorted().join(',')}}`
  if (!isPlainObject(value)) return 'o'
  const fields = Object.entries(value).filter(([, member]) => member !== undefined)
  return `{${fields.map(pairText).toSorted().join(',')}}`
}

function pairText([key, member]: readonly [unknown, unknown]): string {
  return `${identityText(key)}=${identityText(member)}`
}
