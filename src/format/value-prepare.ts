/**
 * The walk over a row before it is packed: it refuses what cannot be stored, and puts a stand-in for each value that
 * the packer would not write as it must be.
 *
 * A row that needs no stand-in is handed on as it is, not copied. Getters are the caller's own code, so the state of a
 * walk is its own, and one may begin inside another. Properties that are not enumerable are not stored.
 */
import { timeOf } from './describe.js'
import { MAX_FIELDS, MAX_NESTING, MAX_ROW_BYTES } from './limits.js'
import { isOddName } from './structures.js'
import { encodeUtf8 } from './utf8.js'
import { bigintToBytes, fitsIn64Bits } from './value-bigint.js'
import { ExtensionType } from './value-extensions.js'
import { entryStep, FIELDS_LIMIT, fieldStep, Findings, NESTING_LIMIT, ROW_LIMIT } from './value-findings.js'
import {
  isBytes,
  isPlainArray,
  isPlainDate,
  isPlainMap,
  isPlainObject,
  isPlainSet,
  type PlainObject,
} from './value-kinds.js'
import { NEGATIVE_ZERO, WrappedDate, WrappedItems, WrappedPayload } from './value-wrapped.js'
import { isWellFormed } from './well-formed.js'

const STORABLE = 'null, a boolean, number, bigint, string, Date, Uint8Array, array, plain object, Map or Set'

const BYTE_ORDER_MARK = 0xfeff

/** One walk over one row. */
export class Preparation {
  readonly #findings = new Findings()
  /** The containers from the row (level 1) down to the present one. */
  readonly #ancestors: object[] = []
  /** What is left of the row's bytes if each value takes the least it can. */
  #bytesLeft = MAX_ROW_BYTES
  /** Fields of all plain objects seen. */
  fields = 0

  /** The row to pack. Throws `VARVE_VALIDATION` with the failing fields, or `VARVE_LIMIT`. */
  row(row: unknown): unknown {
    const prepared = isPlainObject(row) ? this.#plainObject(row, 1) : this.#refuse('a plain object', row)
    this.#findings.throwIfAny()
    return prepared
  }

  /** Any value; at level `depth` if it is a container. */
  #value(value: unknown, depth: number): unknown {
    switch (typeof value) {
      case 'string':
        return this.#text(value)
      case 'number':
        return Object.is(value, -0) ? NEGATIVE_ZERO : value
      case 'boolean':
        return value
      case 'bigint':
        return fitsIn64Bits(value) ? value : this.#payload(ExtensionType.bigint, bigintToBytes(value))
      case 'object':
        return value === null ? null : this.#object(value, depth)
      default:
        return this.#refuse(STORABLE, value)
    }
  }

  #text(text: string): unknown {
    this.#take(text.length)
    if (!isWellFormed(text)) return this.#refuse('a well-formed string', text)
    return text.charCodeAt(0) === BYTE_ORDER_MARK ? this.#payload(ExtensionType.text, encodeUtf8(text)) : text
  }

  #payload(type: ExtensionType, payload: Uint8Array): unknown {
    this.#take(payload.length)
    return new WrappedPayload(type, payload)
  }

  #object(value: object, depth: number): unknown {
    if (isPlainObject(value)) return this.#plainObject(value, depth)
    if (isPlainArray(value)) return this.#array(value, depth)
    if (isPlainDate(value)) return this.#date(value)
    if (isBytes(value)) return this.#bytes(value)
    if (isPlainMap(value)) return this.#map(value, depth)
    return isPlainSet(value) ? this.#set(value, depth) : this.#refuse(STORABLE, value)
  }

  /** Subclasses, such as Node's buffers, and what has a `constructor` of its own are packed through a plain view. */
  #bytes(value: Uint8Array): unknown {
    this.#take(value.length)
    if (value.constructor === Uint8Array) return value
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  }

  #date(value: Date): unknown {
    const ms = timeOf(value)
    return Number.isNaN(ms) ? this.#refuse('a valid Date', value) : new WrappedDate(ms)
  }

  /** Whether a container may be walked: not if it contains itself, lies too deep, or nothing more is looked at. */
  #enter(value: object, depth: number): boolean {
    for (let i = 1; i < depth; i++) {
      if (this.#ancestors[i] !== value) continue
      this.#refuse('a value that does not contain itself', value)
      return false
    }
    if (depth > MAX_NESTING) this.#findings.pass(NESTING_LIMIT)
    this.#ancestors[depth] = value
    return !this.#findings.stopped
  }

  #plainObject(object: PlainObject, depth: number): unknown {
    if (!this.#enter(object, depth)) return undefined
    const own = withoutInherited(object)
    for (const symbol of Object.getOwnPropertySymbols(own)) {
      this.#findings.refuse('a string as the name of a field', symbol, `[${String(symbol)}]`)
    }
    const before = this.fields
    const odd = this.#checkNames(own)
    if (this.fields - before > MAX_FIELDS) this.#findings.pass(FIELDS_LIMIT)
    if (!this.#take(this.fields - before)) return undefined
    return odd ? this.#oddObject(own, depth) : this.#fields(own, depth)
  }

  /** Counts the names and refuses those that are ill-formed; whether one is odd. */
  #checkNames(object: PlainObject): boolean {
    let odd = false
    for (const name in object) {
      this.fields++
      if (isOddName(name)) odd = true
      if (!isWellFormed(name)) this.#findings.refuse('a well-formed field name', name, fieldStep(name))
    }
    return odd
  }

  /** The object itself; or a copy if a field is absent or needs a stand-in. */
  #fields(object: PlainObject, depth: number): unknown {
    let copy: PlainObject | undefined
    let absent = false
    for (const name in object) {
      const value = object[name]
      if (value === undefined) {
        absent = true
        continue
      }
      const prepared = this.#field(name, value, depth)
      if (Object.is(prepared, value)) continue
      copy ??= { ...object }
      copy[name] = prepared
    }
    return absent ? withoutAbsent(copy ?? object) : (copy ?? object)
  }

  #field(name: string, value: unknown, depth: number): unknown {
    const known = this.#findings.count
    const prepared = this.#value(value, depth + 1)
    if (this.#findings.count > known) this.#findings.within(known, fieldStep(name))
    return prepared
  }

  /** An object with odd names, as names and values in turn. */
  #oddObject(object: PlainObject, depth: number): unknown {
    const items: unknown[] = []
    for (const name in object) {
      const value = object[name]
      if (value !== undefined) items.push(this.#text(name), this.#field(name, value, depth))
    }
    return new WrappedItems(ExtensionType.object, items)
  }

  #array(array: readonly unknown[], depth: number): unknown {
    if (!this.#enter(array, depth) || !this.#take(array.length)) return undefined
    let copy: unknown[] | undefined
    for (let i = 0; i < array.length; i++) {
      const known = this.#findings.count
      const value = array[i]
      const prepared = this.#value(value, depth + 1)
      if (this.#findings.count > known) this.#findings.within(known, `[${i}]`)
      if (Object.is(prepared, value)) continue
      copy ??= array.slice()
      copy[i] = prepared
    }
    return copy ?? array
  }

  #map(map: ReadonlyMap<unknown, unknown>, depth: number): unknown {
    if (!this.#enter(map, depth) || !this.#take(map.size * 2)) return undefined
    const items: unknown[] = []
    for (const [key, value] of map) {
      const known = this.#findings.count
      items.push(this.#value(key, depth + 1))
      if (this.#findings.count > known) this.#findings.within(known, `keys()[${items.length >> 1}]`)
      const sound = this.#findings.count
      items.push(this.#value(value, depth + 1))
      if (this.#findings.count > sound) this.#findings.within(sound, entryStep(key))
    }
    return new WrappedItems(ExtensionType.map, items)
  }

  #set(set: ReadonlySet<unknown>, depth: number): unknown {
    if (!this.#enter(set, depth) || !this.#take(set.size)) return undefined
    const items: unknown[] = []
    for (const member of set) {
      const known = this.#findings.count
      items.push(this.#value(member, depth + 1))
      if (this.#findings.count > known) this.#findings.within(known, `values()[${items.length - 1}]`)
    }
    return new WrappedItems(ExtensionType.set, items)
  }

  /** Counts bytes that the row takes at least; whether the walk goes on. */
  #take(bytes: number): boolean {
    this.#bytesLeft -= bytes
    if (this.#bytesLeft < 0) this.#findings.pass(ROW_LIMIT)
    return !this.#findings.stopped
  }

  #refuse(expected: string, value: unknown): undefined {
    this.#findings.refuse(expected, value)
    return undefined
  }
}

/** The object without what a program put on `Object.prototype`, which a loop over its fields would meet. */
function withoutInherited(object: PlainObject): PlainObject {
  for (const name in Object.prototype) {
    if (!Object.hasOwn(object, name)) return Object.assign(Object.create(null) as PlainObject, object)
  }
  return object
}

/** A copy without the fields that are `undefined`. */
function withoutAbsent(object: PlainObject): PlainObject {
  const copy: PlainObject = {}
  for (const name of Object.keys(object)) {
    const value = object[name]
    if (value !== undefined) copy[name] = value
  }
  return copy
}
