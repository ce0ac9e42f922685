/**
 * Chooses how a query finds its rows: the cheapest by the counts that the trees keep.
 */
import type { IndexState } from '../engine/state.js'
import type { Tree } from '../tree/index.js'
import { entryKeyStart } from '../catalog/index-key.js'
import { partsBound } from '../format/key-order.js'
import { type Access, bind, isSamePath, type Path } from './access.js'
import { NULL_POINT } from './bounds.js'
import { type Cover, coverOf, NO_FIELDS } from './cover.js'
import { defaultsIn } from './defaulted.js'
import type { FieldNode, FilterNode } from './filter.js'
import { givenBy } from './implication.js'
import type { OrderField } from './order.js'
import type { Plan, QueriedCollection, Question } from './plan.js'

/** What things cost, in readings of a row by primary key. */
const COST = {
  /** Finding the first key of a range. */
  range: 0.5,
  row: 1,
  /** A row by way of an index entry: the primary key is looked up. */
  rowByIndex: 1.6,
  /** A row built from its entry. */
  coveredRow: 0.4,
  sortedRow: 0.3,
  /** Remembering a row that may be found again. */
  remembered: 0.3,
} as const

/** How much of what is found a residual filter is taken to keep, where nothing is known. */
const KEPT_SHARE = 1 / 3

const NOTHING: readonly FieldNode[] = []

interface Candidate {
  readonly plan: Plan
  readonly cost: number
}

export function planQuery(collection: QueriedCollection, question: Question): Plan {
  const conjuncts = question.filter.kind === 'and' ? question.filter.of : [question.filter]
  const conditions = conjuncts.filter((node): node is FieldNode => node.kind === 'field')
  const needsBounds = question.order.length === 0 && question.needs === undefined
  const accesses = accessesOf(collection, conditions, needsBounds)
  const matches = Math.min(...accesses.map(({ entries }) => entries))
  const candidates = accesses
    .map((access) => single(collection, question, conjuncts, access, matches))
    .filter((candidate) => candidate !== undefined)
  for (const node of conjuncts) {
    const union =
      node.kind === 'or' ? uniting(collection, question, conditions, conjuncts, node.of) : undefined
    if (union !== undefined) candidates.push(union)
  }
  return cheapest(candidates)
}

function cheapest(candidates: readonly Candidate[]): Plan {
  let best = candidates[0]
  for (const candidate of candidates) if (best === undefined || candidate.cost < best.cost) best = candidate
  if (best === undefined) throw new TypeError('A query without an access path.')
  return best.plan
}

/**
 * Every tree that has all rows that fulfil the conditions, bound by them. The primary key comes first. With `needsBounds` an index of
 * all rows is left out where no condition bounds it.
 */
function accessesOf(
  collection: QueriedCollection,
  conditions: readonly FieldNode[],
  needsBounds: boolean,
): readonly Access[] {
  const { keys, tree, indexes } = collection
  const primary: Path = {
    name: 'primary',
    tree,
    on: keys.paths,
    kinds: keys.kinds,
    isIndex: false,
    multiKey: false,
    defaulted: [],
    given: NOTHING,
  }
  const accesses = [bind(primary, conditions)]
  for (const index of indexes) {
    if (needsBounds && index.tree.count >= tree.count && !isMet(index, conditions)) continue
    const path = indexPath(collection, index, conditions)
    if (path !== undefined) accesses.push(bind(path, conditions))
  }
  return accesses
}

/** Whether a condition is on its first part. */
function isMet({ definition }: IndexState, conditions: readonly FieldNode[]): boolean {
  const [first = []] = definition.on
  for (const { path } of conditions) if (isSamePath(path, first)) return true
  return false
}

function indexPath(
  collection: QueriedCollection,
  { definition, tree, rows }: IndexState,
  conditions: readonly FieldNode[],
): Path | undefined {
  const { name, on, kinds, where } = definition
  const given = where === undefined ? NOTHING : givenBy(where, conditions)
  if (given === undefined) return undefined
  const { parts, inParts, inWhere } = defaultsIn(collection.definition, definition)
  if (inWhere) return undefined
  const defaulted = inParts ? parts.map((isIn, i) => isIn && (i > 0 || hasNull(tree))) : parts
  return { name, tree, on, kinds, isIndex: true, multiKey: tree.count !== rows, defaulted, given }
}

function hasNull(tree: Tree): boolean {
  return tree.countRange({ from: NULL_POINT.low, to: NULL_POINT.high }) > 0
}

/** A plan by one access; undefined if it can be no better than all rows in the order of their keys. */
function single(
  collection: QueriedCollection,
  question: Question,
  conjuncts: readonly FilterNode[],
  access: Access,
  matches: number,
): Candidate | undefined {
  const { path } = access
  const served = servedOrder(collection, question.order, access)
  const isPartial = path.isIndex && path.tree.count < collection.tree.count
  const isOfUse = !path.isIndex || access.bounds.length > 0 || served !== undefined || isPartial
  if (!isOfUse && question.needs === undefined) return undefined
  const rest = conjuncts.filter((node) => node.kind !== 'field' || !access.answered.has(node))
  const residual = rest.length === 0 ? undefined : conjunction(rest)
  const isWhole = served !== undefined && served.depth === question.order.length
  const isGrouped = served !== undefined && !isWhole
  const isSorted = question.order.length > 0 && !isWhole
  const cover = coverFor(collection, question, rest, access, isSorted)
  if (!isOfUse && cover === undefined) return undefined
  const kept = residual === undefined ? 1 : keptShare(access, matches)
  const taken = Math.ceil(question.rows / kept)
  const group =
    isGrouped && taken < access.entries
      ? firstGroup(access, access.fixed + served.fields.length, served.reverse)
      : 0
  const examined = isSorted && !isGrouped ? access.entries : Math.min(access.entries, taken + group)
  const cost =
    access.ranges.length * COST.range +
    examined * (rowCost(path, cover) + (access.repeats ? COST.remembered : 0)) +
    (isSorted ? examined * kept * COST.sortedRow : 0)
  const plan: Plan = {
    accesses: [access],
    residual,
    cover,
    reverse: served?.reverse ?? false,
    keyOrder: isWhole ? served.fields : undefined,
    groupedBy: isGrouped ? served.depth : 0,
    entries: access.entries,
  }
  return { plan, cost }
}

function rowCost({ isIndex: byIndex }: Path, cover: Cover | undefined): number {
  if (cover !== undefined) return COST.coveredRow
  return byIndex ? COST.rowByIndex : COST.row
}

/** No access finds fewer entries than there are matches, so the best of the others bounds what is kept of this one's. */
function keptShare({ entries }: Access, matches: number): number {
  if (entries === 0) return 1
  return matches < entries ? Math.max(matches, 1) / entries : KEPT_SHARE
}

function conjunction(nodes: readonly FilterNode[]): FilterNode {
  const [only] = nodes
  return nodes.length === 1 && only !== undefined ? only : { kind: 'and', of: nodes }
}

function coverFor(
  { definition }: QueriedCollection,
  { needs, order }: Question,
  rest: readonly FilterNode[],
  { path }: Access,
  isSorted: boolean,
): Cover | undefined {
  if (needs === undefined) return undefined
  const sorted = isSorted ? order.map((field) => field.path) : []
  return coverOf(path, definition, distinctPaths([...needs, ...sorted, ...rest.flatMap(pathsOf)]))
}

function pathsOf(node: FilterNode): readonly (readonly string[])[] {
  return node.kind === 'field' ? [node.path] : node.of.flatMap(pathsOf)
}

function distinctPaths(paths: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return [...new Map(paths.map((path) => [path.join('.'), path])).values()]
}

/** How far the keys of an access spell out an order. */
interface ServedOrder {
  readonly reverse: boolean
  /** The fields that the keys spell out behind the parts that have one value each. */
  readonly fields: readonly OrderField[]
  /** How many fields of the order that comes to, those of one value among them. */
  readonly depth: number
}

/**
 * Behind the parts that have one value each, its fields must follow in order, all in one direction. A path where rows have several
 * entries, or null for a value, orders nothing.
 */
function servedOrder(
  { keys }: QueriedCollection,
  order: readonly OrderField[],
  { path, fixed }: Access,
): ServedOrder | undefined {
  if (order.length === 0 || path.multiKey || path.defaulted.includes(true)) return undefined
  const sequence = path.isIndex ? [...path.on, ...keys.paths] : path.on
  const known = path.on.slice(0, fixed)
  const isKnown = (field: OrderField): boolean => known.some((part) => isSamePath(part, field.path))
  const reverse = (order.find((field) => !isKnown(field)) ?? order.at(-1))?.descending ?? false
  const fields: OrderField[] = []
  let depth = 0
  for (const field of order) {
    if (!isKnown(field)) {
      const part = sequence[fixed + fields.length] ?? []
      if (field.descending !== reverse || !isSamePath(field.path, part)) break
      fields.push(field)
    }
    depth++
  }
  return fields.length === 0 && depth < order.length ? undefined : { reverse, fields, depth }
}

/** How many keys there are like the first one of a walk in as many of their first parts. */
function firstGroup({ path, ranges }: Access, parts: number, reverse: boolean): number {
  for (const range of reverse ? ranges.toReversed() : ranges) {
    const cursor = path.tree.cursorIn(range, { reverse })
    if (!cursor.next()) continue
    const from = cursor.key().subarray(0, entryKeyStart(cursor.key(), parts))
    return path.tree.countRange({ from, to: partsBound(from) })
  }
  return 0
}

/** A plan that unites the rows of each branch; undefined unless an index or the primary key bounds every one. */
function uniting(
  collection: QueriedCollection,
  question: Question,
  conditions: readonly FieldNode[],
  conjuncts: readonly FilterNode[],
  branches: readonly FilterNode[],
): Candidate | undefined {
  const accesses: Access[] = []
  let isExact = conjuncts.length === conditions.length + 1
  let cost = 0
  for (const branch of branches) {
    const own = branch.kind === 'and' ? branch.of : [branch]
    const all = [...conditions, ...own.filter((node): node is FieldNode => node.kind === 'field')]
    const access = leastOf(accessesOf(collection, all, true))
    if (access === undefined) return undefined
    isExact &&= own.every((node) => node.kind === 'field') && all.every((node) => access.answered.has(node))
    accesses.push(access)
    const { path, entries, ranges } = access
    cost += ranges.length * COST.range + entries * (rowCost(path, undefined) + COST.remembered)
  }
  const entries = accesses.reduce((sum, access) => sum + access.entries, 0)
  if (question.order.length > 0) cost += entries * COST.sortedRow
  else if (entries > question.rows) cost *= question.rows / entries
  const isCounted = isExact && question.order.length === 0 && question.needs?.length === 0
  const plan: Plan = {
    accesses,
    residual: isExact ? undefined : question.filter,
    cover: isCounted ? NO_FIELDS : undefined,
    reverse: false,
    keyOrder: undefined,
    groupedBy: 0,
    entries,
  }
  return { plan, cost }
}

/** The bound access of least cost; undefined if none is bound. */
function leastOf(accesses: readonly Access[]): Access | undefined {
  let best: Access | undefined
  for (const access of accesses) {
    if (access.bounds.length === 0) continue
    const isBetter = best === undefined || weight(access) < weight(best)
    if (isBetter) best = access
  }
  return best
}

function weight({ path, entries }: Access): number {
  return entries * rowCost(path, undefined)
}
