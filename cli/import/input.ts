/**
 * The bytes of an import, from a file or standard input, as they come.
 */
import { createReadStream, type Stats, statSync } from 'node:fs'
import { basename, extname } from 'node:path'
import { addAbortSignal, type Readable } from 'node:stream'
import { CliError, CliErrorCode, fileError, usageError } from '../failure.js'
import { visible } from '../escape.js'

export const FORMATS = ['json', 'ndjson', 'csv'] as const
export type Format = (typeof FORMATS)[number]

const BY_EXTENSION: ReadonlyMap<string, Format> = new Map([
  ['.json', 'json'],
  ['.ndjson', 'ndjson'],
  ['.jsonl', 'ndjson'],
  ['.csv', 'csv'],
])

/** The format of a file, by its name where none is given; standard input holds NDJSON unless told otherwise. */
export function formatOf(file: string, given: Format | undefined): Format {
  if (given !== undefined) return given
  if (file === '-') return 'ndjson'
  const format = BY_EXTENSION.get(extname(file).toLowerCase())
  if (format !== undefined) return format
  throw usageError(
    `What ${visible(file)} holds cannot be told from its name. Use --format ${FORMATS.join(', ')}.`,
  )
}

/** What is read, and how far the reading is. */
export class Input {
  /** As messages name it. */
  readonly name: string
  /** The same without its folder. */
  readonly shortName: string
  /** Undefined for a pipe. */
  readonly totalBytes: number | undefined
  readonly #file: string
  readonly #signal: AbortSignal
  #bytesRead = 0

  /** Throws `CLI_INPUT_OUTPUT` for a file that is not there or cannot be read. */
  constructor(file: string, signal: AbortSignal) {
    this.name = file === '-' ? 'standard input' : visible(file)
    this.shortName = basename(this.name)
    this.#file = file
    this.#signal = signal
    const stats = file === '-' ? undefined : look(file)
    this.totalBytes = stats?.isFile() === true ? stats.size : undefined
  }

  get bytesRead(): number {
    return this.#bytesRead
  }

  /** The bytes, without the mark that says UTF-8. Throws `CLI_DATA` for UTF-16. */
  async *chunks(): AsyncGenerator<Buffer, void, undefined> {
    const stream = this.#open()
    let first = true
    try {
      for await (const chunk of stream) {
        const bytes = chunk as Buffer // A stream without an encoding gives buffers.
        this.#bytesRead += bytes.length
        yield first ? this.#withoutMark(bytes) : bytes
        first = false
      }
    } catch (error) {
      this.#signal.throwIfAborted()
      if (error instanceof CliError) throw error
      throw fileError('read', this.name, error)
    }
  }

  #open(): Readable {
    const stream = this.#file === '-' ? process.stdin : createReadStream(this.#file)
    return addAbortSignal(this.#signal, stream)
  }

  #withoutMark(bytes: Buffer): Buffer {
    const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
    if (isUtf16) {
      throw new CliError(CliErrorCode.data, `${this.name} is UTF-16. Convert it to UTF-8 first.`, {
        details: { input: this.name },
      })
    }
    const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
    return hasMark ? bytes.subarray(3) : bytes
  }
}

function look(file: string): Stats {
  try {
    return statSync(file)
  } catch (error) {
    throw fileError('read', visible(file), error)
  }
}
