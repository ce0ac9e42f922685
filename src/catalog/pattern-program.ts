/**
 * Patterns as programs: a list of operations, each with at most two places to go on at. Counts are written out.
 */
import { ArgumentError } from '../errors.js'
import type { PatternNode } from './pattern-parse.js'

/** What a place of a program does. */
export const Operation = {
  /** Takes one code point by the atom in `argument`, then goes on at the next place. */
  atom: 0,
  /** Goes on at `argument` and at `other`. */
  split: 1,
  /** Goes on at `argument`. */
  jump: 2,
  match: 3,
  begin: 4,
  end: 5,
  boundary: 6,
  inside: 7,
} as const
export type Operation = (typeof Operation)[keyof typeof Operation]

export interface Program {
  readonly operation: readonly Operation[]
  readonly argument: readonly number[]
  readonly other: readonly number[]
  /** Whether every match begins where the assertion `^` holds. */
  readonly firstOnly: boolean
}

/** Most operations of a program; each costs a step per code point of the text at worst. */
const MAX_PROGRAM_STEPS = 2000

/** The code points that end a line. */
export const LINE_END: ReadonlySet<number> = new Set([0x0a, 0x0d, 0x2028, 0x2029])

/** Throws `VARVE_ARGUMENT` for a pattern whose counts written out are too long. */
export function compileProgram(root: PatternNode, source: string): Program {
  const compiler = new Compiler(source)
  compiler.node(root)
  compiler.emit(Operation.match)
  const { operation, argument, other } = compiler
  return { operation, argument, other, firstOnly: beginsAnchored(root) }
}

function beginsAnchored(node: PatternNode): boolean {
  switch (node.kind) {
    case 'assertion':
      return node.assertion === 'begin'
    case 'sequence':
      return node.parts[0] !== undefined && beginsAnchored(node.parts[0])
    case 'choice':
      return node.parts.every(beginsAnchored)
    default:
      return false
  }
}

class Compiler {
  readonly operation: Operation[] = []
  readonly argument: number[] = []
  readonly other: number[] = []
  readonly #source: string
  /** Nodes written, empty ones too: what they cost to compile. */
  #written = 0

  constructor(source: string) {
    this.#source = source
  }

  emit(operation: Operation, argument = 0, other = 0): number {
    this.operation.push(operation)
    this.argument.push(argument)
    this.other.push(other)
    return this.operation.length - 1
  }

  node(node: PatternNode): void {
    if (++this.#written > MAX_PROGRAM_STEPS * 2 || this.operation.length >= MAX_PROGRAM_STEPS) {
      throw new ArgumentError(
        `The pattern '${this.#source.slice(0, 60)}' has more than ${MAX_PROGRAM_STEPS} steps once its counts are written out.`,
      )
    }
    switch (node.kind) {
      case 'atom':
        this.emit(Operation.atom, node.atom)
        break
      case 'assertion':
        this.emit(Operation[node.assertion])
        break
      case 'sequence':
        for (const part of node.parts) this.node(part)
        break
      case 'choice':
        this.#choice(node.parts)
        break
      case 'repeat':
        this.#repeat(node.part, node.min, node.max)
    }
  }

  #choice(parts: readonly PatternNode[]): void {
    const jumps: number[] = []
    for (const [i, part] of parts.entries()) {
      const split = i < parts.length - 1 ? this.emit(Operation.split) : undefined
      if (split !== undefined) this.argument[split] = split + 1
      this.node(part)
      if (split === undefined) continue
      jumps.push(this.emit(Operation.jump))
      this.other[split] = this.operation.length
    }
    for (const jump of jumps) this.argument[jump] = this.operation.length
  }

  #repeat(part: PatternNode, min: number, max: number): void {
    for (let i = 0; i < min; i++) this.node(part)
    if (max === Number.POSITIVE_INFINITY) {
      const split = this.emit(Operation.split)
      this.argument[split] = split + 1
      this.node(part)
      this.emit(Operation.jump, split)
      this.other[split] = this.operation.length
      return
    }
    const splits: number[] = []
    for (let i = min; i < max; i++) {
      const split = this.emit(Operation.split)
      this.argument[split] = split + 1
      splits.push(split)
      this.node(part)
    }
    for (const split of splits) this.other[split] = this.operation.length
  }
}
