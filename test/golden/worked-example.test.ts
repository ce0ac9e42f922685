/** The worked example of the format page is the golden file `tiny`, to the byte. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type ExampleLine, fieldsUnder, formatPage, workedExample } from '../support/format-page.js'
import { GOLDEN_FOLDER } from './golden-files.js'

const file = new Uint8Array(readFileSync(join(GOLDEN_FOLDER, 'tiny.varve')))
const page = formatPage()

/** Lines whose bytes are not those of the file. */
function wrongLines(lines: readonly ExampleLine[]): ExampleLine[] {
  return lines.filter(({ offset, bytes }) => bytes.some((byte, i) => byte !== file[offset + i]))
}

/** What is in the file, not zero, and in no line. */
function missingOffsets(lines: readonly ExampleLine[]): number[] {
  const rest = file.slice()
  for (const { offset, bytes } of lines) rest.fill(0, offset, offset + bytes.length)
  return Array.from(rest, (byte, offset) => (byte === 0 ? -1 : offset)).filter((offset) => offset >= 0)
}

describe('the worked example', () => {
  const lines = workedExample(page)

  it('shows the bytes of the golden file, and all of them', () => {
    expect(lines.length).toBeGreaterThan(100)
    expect(wrongLines(lines)).toEqual([])
    expect(missingOffsets(lines)).toEqual([])
    const log = lines.filter(({ offset }) => offset >= 12_288)
    expect(log.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBe(file.length - 12_288)
  })

  it('says of each number what its bytes are', () => {
    const fields = [
      '### Header block',
      '### Superblock',
      '### Frame header',
      '### Commit block',
      '## Records',
    ]
    const names = new Set(fields.flatMap((heading) => fieldsUnder(page, heading).map(({ field }) => field)))
    let numbers = 0
    for (const { offset, bytes, meaning } of lines) {
      const [, name = '', text] = /^(\w+): (\d+)/.exec(meaning) ?? []
      if (!names.has(name) || bytes.length > 8) continue
      const value = bytes.reduceRight((sum, byte) => sum * 256 + byte, 0)
      expect(value, `${name} at ${offset.toString(16)}`).toBe(Number(text))
      numbers += 1
    }
    expect(numbers).toBeGreaterThan(40)
  })

  it('names the fields where the tables have them', () => {
    const at = (heading: string, base: number): string[] =>
      fieldsUnder(page, heading).map(({ field, offset }) => `${field} at ${base + offset}`)
    const stated = new Set(lines.map(({ offset, meaning }) => `${meaning.split(':')[0]} at ${offset}`))
    const tables = [
      ...at('### Header block', 0),
      ...at('### Superblock', 4096),
      ...at('### Superblock', 8192),
      ...at('### Frame header', 12_288),
      ...at('### Commit block', 12_288 + 48),
      ...at('## Records', 12_288 + 120),
    ]
    expect(tables.filter((place) => !stated.has(place))).toEqual([])
  })

  it('would show a wrong byte, and a missing line', () => {
    const doctored = workedExample(page.replace(/^(00003004 {2})01/m, '$102'))
    expect(wrongLines(doctored)).toMatchObject([{ offset: 0x3004 }])
    expect(missingOffsets(lines.filter(({ offset }) => offset !== 0x3004))).toEqual([0x3004])
  })
})
