/** Safe patterns: they say what the language's own say, and never take longer than text times pattern. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { safePattern } from '../../../src/catalog/safe-pattern.js'
import { count, seed } from '../../support/counts.js'

const SAMPLES: readonly (readonly [source: string, flags: string])[] = [
  ['abc', ''],
  ['^a.c$', 's'],
  ['^(?:ab|cd)+$', ''],
  ['^(?<word>\\w+)\\s\\d{2,3}$', ''],
  ['[^\\]a-c]', 'i'],
  ['\\bfoo\\B', ''],
  ['^$', 'm'],
  ['\\p{Lu}\\P{L}', ''],
  ['\\u{1f600}|\\ud83d\\ude01|\\x41|\\cA', ''],
  ['a{0}b{2}c{1,}?', ''],
  ['()*x', ''],
  ['k|\\w', 'i'],
  ['a/b', ''],
]
const TEXTS = [
  '',
  'abc',
  'a\nc',
  'abcdab',
  'word 12',
  ']',
  'foobar foo',
  'x\n\ny',
  'Ä1',
  '😀',
  '😁',
  '\u0001',
  'bbcc',
]
TEXTS.push('A', '\u212a', '\u017f', 'a/b', 'word 1234', 'x')

/** Patterns of few characters, so that they match now and then. */
const pattern: fc.Arbitrary<string> = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom(
      'a',
      'b',
      'A',
      'é',
      '😀',
      '.',
      '[ab]',
      '[^a]',
      '\\w',
      '\\W',
      '\\d',
      '\\s',
      '\\n',
      '^',
      '$',
      '\\b',
      '\\B',
      '\\p{L}',
      '',
    ),
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => a + b),
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => `(?:${a}|${b})`),
    fc
      .tuple(tie('node'), fc.constantFrom('*', '+', '?', '*?', '{2}', '{1,2}', '{0,}', '{3,4}?'))
      .map(([a, times]) => `(${a})${times}`),
  ),
})).node
const text = fc
  .array(fc.constantFrom('a', 'b', 'A', 'é', 'É', '😀', ' ', '\n', '1'), { maxLength: 8 })
  .map((all) => all.join(''))
const flags = fc.constantFrom('', 'i', 'm', 's', 'im', 'ims')

/**
 * Whether a sticky pattern matches from any code point on. Without the flag V8 also looks from the middle of a surrogate pair, which the
 * language does not: `/\B/u` would match between the halves of an emoji.
 */
function isFound(sticky: RegExp, sample: string): boolean {
  let at = 0
  for (const point of Array.from(sample).concat('')) {
    sticky.lastIndex = at
    if (sticky.test(sample)) return true
    at += point.length
  }
  return false
}

describe('safePattern', () => {
  it.each(SAMPLES)('%s with the flags %j says what the language says', (source, given) => {
    const own = safePattern(source, given)
    const native = new RegExp(source, `${given}u`)
    for (const sample of TEXTS)
      expect({ sample, found: own.test(sample) }).toEqual({ sample, found: native.test(sample) })
  })

  it('says what the language says of any pattern and text', () => {
    let matched = 0
    const property = fc.property(
      pattern,
      flags,
      fc.array(text, { minLength: 1, maxLength: 6 }),
      (source, given, texts) => {
        const own = safePattern(source, given)
        const native = new RegExp(source, `${given}uy`)
        for (const sample of texts) {
          const expected = isFound(native, sample)
          if (expected) matched++
          expect(own.test(sample)).toBe(expected)
        }
      },
    )
    fc.assert(property, { seed, numRuns: count(400, 100_000) })
    expect(matched).toBeGreaterThan(10)
  })

  it('takes a number of steps that grows with the text, not with its ways to match', () => {
    const long = 'a'.repeat(20_000)
    for (const source of ['^(a+)+$', '^(a|a)*$', '^(a|aa)+$', '^(.*)*(.*)*(.*)*x$', '(x+x+)+y'])
      expect(safePattern(source).test(`${long}!`)).toBe(false)
  })

  it.each([
    ['(a)\\1', /backreference/u],
    ['(?<n>a)\\k<n>', /backreference/u],
    ['a(?=b)', /linear time/u],
    ['(?<!a)b', /linear time/u],
    ['(a', /cannot be read/u],
    ['\\-', /cannot be read/u],
    ['((a{99}){99}){99}', /steps/u],
    ['((((){999}){999}){999}){999}', /steps/u],
    ['x'.repeat(2001), /characters long/u],
  ])('refuses what it cannot run: case %#', (source, message) => {
    expect(() => safePattern(source)).toThrow(message)
    expect(() => safePattern(source)).toThrow(expect.objectContaining({ code: 'VARVE_ARGUMENT' }))
  })

  it('refuses flags it does not know', () => {
    expect(() => safePattern('a', 'g')).toThrow(/flags 'g'/u)
    expect(safePattern('A', 'iu').test('a')).toBe(true)
  })

  it('takes the deepest nesting that its length allows', () => {
    const depth = 666
    expect(safePattern(`${'('.repeat(depth)}a${')'.repeat(depth)}`).test('xa')).toBe(true)
  })
})
