/**
 * Access paths: ways to come by rows through the primary key or an index, bound by the conditions that they can use.
 */
import { compareKeys, joinKeys, keyAfter, partsBound } from '../format/key-order.js'
import type { KeyPartKind } from '../format/key.js'
import type { KeyBounds, Span, Tree } from '../tree/index.js'
import { intersection, type PartRange, type PartRanges, rangesOf, withNull } from './bounds.js'
import type { FieldNode } from './filter.js'
import { isIndex } from './match.js'

/** A tree that rows can be reached by. */
export interface Path {
  /** `primary`, or the name of the index. */
  readonly name: string
  readonly tree: Tree
  /** Of its parts. */
  readonly on: readonly (readonly string[])[]
  readonly kinds: readonly KeyPartKind[]
  /** Whether its keys are index entries, which end in the primary key. */
  readonly isIndex: boolean
  /** Whether a row may have several entries. */
  readonly multiKey: boolean
  /** By part: whether null may stand there for a value that a default gives to readers. */
  readonly defaulted: readonly boolean[]
  /** Conditions that all rows in it fulfil, so that it serves only queries that ask for them. */
  readonly given: readonly FieldNode[]
}

/** Keys within bounds, and where the path's tree has them. */
export interface KeyRange extends KeyBounds, Span {}

/** A path, and which part of it is walked. */
export interface Access {
  readonly path: Path
  /** Disjoint, in order. */
  readonly ranges: readonly KeyRange[]
  /** What binds its first parts. */
  readonly bounds: readonly PartBound[]
  /** Conditions that hold for every row found, exactly. */
  readonly answered: ReadonlySet<FieldNode>
  /** How many of its first parts have one value each. */
  readonly fixed: number
  /** How many keys lie in the ranges. */
  readonly entries: number
  /** Whether a row may be found more than once. */
  readonly repeats: boolean
}

/** What a part of a path is bound by. */
export interface PartBound {
  readonly part: readonly string[]
  readonly ranges: readonly PartRange[]
}

/** Most ranges of one access; beyond, neighbours are taken together. */
const MAX_RANGES = 10_000

const NO_PREFIX = new Uint8Array(0)

/** Binds a path by conditions that all must hold. */
export function bind(path: Path, conditions: readonly FieldNode[]): Access {
  const { tree, on, kinds, multiKey } = path
  const answered = new Set(path.given)
  let prefixes: readonly Uint8Array[] = [NO_PREFIX]
  let keys: readonly KeyBounds[] | undefined
  const bounds: PartBound[] = []
  let fixed = 0
  let allPoints = true
  for (let i = 0; i < on.length; i++) {
    const part = on[i] ?? []
    const sharp = bindPart(path, prefixes, part, kinds[i] ?? 'any', conditions)
    if (sharp === undefined) break
    const bound = path.defaulted[i] === true ? { ranges: withNull(sharp.ranges), answers: [] } : sharp
    const { ranges: parts, answers } = limited(bound, prefixes.length)
    for (const node of answers) answered.add(node)
    bounds.push({ part, ranges: parts })
    keys = boundsOf(prefixes, parts)
    allPoints = parts.every(({ point }) => point)
    if (!allPoints) break
    if (fixed === i && parts.length === 1) fixed++
    if (i + 1 < on.length)
      prefixes = prefixes.flatMap((prefix) => parts.map(({ low }) => joinKeys(prefix, low)))
  }
  const ranges = keys === undefined ? [wholeOf(tree)] : keys.map((range) => counted(tree, range))
  const isWhole = allPoints && bounds.length === on.length && ranges.length === 1
  let entries = 0
  for (const { count } of ranges) entries += count
  const repeats = multiKey && !isWhole && ranges.length > 0
  return { path, ranges, bounds, answered, fixed, entries, repeats }
}

function boundsOf(prefixes: readonly Uint8Array[], parts: readonly PartRange[]): readonly KeyBounds[] {
  const bounds: KeyBounds[] = []
  for (const prefix of prefixes)
    for (const { low, high } of parts)
      bounds.push({ from: joinKeys(prefix, low), to: joinKeys(prefix, high) })
  return bounds
}

function wholeOf({ count }: Tree): KeyRange {
  return { rank: 0, count }
}

function counted(tree: Tree, { from, to }: KeyBounds): KeyRange {
  const { rank, count } = tree.spanOf({ from, to })
  return { from, to, rank, count }
}

interface BoundPart {
  readonly ranges: readonly PartRange[]
  readonly answers: readonly FieldNode[]
}

function bindPart(
  path: Path,
  prefixes: readonly Uint8Array[],
  part: readonly string[],
  kind: KeyPartKind,
  conditions: readonly FieldNode[],
): BoundPart | undefined {
  const found: { readonly node: FieldNode; readonly ranges: PartRanges }[] = []
  for (const node of conditions) {
    const ranges = isSamePath(node.path, part) ? rangesOf(node.test, kind) : undefined
    if (ranges !== undefined) found.push({ node, ranges })
  }
  if (found.length === 0 || part.some(isIndex)) return undefined
  if (path.multiKey) return best(path, prefixes, found)
  const ranges = found.map((one) => one.ranges).reduce(intersection)
  const answers = found.filter((one) => one.ranges.exact).map(({ node }) => node)
  return { ranges: ranges.ranges, answers }
}

/** Different elements of a list may fulfil different conditions, so only one of them can bound a walk: the one that finds least. */
function best(
  path: Path,
  prefixes: readonly Uint8Array[],
  found: readonly { readonly node: FieldNode; readonly ranges: PartRanges }[],
): BoundPart | undefined {
  const prefix = prefixes[0] ?? NO_PREFIX
  let chosen: BoundPart | undefined
  let least = Number.POSITIVE_INFINITY
  for (const { node, ranges } of found) {
    let entries = 0
    for (const { low, high } of ranges.ranges)
      entries += path.tree.countRange({ from: joinKeys(prefix, low), to: joinKeys(prefix, high) })
    if (entries >= least) continue
    least = entries
    // That an element lies outside says nothing of the others.
    const isExact = ranges.exact && node.test.op !== 'not'
    chosen = { ranges: ranges.ranges, answers: isExact ? [node] : [] }
  }
  return chosen
}

/** One range around all where there would be too many. It answers nothing. */
function limited(bound: BoundPart, prefixes: number): BoundPart {
  const first = bound.ranges[0]
  const last = bound.ranges.at(-1)
  if (bound.ranges.length * prefixes <= MAX_RANGES || first === undefined || last === undefined) return bound
  const around = {
    low: first.low,
    high: last.high,
    point: false,
    text: () => `${first.text()} to ${last.text()}`,
  }
  return { ranges: [around], answers: [] }
}

/** Most ranges of a part that are shown. */
const MOST_SHOWN = 5

/** A bound as people read it. */
export function boundText({ part, ranges }: PartBound): string {
  const name = part.join('.')
  if (ranges.length === 0) return `${name}: nothing`
  const shown = new Set(ranges.slice(0, MOST_SHOWN).map(({ text }) => text()))
  const more = ranges.length > MOST_SHOWN ? ` or ${ranges.length - MOST_SHOWN} more` : ''
  return `${name} ${[...shown].join(' or ')}${more}`
}

export function isSamePath(a: readonly string[], b: readonly string[]): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/**
 * The part of the ranges that lies behind a key, in the direction of the walk. With `inclusive` the key is the first parts of some, and
 * what begins with them is in it.
 */
export function rangesBeyond(
  { path, ranges }: Access,
  key: Uint8Array,
  reverse: boolean,
  inclusive: boolean,
): readonly KeyRange[] {
  const { tree } = path
  if (reverse) {
    const end = inclusive ? partsBound(key) : key
    return ranges.map(({ from, to }) =>
      counted(tree, { from, to: to === undefined || compareKeys(end, to) < 0 ? end : to }),
    )
  }
  const begin = inclusive ? key : keyAfter(key)
  return ranges.map(({ from, to }) =>
    counted(tree, { from: from === undefined || compareKeys(begin, from) > 0 ? begin : from, to }),
  )
}
