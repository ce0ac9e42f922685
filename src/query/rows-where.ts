/** All rows of a filter at once, for what goes on to change or to join them. */
import type { Row } from '../format/value.js'
import { Executor } from './executor.js'
import type { FilterNode } from './filter.js'
import type { Question } from './plan.js'
import { planQuery } from './planner.js'
import type { QuerySource } from './source.js'

/** With `needs`, only these fields of them. */
export function rowsWhere(
  { collection, rows }: QuerySource,
  filter: FilterNode,
  needs?: readonly (readonly string[])[],
): Row[] {
  const limit = Number.POSITIVE_INFINITY
  const question: Question = { filter, order: [], rows: limit, needs }
  const executor = new Executor(collection, rows, planQuery(collection, question), question)
  const window = { offset: 0, limit, after: undefined, afterKey: undefined }
  return [...executor.run(window)].filter((row) => row !== undefined)
}
