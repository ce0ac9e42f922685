/**
 * The primary key of rows: taking it from a row, and reading it as callers write it.
 */
import { ArgumentError, type FieldIssue, ValidationError } from '../errors.js'
import { DecodeFailure } from '../format/decode-failure.js'
import { encodeKey, type Key, type KeyPart, keyParts, type KeyPartKind } from '../format/key.js'
import { decodeKey } from '../format/key-decode.js'
import { type CollectionDefinition, generatedKey, keyKinds } from './definition.js'
import { valueAt } from './field.js'
import { declaredField } from './field-tree.js'

const BIGINT_TYPES: ReadonlySet<string | undefined> = new Set(['int64', 'uint64'])

/** What is known about the keys of a collection, derived from its definition once. */
export class RowKeys {
  readonly paths: readonly (readonly string[])[]
  readonly kinds: readonly KeyPartKind[]
  readonly generated: 'uuid' | 'int' | undefined
  readonly #collection: string
  /** Of each part, whether its field is declared to hold bigints. */
  readonly #bigints: readonly boolean[]

  constructor(definition: CollectionDefinition) {
    this.paths = definition.primaryKey
    this.#bigints = this.paths.map((path) => BIGINT_TYPES.has(declaredField(definition.fields, path)?.type))
    this.kinds = keyKinds(definition)
    this.generated = generatedKey(definition)
    this.#collection = definition.name
  }

  /** Whether a row lacks a key that the engine generates. */
  lacksGenerated(row: object): boolean {
    const [path] = this.paths
    if (this.generated === undefined || path === undefined) return false
    const value = valueAt(row, path)
    return value === undefined || value === null
  }

  /** The parts of a row's key. Throws `VARVE_VALIDATION` if one is missing or no value that a key may hold. */
  partsOf(row: object): readonly KeyPart[] {
    const parts: KeyPart[] = []
    const issues: FieldIssue[] = []
    for (const path of this.paths) {
      const value = valueAt(row, path)
      if (isKeyPart(value)) parts.push(value)
      else
        issues.push({
          path: path.join('.'),
          expected: 'a value that can be a primary key',
          found: kindOf(value),
        })
    }
    if (issues.length > 0) throw this.#invalid(issues)
    return parts
  }

  /** The encoded key of a row. */
  encodeParts(parts: readonly KeyPart[]): Uint8Array {
    return encodeKey(parts, this.kinds, 'primary')
  }

  /** The encoded form of a key as a caller writes it. */
  encode(key: Key): Uint8Array {
    const parts = this.#checked(key)
    if (parts.length !== this.kinds.length) {
      throw new ArgumentError(
        `A key of '${this.#collection}' has ${this.kinds.length} part(s) (${this.#names()}); this one has ${parts.length}.`,
      )
    }
    return this.encodeParts(parts)
  }

  /** The first parts of a key, for a bound of a range. */
  encodeFirst(key: Key): Uint8Array {
    const parts = this.#checked(key)
    if (parts.length === 0 || parts.length > this.kinds.length) {
      throw new ArgumentError(
        `A bound of '${this.#collection}' has 1 to ${this.kinds.length} parts (${this.#names()}); this one has ${parts.length}.`,
      )
    }
    return encodeKey(parts, this.kinds.slice(0, parts.length), 'primary')
  }

  /** A key as callers write it, from its parts. */
  asKey(parts: readonly KeyPart[]): Key {
    const [only] = parts
    return parts.length === 1 && only !== undefined ? only : parts
  }

  /** The key that was encoded, as callers write it: numbers of undeclared fields as numbers where they are exact. Undefined if it is none. */
  decode(bytes: Uint8Array, start: number, end: number): Key | undefined {
    const decoded = decodeKey(bytes, start, end)
    if (decoded instanceof DecodeFailure || decoded.parts.length !== this.paths.length) return undefined
    return this.asKey(
      decoded.parts.map((part, i) =>
        typeof part === 'number' && this.#bigints[i] === true ? BigInt(part) : part,
      ),
    )
  }

  #checked(key: Key): readonly KeyPart[] {
    const parts = keyParts(key)
    const wrong = parts.findIndex((part) => !isKeyPart(part))
    if (wrong < 0) return parts
    const path = parts.length === 1 ? '' : String(wrong)
    throw this.#invalid([
      { path, expected: 'a value that can be a primary key', found: kindOf(parts[wrong]) },
    ])
  }

  #names(): string {
    return this.paths.map((path) => path.join('.')).join(', ')
  }

  #invalid(issues: readonly FieldIssue[]): ValidationError {
    const text = issues.map(
      ({ path, expected, found }) =>
        `${path === '' ? 'the key' : path}: expected ${expected}, found ${found}`,
    )
    return new ValidationError(`The primary key of '${this.#collection}' is not valid: ${text.join('; ')}.`, {
      collection: this.#collection,
      index: 'primary',
      issues,
    })
  }
}

function isKeyPart(value: unknown): value is KeyPart {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
      return true
    default:
      return value instanceof Date || value instanceof Uint8Array
  }
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? (value.constructor?.name ?? 'an object') : `a ${typeof value}`
}
