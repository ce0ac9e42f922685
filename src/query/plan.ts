/** Plans: how the rows of a query are found. */
import type { CollectionDefinition } from '../catalog/definition.js'
import type { RowKeys } from '../catalog/row-key.js'
import type { IndexState } from '../engine/state.js'
import type { Tree } from '../tree/index.js'
import type { Access } from './access.js'
import type { Cover } from './cover.js'
import type { FilterNode } from './filter.js'
import type { OrderField } from './order.js'

/** A collection as a query sees it: at one commit, or in one transaction. */
export interface QueriedCollection {
  readonly definition: CollectionDefinition
  readonly keys: RowKeys
  readonly tree: Tree
  readonly indexes: readonly IndexState[]
}

/** What a query asks for, as far as it decides how rows are found. */
export interface Question {
  readonly filter: FilterNode
  /** Total, or empty where any order will do. */
  readonly order: readonly OrderField[]
  /** Most rows that will be taken, those passed over at the start among them. */
  readonly rows: number
  /** The fields that are needed of a row besides those that are filtered and sorted by; undefined for all. */
  readonly needs: readonly (readonly string[])[] | undefined
}

export interface Plan {
  /** One, or several whose rows are united. Without any there are no rows. */
  readonly accesses: readonly Access[]
  /** What remains to be tested of each row; undefined if nothing does. */
  readonly residual: FilterNode | undefined
  /** How rows are built from keys; undefined if they are read. */
  readonly cover: Cover | undefined
  readonly reverse: boolean
  /** The fields of the order that the keys spell out behind their fixed parts; undefined if rows must be sorted. */
  readonly keyOrder: readonly OrderField[] | undefined
  /**
   * How many fields of the order, from its first on, the keys spell out where they do not spell out all: rows that are equal in
   * them come together, and are sorted. 0 if none.
   */
  readonly groupedBy: number
  /** How many keys will be looked at, at most. */
  readonly entries: number
}

/** Whether the rows come as asked without being sorted. */
export function isOrdered(plan: Plan, { order }: Question): boolean {
  return order.length === 0 || plan.keyOrder !== undefined
}

/** Whether a row may be found twice. */
export function repeatsRows({ accesses }: Plan): boolean {
  return accesses.length > 1 || accesses.some((access) => access.repeats)
}
