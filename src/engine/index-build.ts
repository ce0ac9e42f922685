/**
 * Adds the entries of rows that are there to indexes that are being built.
 *
 * A row is read once for all indexes that are as far. Entries are sorted before they enter a tree, so that neighbours go into the same nodes:
 * what is built at once, by a replay or in a transaction, costs a fraction of what it would in the order of the rows.
 */
import type { IndexDefinition } from '../catalog/index-definition.js'
import { compareKeys, keyAfter } from '../format/key-order.js'
import type { Row } from '../format/value.js'
import type { RecordRef, Tree } from '../tree/index.js'
import type { WorkingIndex } from './working-index.js'

/** Rows whose entries are held and sorted. */
const ROWS_AT_ONCE = 4096

/** Indexes that are to get the entries of the rows behind `from`, up to `to` or the last. */
export interface IndexBuild {
  readonly indexes: WorkingIndex[]
  readonly from: Uint8Array
  readonly to: Uint8Array | undefined
}

/** What an index that is built from one key to another is added to, so that each row is read once. */
export function addToBuilds(builds: IndexBuild[], index: WorkingIndex, from: Uint8Array): void {
  const to = index.definition.builtTo
  const same = builds.find((build) => isSame(build.from, from) && isSame(build.to, to))
  if (same === undefined) builds.push({ indexes: [index], from, to })
  else same.indexes.push(index)
}

/**
 * The definitions after the next step of their build; undefined if there is nothing to build. `endOf` says up to which key a step from another
 * one goes: undefined for the last row.
 *
 * The step is that of the first index and those that are as far; with `alone`, of the first one that has more than one step to go. The last
 * step is taken by all together, so that they are whole, or refused, with one commit.
 */
export function afterStep(
  indexes: readonly IndexDefinition[],
  endOf: (from: Uint8Array) => Uint8Array | undefined,
  alone: boolean,
): readonly IndexDefinition[] | undefined {
  const steps = indexes.flatMap(({ id, builtTo }) =>
    builtTo === undefined ? [] : [{ id, from: builtTo, to: endOf(builtTo) }],
  )
  const [first] = steps
  if (first === undefined) return undefined
  const single = alone ? steps.find(({ to }) => to !== undefined) : undefined
  const isTaken = ({ id, from }: (typeof steps)[number]): boolean => {
    if (single !== undefined) return id === single.id
    return alone || compareKeys(from, first.from) === 0
  }
  const taken = new Map(steps.filter(isTaken).map(({ id, to }) => [id, to]))
  return indexes.map((index): IndexDefinition => {
    if (!taken.has(index.id)) return index
    const { builtTo: _, ...whole } = index
    const builtTo = taken.get(index.id)
    return builtTo === undefined ? whole : { ...whole, builtTo }
  })
}

/** `read` gives a row of `rows`, or undefined for one to be left out; `refuse` throws where an entry may not be added to an index. */
export function runBuild(
  { indexes, from, to }: IndexBuild,
  rows: Tree,
  read: (ref: RecordRef, key: Uint8Array) => Row | undefined,
  refuse: (index: WorkingIndex, entry: Uint8Array) => void,
): void {
  const held = indexes.map((index) => ({ index, entries: new Array<Uint8Array>(), rows: 0 }))
  const flush = (): void => {
    for (const one of held) {
      one.index.addAll(one.entries.sort(compareKeys), one.rows, refuse)
      one.entries = []
      one.rows = 0
    }
  }
  const bounds = { from: keyAfter(from), to: to === undefined ? undefined : keyAfter(to) }
  const cursor = rows.cursor(bounds)
  for (let count = 1; cursor.next(); count++) {
    const key = cursor.key()
    const row = read(cursor.ref, key)
    if (row !== undefined)
      for (const one of held) {
        const entries = one.index.keys.entriesOf(row, key)
        for (const entry of entries) one.entries.push(entry)
        one.rows += Math.sign(entries.length)
      }
    if (count % ROWS_AT_ONCE === 0) flush()
  }
  flush()
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : compareKeys(a, b) === 0
}
