/** Each invariant of `docs/invariants.md` is cited where the code keeps it, and in the title of at least one test. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const repository = join(import.meta.dirname, '../..')
const textOf = (folder: string, ending: string): string =>
  readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => readFileSync(join(repository, folder, name), 'utf8'))
    .join('\n')

const page = readFileSync(join(repository, 'docs/invariants.md'), 'utf8')
const numbers = Array.from(page.matchAll(/^\| (?<number>I\d+) /gmu), ({ groups }) => groups?.['number'] ?? '')
const code = textOf('src', '.ts')
const tests = textOf('test', '.test.ts')
const titles = Array.from(
  tests.matchAll(
    /\b(?:it|describe|test)(?:\.\w+)*(?:\([^'"`]*\))?\(\s*(?<quote>['"`])(?<title>.*?)\k<quote>/gsu,
  ),
  ({ groups }) => groups?.['title'] ?? '',
).join('\n')
const cites = (text: string, number: string): boolean => new RegExp(`\\b${number}\\b`, 'u').test(text)

describe('invariants', () => {
  it('are numbered without a gap', () => {
    expect(numbers).toEqual(Array.from(numbers, (_, i) => `I${i + 1}`))
    expect(numbers.length).toBeGreaterThan(10)
  })

  it.each(numbers)('%s is cited in the code and in the title of a test', (number) => {
    expect({ code: cites(code, number), title: cites(titles, number) }).toEqual({ code: true, title: true })
  })

  it('an invariant that is cited nowhere is noticed', () => {
    expect(cites(code, 'I999') || cites(titles, 'I999')).toBe(false)
  })
})
