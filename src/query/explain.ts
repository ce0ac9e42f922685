/** Plans as users read them: a structure, and a tree of text. */
import { type Access, boundText } from './access.js'
import type { FilterNode, Test } from './filter.js'
import { isOrdered, type Plan, type Question } from './plan.js'
import { valueText } from './value-text.js'

/** How rows are come by through one tree. */
export interface AccessPlan {
  /** `primary`, or the name of the index. */
  readonly index: string
  /** What bounds the walk, by part of the key; empty for all of the tree. */
  readonly bounds: readonly string[]
  /** How many ranges of keys are walked. */
  readonly ranges: number
  readonly direction: 'forward' | 'backward'
  /** Keys in the ranges, counted by the tree: exact. */
  readonly keys: number
  /** Whether a row may have several entries: it indexes lists. */
  readonly multiKey: boolean
}

/** What an execution took. */
export interface Analysis {
  /** Keys walked over. */
  readonly examined: number
  /** Rows read and decoded. */
  readonly read: number
  /** Rows given. */
  readonly returned: number
  /** Milliseconds from begin to end. */
  readonly ms: number
}

/** How a query is carried out. `String(plan)` is a tree for people. */
export class QueryPlan {
  readonly collection: string
  /** One of: all rows by primary key, a part of them, an index, or several of these united. */
  readonly kind: 'scan' | 'primary' | 'index' | 'union'
  readonly access: readonly AccessPlan[]
  /** Rows expected to be found before `filter`: for one access the exact count of its keys. */
  readonly estimatedRows: number
  /** What is tested on each row found; undefined if the keys answer all. */
  readonly filter: string | undefined
  /** `none`: any order will do, `index`: the keys are in order, `groups`: rows of equal keys are sorted, `top`: the first are kept, `all`: all rows are sorted. */
  readonly sort: 'none' | 'index' | 'groups' | 'top' | 'all'
  /** Whether rows are built from keys, and not read. */
  readonly covered: boolean
  readonly limit: number | undefined
  readonly offset: number
  /** With `analyze`: what it took. */
  readonly analysis: Analysis | undefined

  /** Made by `Query.explain`. */
  constructor(parts: Omit<QueryPlan, 'toString'>) {
    this.collection = parts.collection
    this.kind = parts.kind
    this.access = parts.access
    this.estimatedRows = parts.estimatedRows
    this.filter = parts.filter
    this.sort = parts.sort
    this.covered = parts.covered
    this.limit = parts.limit
    this.offset = parts.offset
    this.analysis = parts.analysis
  }

  toString(): string {
    const lines = [`find in ${this.collection}`]
    const add = (depth: number, text: string): unknown => lines.push(`${'   '.repeat(depth)}└─ ${text}`)
    let depth = 0
    if (this.limit !== undefined || this.offset > 0)
      add(depth++, `limit ${this.limit ?? 'none'}${this.offset > 0 ? `, offset ${this.offset}` : ''}`)
    const sort = SORT_TEXTS[this.sort]
    if (sort !== undefined) add(depth++, sort)
    if (this.filter !== undefined) add(depth++, `filter ${this.filter}`)
    if (this.covered) add(depth++, 'rows from keys')
    if (this.kind === 'union') add(depth++, 'union, each row once')
    for (const access of this.access) add(depth, accessText(access))
    if (this.analysis !== undefined) {
      const { examined, read, returned, ms } = this.analysis
      lines.push(
        `keys examined ${examined}, rows read ${read}, rows returned ${returned}, ${ms.toFixed(2)} ms`,
      )
    }
    return lines.join('\n')
  }
}

function accessText({ index, bounds, direction, keys, multiKey }: AccessPlan): string {
  const name = index === 'primary' ? 'primary key' : `index ${index}`
  const where = bounds.length === 0 ? 'all' : bounds.join(', ')
  const notes = [direction === 'backward' ? 'backward' : '', multiKey ? 'multi-key' : ''].filter(Boolean)
  return `${name}: ${where} (${[...notes, `${keys} keys`].join(', ')})`
}

/** The plan of a query, without what it took. */
export function describePlan(
  collection: string,
  plan: Plan,
  question: Question,
  window: { readonly limit: number | undefined; readonly offset: number },
): Omit<QueryPlan, 'toString'> {
  return {
    collection,
    kind: kindOf(plan),
    access: plan.accesses.map((access) => accessPlan(access, plan.reverse)),
    estimatedRows: plan.entries,
    filter: plan.residual === undefined ? undefined : filterText(plan.residual),
    sort: sortOf(plan, question),
    covered: plan.cover !== undefined,
    ...window,
    analysis: undefined,
  }
}

/** Steps of their own; what is in order already is none. */
const SORT_TEXTS: Readonly<Record<QueryPlan['sort'], string | undefined>> = {
  none: undefined,
  index: undefined,
  groups: 'sort within equal keys',
  top: 'sort, keeping the first',
  all: 'sort all',
}

function sortOf(plan: Plan, question: Question): QueryPlan['sort'] {
  if (question.order.length === 0) return 'none'
  if (isOrdered(plan, question)) return 'index'
  if (plan.groupedBy > 0) return 'groups'
  return question.rows === Number.POSITIVE_INFINITY ? 'all' : 'top'
}

function kindOf({ accesses }: Plan): QueryPlan['kind'] {
  const [first] = accesses
  if (accesses.length !== 1 || first === undefined) return 'union'
  if (first.path.isIndex) return 'index'
  return first.bounds.length === 0 ? 'scan' : 'primary'
}

function accessPlan({ path, bounds, ranges, entries }: Access, reverse: boolean): AccessPlan {
  return {
    index: path.name,
    bounds: bounds.map(boundText),
    ranges: ranges.length,
    direction: reverse ? 'backward' : 'forward',
    keys: entries,
    multiKey: path.multiKey,
  }
}

/** A filter in words. */
function filterText(node: FilterNode): string {
  if (node.kind === 'field') return `${node.path.join('.')} ${testText(node.test)}`
  const parts = node.of.map((part) => (part.kind === 'field' ? filterText(part) : `(${filterText(part)})`))
  if (node.kind === 'and') return parts.length === 0 ? 'anything' : parts.join(' and ')
  return node.kind === 'or' ? parts.join(' or ') : `none of (${parts.join(', ')})`
}

function testText(test: Test): string {
  switch (test.op) {
    case 'eq':
      return `= ${valueText(test.value)}`
    case 'gt':
      return `> ${valueText(test.value)}`
    case 'gte':
      return `>= ${valueText(test.value)}`
    case 'lt':
      return `< ${valueText(test.value)}`
    case 'lte':
      return `<= ${valueText(test.value)}`
    case 'in':
      return [`in ${valueText(test.values)}`, ...test.patterns.map(({ source }) => `matches ${source}`)].join(
        ' or ',
      )
    case 'exists':
      return test.wanted ? 'exists' : 'is missing'
    case 'not':
      return `not (${test.tests.map(testText).join(' and ')})`
    case 'elements':
      return `has an element ${test.tests.map(testText).join(' and ')}`
    case 'rows':
      return `has an element with (${filterText(test.filter)})`
    case 'size':
      return `has ${test.size} elements`
    case 'type':
      return `is ${test.types.join(' or ')}`
    case 'regex':
      return `matches ${test.pattern.source}`
    case 'startsWith':
      return `starts with ${valueText(test.prefix)}`
  }
}
