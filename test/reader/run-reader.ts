/**
 * Runs the independent reader, `read_varve.py`, on files, and gives what it printed by file.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const READER = join(import.meta.dirname, 'read_varve.py')
const MAX_OUTPUT_BYTES = 1024 * 1024 * 1024

/** Whether there is a Python 3 to run it; a suite without it is skipped, and says so. */
export const pythonMissing: string | undefined = findPython()

function findPython(): string | undefined {
  const { status, stdout } = spawnSync('python3', ['--version'], { encoding: 'utf8' })
  return status === 0 && stdout.startsWith('Python 3.') ? undefined : 'python3 is not installed'
}

export interface ReaderCommit {
  readonly sequence: number
  readonly time: number
  readonly operations: number
  readonly commitCrc: number
  readonly offset: number
}

export interface ReaderRow {
  readonly key: unknown
  readonly keyHex: string
  /** JSON text of the value. */
  readonly value: string
}

export interface ReaderCollection {
  readonly id: number
  readonly name: string
  readonly version: number
  readonly primaryKey: readonly (readonly string[])[]
  readonly fields: unknown
  readonly rows: number
  readonly structures: readonly (readonly string[])[]
  readonly next: number | null
  readonly digest: string
  /** As the catalog has them, if there are any. */
  readonly indexes?: unknown
}

/** A checkpoint that an open would try. */
export interface ReaderCheckpoint {
  readonly offset: number
  readonly sequence: number
  readonly replayFrom: number
  readonly previous: number
  readonly nodes: number
  /** Of the highest tree. */
  readonly height: number
  /** Whether every node of it is. */
  readonly sound: boolean
  /** Whether its commit is in the chain from the log's begin; if so, it was compared with what the log says. */
  readonly inChain: boolean
}

/** What the reader said of one file. */
export interface ReaderReport {
  readonly commits: readonly ReaderCommit[]
  /** The newest first, up to the first that is sound. */
  readonly checkpoints: readonly ReaderCheckpoint[]
  readonly collections: readonly ReaderCollection[]
  /** By collection id, in key order; those that could be read. */
  readonly rows: ReadonlyMap<number, readonly ReaderRow[]>
  /** Keys of rows whose records are damaged, by collection id. */
  readonly unreadable: ReadonlyMap<number, readonly string[]>
  readonly header: Readonly<Record<string, unknown>> | undefined
  /** Where it ends, and whether it ends cleanly: what every recovery mode opens. */
  readonly log: { readonly end: number; readonly watermark: number; readonly clean: boolean } | undefined
  readonly findings: readonly { readonly offset: number; readonly why: string }[]
  /** Why it could not read the file to its end. */
  readonly error: { readonly offset: number; readonly why: string } | undefined
}

/** Reads files with rows and findings, in one process. */
export function runReader(paths: readonly string[]): ReaderReport[] {
  const { status, stdout, stderr } = spawnSync('python3', [READER, '--rows', '--verify', ...paths], {
    encoding: 'utf8',
    maxBuffer: MAX_OUTPUT_BYTES,
  })
  if (stderr !== '' || status === null || status > 2)
    throw new Error(`The reader failed (${status}): ${stderr}`)
  const byFile: Line[][] = []
  for (const text of stdout.split('\n')) {
    if (text === '') continue
    const line = JSON.parse(text) as Line
    if (line.type === 'file') byFile.push([])
    else byFile.at(-1)?.push(line)
  }
  return byFile.map(reportOf)
}

interface RowLine extends Omit<ReaderRow, 'value'> {
  readonly collection: number
  readonly value: unknown
  readonly unreadable?: boolean | undefined
}

type Line = Readonly<Record<string, unknown>> & { readonly type: string }

function reportOf(lines: readonly Line[]): ReaderReport {
  const all = <T>(type: string): T[] =>
    lines.filter((line) => line.type === type).map(({ type: _type, ...rest }) => rest as T)
  const rows = new Map<number, ReaderRow[]>()
  const unreadable = new Map<number, string[]>()
  for (const line of all<RowLine>('row')) {
    if (line.unreadable === true) {
      unreadable.set(line.collection, [...(unreadable.get(line.collection) ?? []), line.keyHex])
      continue
    }
    const list = rows.get(line.collection) ?? []
    list.push({ key: line.key, keyHex: line.keyHex, value: JSON.stringify(line.value) })
    rows.set(line.collection, list)
  }
  return {
    commits: all('commit'),
    checkpoints: all('checkpoint'),
    collections: all('collection'),
    rows,
    unreadable,
    header: all<Record<string, unknown>>('header')[0],
    log: all<{ end: number; watermark: number; clean: boolean }>('log')[0],
    findings: all('finding'),
    error: all<{ offset: number; why: string }>('error')[0],
  }
}
