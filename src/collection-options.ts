/**
 * Options of a collection that is registered by its parts.
 */
import type { UnknownFields } from './catalog/field.js'
import type { IndexInput } from './catalog/index-definition.js'

/** Options of `registerCollection`. */
export interface CollectionOptions {
  /** All its secondary indexes, by name: others that it has are dropped. Default: they stay as they are. */
  readonly indexes?: Readonly<Record<string, IndexInput>> | undefined
  /** What to do with fields that are not declared: `refuse` the row, `strip` them from it, or `keep` them. Default `keep`. */
  readonly unknownFields?: UnknownFields | undefined
}
