/**
 * What is known about the keys of each collection, derived from its definition once.
 */
import type { CollectionDefinition } from '../catalog/definition.js'
import { RowKeys } from '../catalog/row-key.js'

export class KeysOf {
  readonly #keys = new WeakMap<CollectionDefinition, RowKeys>()

  of(definition: CollectionDefinition): RowKeys {
    let keys = this.#keys.get(definition)
    if (keys === undefined) {
      keys = new RowKeys(definition)
      this.#keys.set(definition, keys)
    }
    return keys
  }
}
