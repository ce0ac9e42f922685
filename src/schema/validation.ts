/**
 * Running a validator of the Standard Schema interface on rows: its outcome in the terms of Varve.
 *
 * A row is stored by a synchronous call, so a validator that answers with a promise is refused.
 */
import { type FieldIssue, SchemaError, ValidationError } from '../errors.js'
import { describe } from '../format/describe.js'
import { issuesText } from '../format/issues.js'
import { fieldStep } from '../format/value-findings.js'
import { isPlainObject } from '../format/value-kinds.js'
import type { Row } from '../format/value.js'
import type { StandardIssue, StandardSchema } from './standard-schema.js'

/** A function that returns the row to store for one that is given, or throws `VARVE_VALIDATION`. */
export function validation(collection: string, { '~standard': standard }: StandardSchema): (row: Row) => Row {
  return (row) => {
    const result = standard.validate(row)
    if ('then' in result) {
      // Its answer does not matter any more, and neither does its failure.
      void Promise.resolve(result).catch(() => undefined)
      throw new SchemaError(
        `The validator of '${collection}' answers with a promise. Rows are stored synchronously: use one without asynchronous rules.`,
        { collection },
      )
    }
    if (result.issues !== undefined) throw refusal(collection, row, result.issues)
    const { value } = result
    if (isPlainObject(value)) return value
    throw new ValidationError(
      `The validator of '${collection}' made ${describe(value)} of the row, which is no row. Nothing was written.`,
      { collection, issues: [{ path: '', expected: 'a plain object', found: describe(value) }] },
    )
  }
}

function refusal(collection: string, row: Row, issues: readonly StandardIssue[]): ValidationError {
  const found = issues.map((issue) => fieldIssue(row, issue))
  const text = issuesText(found, (path) => (path === '' ? 'the row' : path))
  return new ValidationError(
    `The row does not fit the validator of collection '${collection}': ${text}. Nothing was written.`,
    { collection, issues: found },
  )
}

function fieldIssue(row: Row, { message, path = [] }: StandardIssue): FieldIssue {
  const steps = path.map((step) => (typeof step === 'object' ? step.key : step))
  let value: unknown = row
  for (const step of steps) value = isContainer(value) ? Reflect.get(value, step) : undefined
  return { path: pathText(steps), expected: message, found: describe(value) }
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function pathText(steps: readonly PropertyKey[]): string {
  let text = ''
  for (const step of steps) {
    const next = typeof step === 'number' ? `[${step}]` : fieldStep(String(step))
    text += text === '' || next.startsWith('[') ? next : `.${next}`
  }
  return text
}
