/**
 * Writes the rows of one collection that are flat: of a record structure that is known, with no value but scalars.
 *
 * It gives up on any other row, and on every row with something wrong: then the general way takes the row from its beginning.
 */
import type { CollectionDefinition } from '../catalog/definition.js'
import type { RowKeys } from '../catalog/row-key.js'
import {
  flatBytes,
  type FlatShape,
  flatValues,
  NOT_FLAT,
  OTHER_NAMES,
  writeFlat,
} from '../format/flat-row.js'
import type { KeyPart } from '../format/key.js'
import type { Row, RowCodec } from '../format/value.js'
import type { KeysOf } from './keys-of.js'
import { define } from './patch.js'
import type { RowCodecs } from './row-codecs.js'
import type { RowRules, RulesOf } from './row-rules.js'

/** After so many rows of a shape that were not flat, in a row, others of it are not tried any more for a while. */
const PATIENCE = 16
const REST_ROWS = 256

interface Shape extends FlatShape {
  /** Where the parts of the key are among the values; undefined if some are not. */
  readonly keyAt: readonly number[]
  /** Rows that were not flat since the last one that was, or those to be passed over if it is negative. */
  misses: number
}

export class RowWriter {
  readonly rules: RowRules
  readonly #keys: RowKeys
  readonly #codec: RowCodec
  /** By structure id; undefined where rows of a structure are not always flat. */
  readonly #shapes: (Shape | undefined)[] = []
  #last: Shape | undefined

  constructor(rules: RowRules, keys: RowKeys, codec: RowCodec) {
    this.rules = rules
    this.#keys = keys
    this.#codec = codec
  }

  /** The parts of the key of the row that was written last; undefined if they need a closer look. */
  keyParts(): readonly KeyPart[] | undefined {
    const parts: KeyPart[] = []
    for (const at of this.#last?.keyAt ?? []) {
      const part = flatValues[at]
      if (typeof part !== 'string' && typeof part !== 'number') return undefined
      parts.push(part)
    }
    return parts
  }

  /** Whether the values of the row that was written last are its own, whoever shares them. */
  get holdsNoObject(): boolean {
    const count = this.#last?.names.length ?? 0
    for (let i = 0; i < count; i++) {
      const value = flatValues[i]
      if (typeof value === 'object' && value !== null) return false
    }
    return true
  }

  /** The row that was written last, from the values that were written; undefined if it shares some with the caller. */
  rowWritten(): Row | undefined {
    if (!this.holdsNoObject) return undefined
    const names = this.#last?.names ?? []
    const row: Record<string, unknown> = {}
    for (let i = 0; i < names.length; i++) define(row, names[i] ?? '', flatValues[i])
    return row
  }

  /** The bytes of a row that `accept` gives back as it is; valid until the next one. Undefined if it has to go the general way. */
  write(row: Row): Uint8Array | undefined {
    let shape = this.#last
    let end = shape === undefined ? OTHER_NAMES : this.#try(row, shape)
    if (end === OTHER_NAMES) {
      shape = this.#shapeOf(row)
      if (shape === undefined) return undefined
      this.#last = shape
      end = this.#try(row, shape)
    }
    return end < 0 ? undefined : flatBytes.subarray(0, end)
  }

  #try(row: Row, shape: Shape): number {
    if (shape.misses < 0) {
      shape.misses++
      return NOT_FLAT
    }
    const end = writeFlat(row, shape)
    if (end === NOT_FLAT) shape.misses = shape.misses === PATIENCE ? -REST_ROWS : shape.misses + 1
    else shape.misses = 0
    return end
  }

  #shapeOf(row: object): Shape | undefined {
    this.#learn()
    const names = Object.keys(row)
    return this.#shapes.find(
      (shape) =>
        shape !== undefined &&
        shape.names.length === names.length &&
        shape.names.every((name, i) => name === names[i]),
    )
  }

  /** Takes in the structures that came up since. */
  #learn(): void {
    const { flatFields } = this.rules
    if (flatFields === undefined) return
    for (let id = this.#shapes.length; id < this.#codec.structureCount; id++) {
      const names = this.#codec.structure(id)
      const fields = flatFields(names)
      const keyAt = this.#keys.paths.map(([name, ...rest]) =>
        name === undefined || rest.length > 0 ? -1 : names.indexOf(name),
      )
      const sound = fields !== undefined && !keyAt.includes(-1)
      this.#shapes.push(sound ? { id, names: interned(names), fields, keyAt, misses: 0 } : undefined)
    }
  }
}

/** The same names as the strings that objects have them by, which compare at once. */
function interned(names: readonly string[]): readonly string[] {
  return names.map((name) => Object.keys({ [name]: true })[0] ?? name)
}

/** The writers of all collections. */
export class RowWriters {
  readonly #parts: { readonly rules: RulesOf; readonly keys: KeysOf; readonly codecs: RowCodecs }
  #writers = new WeakMap<RowRules, RowWriter>()
  #last: RowWriter | undefined

  constructor(parts: { readonly rules: RulesOf; readonly keys: KeysOf; readonly codecs: RowCodecs }) {
    this.#parts = parts
  }

  of(definition: CollectionDefinition): RowWriter {
    const { rules, keys, codecs } = this.#parts
    const ofRows = rules.of(definition)
    if (this.#last?.rules === ofRows) return this.#last
    let writer = this.#writers.get(ofRows)
    if (writer === undefined) {
      writer = new RowWriter(ofRows, keys.of(definition), codecs.of(definition.id))
      this.#writers.set(ofRows, writer)
    }
    this.#last = writer
    return writer
  }
}
