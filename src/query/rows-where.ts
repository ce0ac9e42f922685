/** All rows of a filter at once, for what goes on to change or to join them. */
import type { Row } from '../format/value.js'
import { PAUSE, type Task } from '../storage/task.js'
import { ALL_ROWS, Executor } from './executor.js'
import type { FilterNode } from './filter.js'
import type { Question } from './plan.js'
import { planQuery } from './planner.js'
import type { RowStream } from './row-stream.js'
import type { QuerySource } from './source.js'

/** With `needs`, only these fields of them. */
function streamWhere(
  { collection, rows }: QuerySource,
  filter: FilterNode,
  needs?: readonly (readonly string[])[],
): RowStream {
  const question = allOf(filter, needs)
  return new Executor(collection, rows, planQuery(collection, question), question).run(ALL_ROWS)
}

function allOf(filter: FilterNode, needs: Question['needs']): Question {
  return { filter, order: [], rows: Number.POSITIVE_INFINITY, needs }
}

/** How many keys are looked at to find the rows of a filter. */
export function keysToLookAt({ collection }: QuerySource, filter: FilterNode): number {
  return planQuery(collection, allOf(filter, collection.keys.paths)).entries
}

export function rowsWhere(source: QuerySource, filter: FilterNode): Row[] {
  const found: Row[] = []
  const rows = streamWhere(source, filter)
  while (rows.next()) if (rows.row !== undefined) found.push(rows.row)
  return found
}

/** What `add` makes of each row of a filter, of which it needs some fields. It is done as long as the source may be read. */
export function* eachWhere(
  source: QuerySource,
  filter: FilterNode,
  needs: readonly (readonly string[])[],
  add: (row: Row) => void,
): Task<void> {
  for (const rows = streamWhere(source, filter, needs); rows.next();) {
    source.check()
    if (rows.row !== undefined) add(rows.row)
    yield PAUSE
  }
}
