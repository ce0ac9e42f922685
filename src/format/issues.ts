/** Failing fields as text, for the message of an error that lists them all in its details. */
import type { FieldIssue } from '../errors.js'

/** How many issues a message names. */
const NAMED = 5

/** `author.born should be ... but is ...; tags[3] ...; and 2 more`. */
export function issuesText(issues: readonly FieldIssue[], subject: (path: string) => string): string {
  const named = issues.slice(0, NAMED).map(({ path, expected, found }) => {
    return `${subject(path)} should be ${expected} but is ${found}`
  })
  const rest = issues.length - named.length
  return rest > 0 ? `${named.join('; ')}; and ${rest} more` : named.join('; ')
}
