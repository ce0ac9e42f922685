/** Emails, URLs and patterns of fields: what passes, and that no text and no pattern makes them slow. */
import { describe, expect, it } from 'vitest'
import { collectionInput } from '../../../src/catalog/definition.js'
import { compileRowCheck } from '../../../src/catalog/row-check.js'
import { isEmail, isUrl } from '../../../src/catalog/text-rules.js'
import { Findings } from '../../../src/format/value-findings.js'

describe('an email address', () => {
  it.each([
    'a@b.co',
    'first.last+tag@sub.example.org',
    "o'neil@example.com",
    'jürgen@müller.de',
    `${'a'.repeat(64)}@b.co`,
  ])('is %s', (text) => expect(isEmail(text)).toBe(true))

  const not = [
    '',
    'a',
    '@b.co',
    'a@',
    'a@b',
    'a@@b.co',
    'a b@c.de',
    '.a@b.co',
    'a.@b.co',
    'a..b@c.de',
    'a@-b.co',
    'a@b-.co',
    'a@b..co',
    'a@b.co\n',
    `${'a'.repeat(65)}@b.co`,
    `a@${'b.'.repeat(130)}co`,
  ]
  it.each(not)('is not %j', (text) => expect(isEmail(text)).toBe(false))
})

describe('an absolute URL', () => {
  it.each([
    'https://a.b',
    'http://localhost:8080/x?y=1#z',
    'ftp://user:pass@host.org/',
    'ws://127.0.0.1',
    'http://[::1]:80/',
    'https://münchen.de/ä',
    'https://a.b.?q',
  ])('is %s', (text) => expect(isUrl(text)).toBe(true))

  const not = [
    '',
    'a.b',
    '//a.b',
    'https:/a.b',
    'https://',
    'https:///x',
    'https://a b',
    'https://a.b/\n',
    '1x://a.b',
    'https://a.b:99999',
    'https://a.b:x',
    'https://[zz]',
    'javascript:alert(1)',
    'https://a.b/<x>',
  ]
  it.each(not)('is not %j', (text) => expect(isUrl(text)).toBe(false))
})

describe('hostile texts and patterns', () => {
  const LONG = 100_000

  it('are done with', () => {
    const patterns = ['(a+)+$', '(a|a)*$', '^(a|ab|abc)*c$', '(.*)*x', '([a-z]+)*!', '(x+x+)+y']
    const text = `${'a'.repeat(LONG)}!`
    for (const pattern of patterns) {
      const input = collectionInput(
        'c',
        [{ path: ['v'], type: 'list', element: { type: 'string', pattern } }],
        'id',
      )
      const findings = new Findings()
      compileRowCheck({ ...input, unknownFields: 'keep' })({ v: [text, 'x'.repeat(LONG)] }, findings)
      expect(findings.count, pattern).toBeLessThanOrEqual(2)
    }
    const odd = [
      'a.'.repeat(LONG),
      'a@'.repeat(LONG),
      `a@${'b-'.repeat(LONG)}`,
      `${'x'.repeat(LONG)}://`,
      `https://${'@'.repeat(LONG)}`,
      `https://a${':'.repeat(LONG)}`,
    ]
    for (const one of odd) expect([isEmail(one), isUrl(one)]).toEqual([false, false])
  })

  it.each(['(a)\\1', '(?=a)', '(?<!a)b', '(', 'a{2000}{2000}', 'x'.repeat(5000)])(
    'are refused: %s',
    (pattern) => {
      expect(() => collectionInput('c', [{ path: ['v'], type: 'string', pattern }], 'id')).toThrow(/pattern/)
    },
  )
})
