/**
 * Regular expressions that take linear time on every text, for patterns that come from anywhere.
 *
 * A pattern is written as JavaScript's with the flag `u`, without what needs backtracking: backreferences, lookahead and
 * lookbehind are refused. It is run as a set of places in its program (pattern-program.ts) that moves over the text code
 * point by code point, so a test takes at most the length of the text times the size of the program.
 */
import { ArgumentError } from '../errors.js'
import { compileProgram, LINE_END, Operation, type Program } from './pattern-program.js'
import { type Atoms, parsePattern } from './pattern-parse.js'

/** A pattern, ready to be tested against any number of texts. */
export interface SafePattern {
  /** Whether some part of `text` matches. */
  test(text: string): boolean
}

/** Longest pattern, in UTF-16 units. */
const MAX_PATTERN_LENGTH = 2000

const FLAGS = /^[imsu]*$/u

/**
 * Reads a pattern. Flags: `i` (case), `m` (`^` and `$` at lines too), `s` (`.` takes line ends too); `u` is always on.
 *
 * Throws `VARVE_ARGUMENT` for what is no pattern, is longer than 2000 characters or 2000 steps once its counts are
 * written out, or needs backtracking.
 */
export function safePattern(source: string, flags = ''): SafePattern {
  if (source.length > MAX_PATTERN_LENGTH)
    throw new ArgumentError(
      `The pattern is ${source.length} characters long; at most ${MAX_PATTERN_LENGTH} are allowed.`,
    )
  if (!FLAGS.test(flags))
    throw new ArgumentError(`The pattern has the flags '${flags}'; known are i, m, s and u.`)
  const nativeFlags = [...new Set(`${flags}u`)].join('')
  checkSyntax(source, nativeFlags)
  const { root, atoms } = parsePattern(source, nativeFlags)
  const program = compileProgram(root, source)
  const matcher = new Matcher(program, atoms, flags.includes('m'))
  return { test: (text) => matcher.test(text) }
}

/** The language's own parser says what is a pattern; only the running of it could take for ever. */
function checkSyntax(source: string, flags: string): void {
  try {
    RegExp(source, flags)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new ArgumentError(`The pattern cannot be read (as one with the flag u): ${why}.`)
  }
}

/** What stands before the first and after the last code point. */
const NOTHING = -1

class Matcher {
  readonly #program: Program
  readonly #atoms: Atoms
  readonly #multiline: boolean
  /** When each place of the program was last put into a set: each is in a set once. */
  readonly #seen: Uint32Array
  #turn = 0
  /** Places that wait for the next code point, and those after it. */
  #now: number[] = []
  #next: number[] = []

  constructor(program: Program, atoms: Atoms, multiline: boolean) {
    this.#program = program
    this.#atoms = atoms
    this.#multiline = multiline
    this.#seen = new Uint32Array(program.operation.length)
  }

  test(text: string): boolean {
    this.#seen.fill(0)
    this.#turn = 1
    this.#now = []
    const { firstOnly } = this.#program
    let before = NOTHING
    let after = text.codePointAt(0) ?? NOTHING
    let index = 0
    if (this.#enter(0, this.#now, before, after)) return true
    while (after !== NOTHING) {
      const code = after
      index += code > 0xffff ? 2 : 1
      before = code
      after = text.codePointAt(index) ?? NOTHING
      this.#turn++
      this.#next = []
      if (this.#step(code, before, after)) return true
      if (!(firstOnly && !this.#multiline) && this.#enter(0, this.#next, before, after)) return true
      else if (firstOnly && !this.#multiline && this.#next.length === 0) return false
      this.#now = this.#next
    }
    return false
  }

  /** Moves every place that takes `code` on. True if one reaches the end of the program. */
  #step(code: number, before: number, after: number): boolean {
    const { argument } = this.#program
    for (const place of this.#now) {
      if (!this.#atoms.takes(argument[place] ?? 0, code)) continue
      if (this.#enter(place + 1, this.#next, before, after)) return true
    }
    return false
  }

  /** Adds to `set` every place that waits for a code point and is reached from `start` without one. */
  #enter(start: number, set: number[], before: number, after: number): boolean {
    const { operation, argument, other } = this.#program
    const waiting = [start]
    for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
      if (this.#seen[place] === this.#turn) continue
      this.#seen[place] = this.#turn
      switch (operation[place]) {
        case Operation.match:
          return true
        case Operation.atom:
          set.push(place)
          break
        case Operation.split:
          waiting.push(other[place] ?? 0, argument[place] ?? 0)
          break
        case Operation.jump:
          waiting.push(argument[place] ?? 0)
          break
        default:
          if (this.#holds(operation[place] ?? 0, before, after)) waiting.push(place + 1)
      }
    }
    return false
  }

  /** Whether an assertion holds between two code points. */
  #holds(operation: number, before: number, after: number): boolean {
    switch (operation) {
      case Operation.begin:
        return before === NOTHING || (this.#multiline && LINE_END.has(before))
      case Operation.end:
        return after === NOTHING || (this.#multiline && LINE_END.has(after))
      default:
        return (this.#isWord(before) !== this.#isWord(after)) === (operation === Operation.boundary)
    }
  }

  #isWord(code: number): boolean {
    return code !== NOTHING && this.#atoms.takes(this.#atoms.word, code)
  }
}
