/**
 * What stands in a prepared row for values that the packer does not write by itself.
 *
 * One private class with one method: the packer knows only the class, so plain dates, maps and sets of other users of
 * the packer are packed as ever.
 */
import { DATE_BYTES, ExtensionType, writeDateMs, type ExtensionType as Type } from './value-extensions.js'
import { Token } from './value-tokens.js'

/** Takes room for `size` bytes in the packer's buffer. May be called once, before anything nested is packed. */
export type Allocate = (size: number) => { target: Uint8Array; targetView: DataView; position: number }

/** Packs a nested value. */
export type Pack = (value: unknown) => void

/** A value that writes itself. */
export abstract class Wrapped {
  abstract writeTo(allocate: Allocate, pack: Pack): void
}

class NegativeZero extends Wrapped {
  writeTo(allocate: Allocate): void {
    writePrefix(allocate, ExtensionType.negativeZero)
  }
}

/** Stands for -0. */
export const NEGATIVE_ZERO: Wrapped = new NegativeZero()

/** Stands for a valid date. */
export class WrappedDate extends Wrapped {
  readonly #ms: number

  constructor(ms: number) {
    super()
    this.#ms = ms
  }

  writeTo(allocate: Allocate): void {
    const { target, targetView, position } = allocate(2 + DATE_BYTES)
    target[position] = Token.fixext8
    target[position + 1] = ExtensionType.date
    writeDateMs(targetView, position + 2, this.#ms)
  }
}

/** Stands for a value of a payload type. */
export class WrappedPayload extends Wrapped {
  readonly #type: Type
  readonly #payload: Uint8Array

  constructor(type: Type, payload: Uint8Array) {
    super()
    this.#type = type
    this.#payload = payload
  }

  /** With the longest head whatever the length: these values are rare, and one head is enough. */
  writeTo(allocate: Allocate): void {
    const { target, targetView, position } = allocate(6 + this.#payload.length)
    target[position] = Token.ext32
    targetView.setUint32(position + 1, this.#payload.length)
    target[position + 5] = this.#type
    target.set(this.#payload, position + 6)
  }
}

/** Stands for a value of a prefix type, with its prepared content. */
export class WrappedItems extends Wrapped {
  readonly #type: Type
  readonly #items: readonly unknown[]

  constructor(type: Type, items: readonly unknown[]) {
    super()
    this.#type = type
    this.#items = items
  }

  writeTo(allocate: Allocate, pack: Pack): void {
    writePrefix(allocate, this.#type)
    pack(this.#items)
  }
}

function writePrefix(allocate: Allocate, type: Type): void {
  const { target, position } = allocate(3)
  target[position] = Token.fixext1
  target[position + 1] = type
  target[position + 2] = 0
}
