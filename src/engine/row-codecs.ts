/**
 * The row codecs of a database, one a collection, shared by everything that reads or writes its rows.
 *
 * A codec's record structures only grow, and ids are never renumbered: what is encoded with one can be decoded for as
 * long as the log holds the structure. Which of them the log holds is part of the collection's state, so it falls back
 * with a rolled-back transaction, and the next commit logs what is missing.
 */
import { CATALOG_ID } from '../catalog/entry.js'
import type { RowTools } from '../format/flat-reader.js'
import { RowCodec } from '../format/value.js'

export class RowCodecs {
  readonly #codecs = new Map<number, RowCodec>()
  readonly #tools: RowTools | undefined

  /** `tools` make reading of many rows faster. */
  constructor(tools?: RowTools) {
    this.#tools = tools
  }

  of(collectionId: number): RowCodec {
    let codec = this.#codecs.get(collectionId)
    if (codec === undefined) {
      codec = new RowCodec({ structures: collectionId !== CATALOG_ID, tools: this.#tools })
      this.#codecs.set(collectionId, codec)
    }
    return codec
  }

  /** Takes in a record structure that the log states; false if it contradicts what is known. */
  learn(collectionId: number, structureId: number, fields: readonly string[]): boolean {
    const codec = this.of(collectionId)
    if (structureId >= codec.structureCount) return codec.define(structureId, fields) === undefined
    const known = codec.structure(structureId)
    return fields.length === known.length && fields.every((name, i) => name === known[i])
  }
}
