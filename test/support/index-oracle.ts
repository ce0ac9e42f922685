/**
 * What a secondary index must hold, worked out plainly from all rows of a collection: written without the engine's own code for
 * it, but for the encoding of keys.
 */
import { encodeKey, type KeyPart, type KeyPartKind } from '../../src/format/key.js'

export interface OracleIndex {
  readonly on: readonly (readonly string[])[]
  readonly kinds: readonly KeyPartKind[]
  /** Whether a row is held. */
  readonly holds: (row: Readonly<Record<string, unknown>>) => boolean
}

export interface OracleRow {
  readonly key: Uint8Array
  readonly row: Readonly<Record<string, unknown>>
}

/** All entries in hexadecimal, sorted, and how many rows have some. */
export function entriesOf(
  index: OracleIndex,
  rows: readonly OracleRow[],
): { entries: string[]; rows: number } {
  const entries = new Set<string>()
  let held = 0
  for (const { key, row } of rows) {
    if (!index.holds(row)) continue
    held++
    const columns = index.on.map((path, i) =>
      cells(row, path).map((cell) => hexOf(cell, index.kinds[i] ?? 'any')),
    )
    let texts = ['']
    for (const column of columns) {
      texts = texts.flatMap((text) =>
        column.length === 0 ? [`${text}05`] : column.map((cell) => text + cell),
      )
    }
    for (const text of texts) entries.add(text + Buffer.from(key).toString('hex'))
  }
  return { entries: [...entries].sort(), rows: held }
}

/** The values that a path leads to; lists stand for their elements. */
function cells(value: unknown, path: readonly string[]): unknown[] {
  const [name, ...rest] = path
  if (name === undefined) return Array.isArray(value) ? (value as unknown[]) : [value]
  if (Array.isArray(value))
    return (value as unknown[]).filter(isObject).flatMap((element) => cells(element, path))
  if (!isObject(value) || !Object.hasOwn(value, name)) return [undefined]
  return cells(value[name], rest)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

function hexOf(value: unknown, kind: KeyPartKind): string {
  if (value === undefined || value === null) return '05'
  const isOrdered = typeof value !== 'object' || value instanceof Date || value instanceof Uint8Array
  if (!isOrdered) return '70'
  return Buffer.from(encodeKey([value as KeyPart], [kind], 'index')).toString('hex')
}
