/**
 * The JSON of the program, held against the schema that the package ships.
 */
import { Ajv2020, type AnySchemaObject } from 'ajv/dist/2020.js'
import { expect } from 'vitest'
import { repositoryFile } from './run.js'

export interface Envelope {
  readonly schemaVersion: number
  readonly tool: string
  readonly version: string
  readonly command: string
  readonly time: string
  readonly database: string | null
  readonly ok: boolean
  readonly result?: Readonly<Record<string, unknown>>
  readonly error?: {
    readonly code: string
    readonly message: string
    readonly details: Readonly<Record<string, unknown>>
  }
}

const schema = JSON.parse(repositoryFile('dist/schema.json')) as AnySchemaObject
const ajv = new Ajv2020({
  strict: true,
  strictRequired: false,
  allErrors: true,
  formats: { 'date-time': isDateTime },
})
const validate = ajv.compile(closed(schema))

/** The envelope that `text` is. Fails if the schema does not allow it, or does not know a member of it. */
export function envelopeOf(text: string): Envelope {
  const value: unknown = JSON.parse(text)
  const errors = validate(value) ? [] : (validate.errors ?? [])
  const texts = errors.map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  )
  expect(texts).toEqual([])
  return value as Envelope
}

function isDateTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/u.test(text) && !Number.isNaN(Date.parse(text))
}

/** The schema with every object closed: readers must bear new members, but ours are to be listed. */
function closed(node: unknown): AnySchemaObject {
  const close = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(close)
    if (typeof value !== 'object' || value === null) return value
    const entries = Object.entries(value).map(([name, member]) => [name, close(member)])
    const copy = Object.fromEntries(entries) as Record<string, unknown>
    const isObject = copy['type'] === 'object' && 'properties' in copy && !('additionalProperties' in copy)
    return isObject ? { ...copy, additionalProperties: false } : copy
  }
  return close(node) as AnySchemaObject
}
