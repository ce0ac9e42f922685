/** Types of what queries give. */
import type { Row } from '../format/value.js'
import type { Selected } from '../row-paths.js'
import type { Lookups } from './options.js'

/** A row found: the selected fields, or all, and what lookups added. */
export type Found<R, P extends string, L extends Lookups | undefined> = ([P] extends [never]
  ? R
  : Selected<R, P>) &
  (L extends Lookups ? { [K in keyof L]: LookedUp<L[K]> } : unknown)

/** With `to` all rows that are found; else the row of the key, or those of a list of keys. */
type LookedUp<O> = O extends { readonly to: string } ? Row[] : Row | Row[] | undefined
