/**
 * Values in the JSON form that the independent reader prints: what JSON has no word for is an object with one name that
 * begins with `$`; an object with a name of its own that begins so is `{ $object: [[name, value], ...] }`.
 */
import type { KeyPart, KeyPartKind } from '../../src/format/key.js'

/** A value as JSON text. */
export function typedText(value: unknown): string {
  return JSON.stringify(typed(value))
}

function typed(value: unknown): unknown {
  switch (typeof value) {
    case 'number':
      return typedNumber(value)
    case 'bigint':
      return { $bigint: String(value) }
    case 'object':
      return value === null ? null : typedObject(value)
    default:
      return value
  }
}

function typedNumber(value: number): unknown {
  if (Object.is(value, -0)) return { $number: '-0' }
  return Number.isFinite(value) ? value : { $number: String(value) }
}

function typedObject(value: object): unknown {
  if (value instanceof Date) return { $date: value.getTime() }
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') }
  if (value instanceof Map) return { $map: Array.from(value, ([key, one]) => [typed(key), typed(one)]) }
  if (value instanceof Set) return { $set: Array.from(value, typed) }
  if (Array.isArray(value)) return value.map(typed)
  const entries = Object.entries(value).map(([name, one]) => [name, typed(one)] as const)
  if (entries.some(([name]) => name.startsWith('$'))) return { $object: entries }
  return objectOf(entries)
}

/** An object of own fields, whatever their names. */
export function objectOf(entries: Iterable<readonly [string, unknown]>): Record<string, unknown> {
  const object: Record<string, unknown> = {}
  for (const [name, value] of entries) {
    Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true })
  }
  return object
}

/** The parts of a key as JSON text: numbers and bigints of one value are one key, and shown as one. */
export function typedKeyText(parts: readonly KeyPart[], kinds: readonly KeyPartKind[]): string {
  return JSON.stringify(parts.map((part, i) => typedKeyPart(part, kinds[i] ?? 'any')))
}

function typedKeyPart(part: KeyPart, kind: KeyPartKind): unknown {
  if (kind === 'uuid') return { $uuid: part }
  if (typeof part === 'bigint') {
    const double = Number(part)
    return Number.isFinite(double) && BigInt(double) === part ? double : { $bigint: String(part) }
  }
  return typeof part === 'number' && part === 0 ? 0 : typed(part)
}
