/**
 * The text of a statement with its values: where its parts stand, what they are called, and what is wrong with them.
 *
 * A value is never part of the text, which has `$1`, `$2` in its place.
 */
import { QueryError } from '../errors.js'

/** A part of the text, in UTF-16 units from its beginning; undefined where the parser does not say. */
export interface Placed {
  readonly _location?: { readonly start: number; readonly end: number } | undefined
}

/** The name of a part that is there and is none of those that are carried out. */
export function unknownPart(node: object, known: ReadonlySet<string>): string | undefined {
  const parts = Object.entries(node).filter(([, part]) => part !== undefined && part !== null)
  return parts.map(([name]) => name).find((name) => !known.has(name))
}

/** Most characters of a part that an error message shows. */
const MAX_SHOWN = 40

const NAME = /\s*(?:"(?<quoted>(?:[^"]|"")*)"|(?<plain>[^\s".,()[\]]+))\s*/uy

export class SqlText {
  readonly text: string
  readonly values: readonly unknown[]
  /** The same object for the same text, as a template's pieces are; undefined where there is none. */
  readonly identity: object | undefined
  readonly #used = new Set<number>()

  constructor(text: string, values: readonly unknown[], identity?: object) {
    this.text = text
    this.values = values
    this.identity = identity
  }

  /** A template's pieces with a placeholder for each value, which never runs into the words beside it. */
  static ofTemplate(pieces: readonly (string | undefined)[], values: readonly unknown[]): SqlText {
    let text = ''
    for (const [i, piece] of pieces.entries()) {
      if (piece === undefined) throw new QueryError('The SQL holds an escape that JavaScript does not know.')
      text += (/^[\w$]/u.test(piece) && i > 0 ? ' ' : '') + piece
      if (i < values.length) text += `${/[\w$]$/u.test(piece) ? ' ' : ''}$${i + 1}`
    }
    return new SqlText(text, values, pieces)
  }

  /** The value of a placeholder. */
  value(placeholder: string, at: Placed): unknown {
    const number = Number(placeholder.slice(1))
    if (!Number.isSafeInteger(number) || number < 1 || number > this.values.length)
      throw this.refuse(at, `there is no value for ${placeholder}; ${this.values.length} were given`)
    this.#used.add(number)
    const value = this.values[number - 1]
    if (value === undefined) throw this.refuse(at, `the value of ${placeholder} is undefined; use null`)
    if (typeof value === 'function' || typeof value === 'symbol' || value instanceof RegExp)
      throw this.refuse(at, `the value of ${placeholder} can be no value of a row`)
    return value
  }

  /** Throws if a value was passed that the statement has no place for: it stands between quotation marks, or in a comment. */
  checkAllUsed(): void {
    const unused = this.values.findIndex((_, i) => !this.#used.has(i + 1))
    if (unused < 0) return
    throw new QueryError(
      `The SQL uses no value $${unused + 1}. A placeholder within quotation marks or a comment is text: write it without them.`,
    )
  }

  /** The names of a dotted path as they were written, which the parser does not keep: it folds their case. */
  names(at: Placed): string[] {
    const names: string[] = []
    const { start = 0 } = at._location ?? {}
    NAME.lastIndex = start
    for (;;) {
      const { quoted, plain } = NAME.exec(this.text)?.groups ?? {}
      const name = quoted?.replaceAll('""', '"') ?? plain
      if (name === undefined) throw this.refuse(at, 'this is no name')
      names.push(name)
      if (this.text[NAME.lastIndex] !== '.') return names
      NAME.lastIndex++
    }
  }

  /** What stands behind a part, up to the next comma or keyword: the name of a column without AS. */
  nameBehind(at: Placed): string | undefined {
    NAME.lastIndex = at._location?.end ?? this.text.length
    const { quoted, plain } = NAME.exec(this.text)?.groups ?? {}
    return quoted?.replaceAll('""', '"') ?? plain
  }

  /** An error that says what is wrong and where. */
  refuse(at: Placed | number, what: string, cause?: unknown): QueryError {
    const offset = typeof at === 'number' ? at : at._location?.start
    if (offset === undefined) return new QueryError(`The SQL: ${what}.`, { cause })
    const lines = this.text.slice(0, offset).split('\n')
    const place = `line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1}`
    return new QueryError(`The SQL, ${place}${this.#shown(at, offset)}: ${what}.`, {
      cause,
      textOffset: offset,
    })
  }

  #shown(at: Placed | number, offset: number): string {
    const end = typeof at === 'number' ? offset : (at._location?.end ?? offset)
    const part = this.text.slice(offset, end)
    if (part === '') return ''
    return ` ('${part.length > MAX_SHOWN ? `${part.slice(0, MAX_SHOWN)}…` : part}')`
  }
}
