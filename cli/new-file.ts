/**
 * Files that a command makes: the artifact of `--output`, the rows of `export --to`.
 *
 * A file appears under its name when it is complete, or not at all: it is written beside it, synced, then linked or
 * renamed. One that exists is replaced only with `force`, and the database itself never. A device or a pipe is written
 * to directly.
 */
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs'
import { resolve } from 'node:path'
import { CliError, CliErrorCode, fileError } from './failure.js'
import { visible } from './escape.js'

export interface NewFileOptions {
  /** Replace a file of this name. */
  readonly force: boolean
  /** The database that the command is about. */
  readonly database: string
}

/** Files begun and not finished, to be removed if the process ends. */
const unfinished = new Set<string>()

/** Removes what is left of files begun. For the end of the process. */
export function removeUnfinished(): void {
  for (const path of unfinished) rmSync(path, { force: true })
  unfinished.clear()
}

/** A file in the making. Finish or discard it. */
export class NewFile {
  readonly #path: string
  /** Where it is written until it is complete; undefined for a device or pipe. */
  readonly #temporary: string | undefined
  readonly #force: boolean
  readonly #descriptor: number
  #closed = false

  /** Begins a file. Throws `CLI_REFUSED` if the name is taken, before any work was done. */
  constructor(path: string, options: NewFileOptions) {
    checkNewFile(path, options)
    this.#force = options.force
    const present = look(path)
    this.#path = present === undefined ? resolve(path) : realpathSync(path)
    this.#temporary = present === undefined || present.isFile() ? temporaryName(this.#path) : undefined
    this.#descriptor = this.#open()
    if (this.#temporary !== undefined) unfinished.add(this.#temporary)
  }

  #open(): number {
    try {
      return this.#temporary === undefined ? openSync(this.#path, 'w') : openSync(this.#temporary, 'wx')
    } catch (error) {
      throw fileError('create', visible(this.#path), error)
    }
  }

  write(text: string): void {
    const bytes = Buffer.from(text)
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(this.#descriptor, bytes, done)
    } catch (error) {
      throw fileError('write', visible(this.#path), error)
    }
  }

  /** Gives the complete file its name. Throws `CLI_REFUSED` if the name was taken meanwhile. */
  finish(): void {
    try {
      if (this.#temporary !== undefined) {
        fsyncSync(this.#descriptor)
        publish(this.#temporary, this.#path, this.#force)
      }
    } catch (error) {
      if (error instanceof CliError) throw error
      throw fileError('create', visible(this.#path), error)
    } finally {
      this.discard()
    }
  }

  /** Removes it, unless it is finished. Idempotent. */
  discard(): void {
    if (this.#closed) return
    this.#closed = true
    try {
      closeSync(this.#descriptor)
    } catch {
      // What was to be kept was synced before.
    }
    if (this.#temporary === undefined) return
    rmSync(this.#temporary, { force: true })
    unfinished.delete(this.#temporary)
  }
}

/** Throws `CLI_REFUSED` for a name that may not be written. */
export function checkNewFile(path: string, { force, database }: NewFileOptions): void {
  const present = look(path)
  if (present === undefined) return
  const main = look(database)
  if (main !== undefined && main.dev === present.dev && main.ino === present.ino) {
    throw new CliError(CliErrorCode.refused, `${visible(path)} is the database itself. Name another file.`, {
      details: { path },
    })
  }
  if (present.isFile() && !force) throw taken(path)
}

function publish(temporary: string, path: string, force: boolean): void {
  if (force) {
    renameSync(temporary, path)
    return
  }
  try {
    linkSync(temporary, path)
  } catch (error) {
    if (existsSync(path)) throw taken(path)
    // File systems without links: somebody who takes the name at this very moment is overwritten.
    if (!hasNoLinks(error)) throw error
    renameSync(temporary, path)
  }
}

function hasNoLinks(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' && ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code)
}

function taken(path: string): CliError {
  const message = `${visible(path)} exists. Choose another name, or use --force to replace it.`
  return new CliError(CliErrorCode.refused, message, { details: { path } })
}

function look(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}

function temporaryName(path: string): string {
  return `${path}.${randomBytes(6).toString('hex')}.partial`
}
