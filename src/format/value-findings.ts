/** What a walk over a row found wrong. Paths are completed on the way out, so that a sound row pays nothing for them. */
import { LimitError, ValidationError, type FieldIssue } from '../errors.js'
import { describe } from './describe.js'
import { issuesText } from './issues.js'
import { MAX_FIELDS, MAX_NESTING, MAX_ROW_BYTES } from './limits.js'

/** Most issues that one error lists; a walk that found so many stops. */
const MAX_ISSUES = 1000

/** A limit as errors name it. */
export interface Limit {
  readonly name: string
  readonly value: number
  readonly unit: string
}

export const ROW_LIMIT: Limit = { name: 'MAX_ROW_BYTES', value: MAX_ROW_BYTES, unit: 'bytes' }
export const NESTING_LIMIT: Limit = { name: 'MAX_NESTING', value: MAX_NESTING, unit: 'levels of nesting' }
export const FIELDS_LIMIT: Limit = { name: 'MAX_FIELDS', value: MAX_FIELDS, unit: 'fields in one object' }

/** The findings of one walk. */
export class Findings {
  #issues: FieldIssue[] = []
  #passed: Limit | undefined

  /** How many there are. A caller compares it before and after a nested value. */
  get count(): number {
    return this.#issues.length
  }

  /** All of them. */
  get issues(): readonly FieldIssue[] {
    return this.#issues
  }

  /** Whether to look no further: a limit was passed, or there are as many issues as an error lists. */
  get stopped(): boolean {
    return this.#passed !== undefined || this.#issues.length >= MAX_ISSUES
  }

  /** Notes a value that may not be stored, at `path` from where the walk is. */
  refuse(expected: string, value: unknown, path: string = ''): void {
    this.note({ path, expected, found: describe(value) })
  }

  /** Notes an issue, its path from where the walk is. */
  note(issue: FieldIssue): void {
    if (!this.stopped) this.#issues.push(issue)
  }

  /** Notes a limit that was passed. Only the first counts. */
  pass(limit: Limit): void {
    if (this.stopped) return
    this.#passed = limit
    this.#issues.push({ path: '', expected: `at most ${limit.value} ${limit.unit}`, found: 'more' })
  }

  /** Puts a step before the paths of all from number `first` on. */
  within(first: number, step: string): void {
    for (let i = first; i < this.#issues.length; i++) {
      const issue = this.#issues[i]
      if (issue !== undefined) this.#issues[i] = { ...issue, path: join(step, issue.path) }
    }
  }

  /** Throws what was found, if anything. */
  throwIfAny(): void {
    if (this.#passed !== undefined) throw limitError(this.#passed, this.#issues.at(-1)?.path ?? '')
    if (this.#issues.length === 0) return
    const list = issuesText(this.#issues, (path) => (path === '' ? 'it' : path))
    throw new ValidationError(`The row cannot be stored: ${list}.`, { issues: this.#issues })
  }
}

/** The error for a limit that a row passes at `field`; empty for the row itself. */
export function limitError({ name, value, unit }: Limit, field: string): LimitError {
  const place = field === '' ? 'The row' : `The row, at ${shorten(field)},`
  return new LimitError(`${place} has more than ${value} ${unit}; split it into several rows.`, {
    limit: name,
    expected: `at most ${value} ${unit}`,
    field,
  })
}

/** Longest path in a message; the details have it whole. */
const MESSAGE_PATH_UNITS = 100

function shorten(path: string): string {
  return path.length > MESSAGE_PATH_UNITS ? `${path.slice(0, MESSAGE_PATH_UNITS)}...` : path
}

function join(step: string, rest: string): string {
  return rest === '' || rest.startsWith('[') ? step + rest : `${step}.${rest}`
}

/** The step to a field: its name, or `["its name"]` unless that is a plain word. */
export function fieldStep(name: string): string {
  return ASCII_WORD.test(name) || PLAIN_WORD.test(name) ? name : `[${JSON.stringify(name)}]`
}

/** Of most fields. What matches the letters of all languages takes V8 hundreds of microseconds to make. */
const ASCII_WORD = /^[a-zA-Z_$][\w$-]*$/u
const PLAIN_WORD = /^[\p{L}_$][\p{L}\p{N}_$-]*$/u

/** The step to the value of a map's key. */
export function entryStep(key: unknown): string {
  switch (typeof key) {
    case 'string':
      return `get(${JSON.stringify(key)})`
    case 'number':
    case 'bigint':
    case 'boolean':
      return `get(${key})`
    default:
      return `get(${describe(key)})`
  }
}
