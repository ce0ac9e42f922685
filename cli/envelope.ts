/**
 * What `--json` prints and `--output` keeps: one object around the result of every command. `cli/schema.json` is its
 * schema, which the package ships.
 */
import type { Details } from './failure.js'
import { stringify } from './typed-json.js'

/** Rises when a program that reads the JSON would have to change. */
const SCHEMA_VERSION = 1

export interface Envelope {
  readonly version: string
  /** Empty if the arguments did not name one. */
  readonly command: string
  /** When the command began. */
  readonly time: Date
  /** Absolute path; undefined if the arguments did not name one. */
  readonly database: string | undefined
  /** Whether the exit code is 0. */
  readonly ok: boolean
  /** Present unless there is an error. */
  readonly result: unknown
  readonly error: { readonly code: string; readonly message: string; readonly details: Details } | undefined
}

/** The JSON, with values in the forms of typed-json.ts. */
export function envelopeText(envelope: Envelope): string {
  const { version, command, time, database, ok, result, error } = envelope
  const head = { schemaVersion: SCHEMA_VERSION, tool: 'varve', version, command, time: time.toISOString() }
  const body = error === undefined ? { result } : { error: pick(error) }
  return `${stringify({ ...head, database: database ?? null, ok, ...body }, 'pretty')}\n`
}

function pick({ code, message, details }: NonNullable<Envelope['error']>): object {
  return { code, message, details }
}
