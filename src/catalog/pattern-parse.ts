/**
 * Patterns as trees. The source has passed the language's own parser, so what is read here is well-formed; only what
 * cannot be run in linear time is refused.
 */
import { ArgumentError } from '../errors.js'

/** A pattern, or a part of one. */
export type PatternNode =
  | { readonly kind: 'atom'; readonly atom: number }
  | { readonly kind: 'assertion'; readonly assertion: 'begin' | 'end' | 'boundary' | 'inside' }
  | { readonly kind: 'sequence'; readonly parts: readonly PatternNode[] }
  | { readonly kind: 'choice'; readonly parts: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly part: PatternNode; readonly min: number; readonly max: number }

/** How far a code point's membership is kept in a table. */
const TABLE = 128

/** What takes one code point: a character, a class, an escape. The language itself says which code points it takes. */
export class Atoms {
  readonly #flags: string
  readonly #ids = new Map<string, number>()
  readonly #expressions: RegExp[] = []
  readonly #tables: Uint8Array[] = []
  /** What is part of a word. */
  readonly word: number

  constructor(flags: string) {
    this.#flags = flags.replace('m', '')
    this.word = this.add(String.raw`\w`)
  }

  /** The id of what `source` says, the text of one atom. */
  add(source: string): number {
    const known = this.#ids.get(source)
    if (known !== undefined) return known
    // One code point is all it is ever run on, so it cannot backtrack.
    const expression = new RegExp(`^${source}$`, this.#flags)
    const table = Uint8Array.from({ length: TABLE }, (_, code) =>
      expression.test(String.fromCharCode(code)) ? 1 : 0,
    )
    this.#ids.set(source, this.#tables.length)
    this.#expressions.push(expression)
    return this.#tables.push(table) - 1
  }

  takes(id: number, code: number): boolean {
    if (code < TABLE) return this.#tables[id]?.[code] === 1
    return this.#expressions[id]?.test(String.fromCodePoint(code)) === true
  }
}

/** Reads a pattern that is valid under `flags`. Throws `VARVE_ARGUMENT` for backreferences and lookaround. */
export function parsePattern(source: string, flags: string): { root: PatternNode; atoms: Atoms } {
  const atoms = new Atoms(flags)
  return { root: new Parser(source, atoms).choice(), atoms }
}

/** One escape or one code point, as a whole. */
const ESCAPE =
  /^\\(?:u\{[\da-f]+\}|u[d][89ab][\da-f]{2}\\u[d][c-f][\da-f]{2}|u[\da-f]{4}|x[\da-f]{2}|c[a-z]|p\{[^}]*\}|[^])/iu
const COUNT = /^\{(?<min>\d+)(?<comma>,(?<max>\d*))?\}/u
const GROUP = /^\((?:\?:|\?<(?![=!])[^>]*>|(?!\?))/u

class Parser {
  readonly #source: string
  readonly #atoms: Atoms
  #at = 0

  constructor(source: string, atoms: Atoms) {
    this.#source = source
    this.#atoms = atoms
  }

  choice(): PatternNode {
    const parts = [this.#sequence()]
    while (this.#take('|')) parts.push(this.#sequence())
    const [only] = parts
    return parts.length === 1 && only !== undefined ? only : { kind: 'choice', parts }
  }

  #sequence(): PatternNode {
    const parts: PatternNode[] = []
    while (this.#at < this.#source.length && !'|)'.includes(this.#source.charAt(this.#at)))
      parts.push(this.#repeated(this.#term()))
    return { kind: 'sequence', parts }
  }

  #repeated(part: PatternNode): PatternNode {
    const { min, max } = this.#count()
    return min === 1 && max === 1 ? part : { kind: 'repeat', part, min, max }
  }

  /** The quantifier that follows; whether it is greedy decides what is captured, not what matches. */
  #count(): { min: number; max: number } {
    const count = this.#quantifier()
    if (count === undefined) return { min: 1, max: 1 }
    this.#take('?')
    return count
  }

  #quantifier(): { min: number; max: number } | undefined {
    if (this.#take('*')) return { min: 0, max: Number.POSITIVE_INFINITY }
    if (this.#take('+')) return { min: 1, max: Number.POSITIVE_INFINITY }
    if (this.#take('?')) return { min: 0, max: 1 }
    const groups = this.#match(COUNT)?.groups
    if (groups === undefined) return undefined
    const min = Number(groups['min'])
    if (groups['comma'] === undefined) return { min, max: min }
    return { min, max: groups['max'] === '' ? Number.POSITIVE_INFINITY : Number(groups['max']) }
  }

  #term(): PatternNode {
    const character = this.#source.charAt(this.#at)
    switch (character) {
      case '^':
        this.#at++
        return { kind: 'assertion', assertion: 'begin' }
      case '$':
        this.#at++
        return { kind: 'assertion', assertion: 'end' }
      case '(':
        return this.#group()
      case '[':
        return this.#class()
      case '\\':
        return this.#escape()
      default:
        return this.#atom(String.fromCodePoint(this.#source.codePointAt(this.#at) ?? 0))
    }
  }

  #group(): PatternNode {
    if (this.#match(GROUP) === undefined) {
      const text = this.#source.slice(this.#at, this.#at + 4)
      throw this.#refused(`'${text}' (lookahead, lookbehind, flags within the pattern)`)
    }
    const inner = this.choice()
    this.#at++
    return inner
  }

  #class(): PatternNode {
    let end = this.#at + 1
    while (this.#source.charAt(end) !== ']') end += this.#source.charAt(end) === '\\' ? 2 : 1
    return this.#atom(this.#source.slice(this.#at, end + 1))
  }

  #escape(): PatternNode {
    const next = this.#source.charAt(this.#at + 1)
    if (next === 'b' || next === 'B') {
      this.#at += 2
      return { kind: 'assertion', assertion: next === 'b' ? 'boundary' : 'inside' }
    }
    if (next === 'k' || (next >= '1' && next <= '9')) throw this.#refused(`the backreference '\\${next}'`)
    const text = ESCAPE.exec(this.#source.slice(this.#at))?.[0] ?? `\\${next}`
    return this.#atom(text)
  }

  /** The atom whose text stands here. */
  #atom(text: string): PatternNode {
    this.#at += text.length
    // Outside of a class these stand for themselves only here, where the expression consists of them.
    return { kind: 'atom', atom: this.#atoms.add(text === '/' ? String.raw`\/` : text) }
  }

  #take(character: string): boolean {
    if (this.#source.charAt(this.#at) !== character) return false
    this.#at++
    return true
  }

  #match(expression: RegExp): RegExpExecArray | undefined {
    const match = expression.exec(this.#source.slice(this.#at)) ?? undefined
    if (match !== undefined) this.#at += match[0].length
    return match
  }

  #refused(what: string): ArgumentError {
    return new ArgumentError(
      `The pattern uses ${what} at character ${this.#at}, which cannot be run in linear time. Write it without.`,
    )
  }
}
