/**
 * Access paths: ways to come by rows through the primary key or an index, bound by the conditions that they can use.
 */
import { compareKeys, joinKeys, keyAfter, partsBound } from '../format/key-order.js'
import type { KeyPartKind } from '../format/key.js'
import type { KeyBounds, Tree } from '../tree/index.js'
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

/** A path, and which part of it is walked. */
export interface Access {
  readonly path: Path
  /** Disjoint, in order. */
  readonly ranges: readonly KeyBounds[]
  /** Bounds by part, as people read them. */
  readonly bounds: readonly string[]
  /** Conditions that hold for every row found, exactly. */
  readonly answered: ReadonlySet<FieldNode>
  /** How many of its first parts have one value each. */
  readonly fixed: number
  /** How many keys lie in the ranges. */
  readonly entries: number
  /** Whether a row may be found more than once. */
  readonly repeats: boolean
}

/** Most ranges of one access; beyond, neighbours are taken together. */
const MAX_RANGES = 10_000

/** Binds a path by conditions that all must hold. */
export function bind(path: Path, conditions: readonly FieldNode[]): Access {
  const answered = new Set(path.given)
  let prefixes: readonly Uint8Array[] = [new Uint8Array(0)]
  let ranges: readonly KeyBounds[] = [{}]
  const bounds: string[] = []
  let fixed = 0
  let allPoints = true
  for (const [i, part] of path.on.entries()) {
    const sharp = bindPart(path, prefixes, part, path.kinds[i] ?? 'any', conditions)
    if (sharp === undefined) break
    const bound = path.defaulted[i] === true ? { ranges: withNull(sharp.ranges), answers: [] } : sharp
    const { ranges: parts, answers } = limited(bound, prefixes.length)
    for (const node of answers) answered.add(node)
    bounds.push(boundText(part, parts))
    ranges = prefixes.flatMap((prefix) =>
      parts.map(({ low, high }) => ({ from: joinKeys(prefix, low), to: joinKeys(prefix, high) })),
    )
    allPoints = parts.every(({ point }) => point)
    if (!allPoints) break
    if (fixed === i && parts.length === 1) fixed++
    prefixes = prefixes.flatMap((prefix) => parts.map(({ low }) => joinKeys(prefix, low)))
  }
  const isWhole = allPoints && bounds.length === path.on.length && ranges.length === 1
  return {
    path,
    ranges,
    bounds,
    answered,
    fixed,
    entries: ranges.reduce((sum, range) => sum + path.tree.countRange(range), 0),
    repeats: path.multiKey && !isWhole && ranges.length > 0,
  }
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
  if (part.some(isIndex)) return undefined
  const found = conditions.flatMap((node) => {
    const ranges = isSamePath(node.path, part) ? rangesOf(node.test, kind) : undefined
    return ranges === undefined ? [] : [{ node, ranges }]
  })
  if (found.length === 0) return undefined
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
  const prefix = prefixes[0] ?? new Uint8Array(0)
  let chosen: BoundPart | undefined
  let least = Number.POSITIVE_INFINITY
  for (const { node, ranges } of found) {
    let entries = 0
    for (const { low, high } of ranges.ranges)
      entries += path.tree.countRange({ from: joinKeys(prefix, low), to: joinKeys(prefix, high) })
    if (entries >= least) continue
    least = entries
    chosen = { ranges: ranges.ranges, answers: ranges.exact ? [node] : [] }
  }
  return chosen
}

/** One range around all where there would be too many. It answers nothing. */
function limited(bound: BoundPart, prefixes: number): BoundPart {
  const first = bound.ranges[0]
  const last = bound.ranges.at(-1)
  if (bound.ranges.length * prefixes <= MAX_RANGES || first === undefined || last === undefined) return bound
  const around = { low: first.low, high: last.high, point: false, text: `${first.text} to ${last.text}` }
  return { ranges: [around], answers: [] }
}

function boundText(part: readonly string[], ranges: readonly PartRange[]): string {
  const name = part.join('.')
  if (ranges.length === 0) return `${name}: nothing`
  const shown = ranges.slice(0, 5).map(({ text }) => text)
  const more = ranges.length > shown.length ? ` or ${ranges.length - shown.length} more` : ''
  return `${name} ${shown.join(' or ')}${more}`
}

export function isSamePath(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i])
}

/**
 * The part of the ranges that lies behind a key, in the direction of the walk. With `inclusive` the key is the first parts of some, and
 * what begins with them is in it.
 */
export function rangesBeyond(
  ranges: readonly KeyBounds[],
  key: Uint8Array,
  reverse: boolean,
  inclusive: boolean,
): readonly KeyBounds[] {
  if (reverse) {
    const end = inclusive ? partsBound(key) : key
    return ranges.map(({ from, to }) => ({
      from,
      to: to === undefined || compareKeys(end, to) < 0 ? end : to,
    }))
  }
  const begin = inclusive ? key : keyAfter(key)
  return ranges.map(({ from, to }) => ({
    from: from === undefined || compareKeys(begin, from) > 0 ? begin : from,
    to,
  }))
}
