/**
 * What is known about the keys of each collection, derived from its definition once.
 */
import type { CollectionDefinition } from '../catalog/definition.js'
import { RowKeys } from '../catalog/row-key.js'

export class KeysOf {
  readonly #keys = new WeakMap<CollectionDefinition, RowKeys>()
  /** What was asked for last. */
  #last: { readonly definition: CollectionDefinition; readonly keys: RowKeys } | undefined

  of(definition: CollectionDefinition): RowKeys {
    if (this.#last?.definition === definition) return this.#last.keys
    let keys = this.#keys.get(definition)
    if (keys === undefined) {
      keys = new RowKeys(definition)
      this.#keys.set(definition, keys)
    }
    this.#last = { definition, keys }
    return keys
  }
}
