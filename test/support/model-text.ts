/**
 * Values and whole databases as text, so that two states are the same exactly if their texts are.
 */
import type { Database } from '../../src/database.js'
import type { Snapshot } from '../../src/snapshot.js'

/** A value as text: every type that a row can hold shows itself. The order of an object's fields does not. */
export function textOf(value: unknown): string {
  switch (typeof value) {
    case 'bigint':
      return `${value}n`
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'string':
      return JSON.stringify(value)
    case 'object':
      return value === null ? 'null' : textOfObject(value)
    default:
      return String(value)
  }
}

function textOfObject(value: object): string {
  if (value instanceof Date) return `Date(${value.getTime()})`
  if (value instanceof Uint8Array) return `bytes(${Buffer.from(value).toString('base64')})`
  if (Array.isArray(value)) return `[${value.map(textOf).join(',')}]`
  if (value instanceof Set) return `Set[${[...value].map(textOf).join(',')}]`
  if (value instanceof Map) return `Map[${[...value].map(textOf).join(',')}]`
  const fields = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${textOf(field)}`).join(',')}}`
}

/** Every row of every collection. Long texts stand for themselves by a digest. */
export function stateOf(db: Database | Snapshot): string {
  const parts = db.collectionNames().map((name) => {
    const rows = db.collection(name).range().toArray()
    return collectionText(name, rows.map(textOf))
  })
  return parts.join('\n')
}

/** One collection's part of a state; `rows` in any order. */
export function collectionText(name: string, rows: readonly string[]): string {
  return `${name}: ${rows.map(shortened).toSorted().join(' ')}`
}

function shortened(text: string): string {
  if (text.length <= 200) return text
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0
  return `${text.slice(0, 100)}...${text.length}#${hash >>> 0}`
}
