/**
 * Opens a database whose index or records are damaged, in every mode, for reading and for writing, and says what went wrong.
 *
 * Oracle. The open succeeds, from the checkpoint that is expected, and loses no commit. A read that needs the damaged bytes
 * throws `CorruptionError` with their offset; every other one gives the right value, and none ever gives a wrong one.
 * Writes elsewhere go on, are there after a reopen, and so is everything else. `verify` lists the damage. It returns
 * violations instead of throwing, so that a canary can show that it sees them.
 */
import type { Database } from '../../src/database.js'
import { VarveError } from '../../src/errors.js'
import { verifyFile } from '../../src/inspect/verify.js'
import type { RecoveryMode } from '../../src/log/recovery-info.js'
import type { MemoryStorage } from '../../src/storage/memory-storage.js'
import type { Platform } from '../../src/storage/platform.js'
import { fileBytes, fixedPlatform, MODES, openOn, PATH, storageWith } from './databases.js'
import { type IndexSample, type RowName, rowName, rowsIn, SMALL, TALL } from './index-sample.js'

export interface IndexCase {
  readonly sample: IndexSample
  readonly bytes: Uint8Array
  /** What was done to the file: printed with a violation. */
  readonly fault: string
  /** Rows that cannot be read, and the offset that the error names. */
  readonly unreadable: ReadonlyMap<RowName, number>
  /** The checkpoint that an open starts from; undefined for none. */
  readonly from: number | undefined
  /** What `verify` must list, and what kinds of findings alone it may list. */
  readonly listed: { readonly kind: string; readonly offset: number }
  readonly kinds: readonly string[]
  readonly platform?: Partial<Platform> | undefined
}

type Say = (what: string) => void

export async function indexViolations(one: IndexCase): Promise<string[]> {
  const found: string[] = []
  const say = (what: string): void => void found.push(`${one.fault}: ${what}`)
  for (const mode of MODES) {
    checkReading(one, mode, (what) => say(`${mode}, read-only: ${what}`))
    await checkWriting(one, mode, (what) => say(`${mode}: ${what}`))
  }
  await checkVerify(one, say)
  return found
}

function checkReading(one: IndexCase, mode: RecoveryMode, say: Say): void {
  const storage = storageWith({ [PATH]: one.bytes })
  const db = opened(one, storage, mode, 'readOnly', say)
  if (db === undefined) return
  checkOpen(one, db, say)
  checkRows(one, db, one.sample.model, say)
  db.closeSync()
  if (Buffer.compare(fileBytes(storage), one.bytes) !== 0) say('the file changed')
}

async function checkWriting(one: IndexCase, mode: RecoveryMode, say: Say): Promise<void> {
  const storage = storageWith({ [PATH]: one.bytes })
  const db = opened(one, storage, mode, 'readWrite', say)
  if (db === undefined) return
  checkOpen(one, db, say)
  const model = new Map(one.sample.model)
  const elsewhere = [...model.keys()].find((row) => row.startsWith(TALL) && !one.unreadable.has(row))
  if (elsewhere !== undefined) write(db, elsewhere, model, say)
  if (!one.unreadable.has(rowName(SMALL, 's2'))) write(db, rowName(SMALL, 's2'), model, say)
  await db.checkpoint().catch((error: unknown) => say(`a checkpoint failed: ${String(error)}`))
  checkRows(one, db, model, say)
  db.closeSync()
  const again = opened(one, storage, 'strict', 'readOnly', (what) => say(`a reopen: ${what}`))
  if (again === undefined) return
  checkRows(one, again, model, (what) => say(`a reopen: ${what}`))
  again.closeSync()
}

function opened(
  one: IndexCase,
  storage: MemoryStorage,
  recovery: RecoveryMode,
  mode: 'readOnly' | 'readWrite',
  say: Say,
): Database | undefined {
  try {
    return openOn(storage, { mode, recovery, durability: 'os' }, one.platform)
  } catch (error) {
    say(`the open failed: ${String(error)}`)
    return undefined
  }
}

function checkOpen({ from, sample }: IndexCase, db: Database, say: Say): void {
  const { checkpointOffset, classification, transactionsCut } = db.recoveryInfo
  if (checkpointOffset !== from)
    say(`it opened from ${checkpointOffset}, not from ${from} (of ${sample.checkpoints.join(', ')})`)
  if (classification !== 'clean' || transactionsCut !== 0)
    say(`it opened with ${classification}, ${transactionsCut} transactions cut`)
}

/** Row by row, and all in order. */
function checkRows(one: IndexCase, db: Database, model: ReadonlyMap<RowName, string>, say: Say): void {
  for (const [row, text] of model) checkRow(one, db, row, text, say)
  for (const collection of [TALL, SMALL] as const) {
    const expected = [...model]
      .filter(([row]) => row.startsWith(collection))
      .sort(([a], [b]) => (a < b ? -1 : 1))
    checkRange(one, db, collection, expected, say)
    const count = db.count(collection)
    if (count !== expected.length) say(`${collection} counts ${count} rows, not ${expected.length}`)
  }
}

function checkRow(one: IndexCase, db: Database, row: RowName, text: string, say: Say): void {
  const offset = one.unreadable.get(row)
  const { collection, id } = partsOf(row)
  const name = `${collection} ${id.slice(-5)}`
  try {
    const actual = db.get(collection, id)?.['text']
    if (actual !== text) say(`row ${name} is ${String(actual)}, not ${text}`)
    else if (offset !== undefined) say(`row ${name} was read past the damage`)
  } catch (error) {
    if (!isDamageAt(error, offset)) say(`row ${name} threw ${String(error)}`)
  }
}

function checkRange(
  one: IndexCase,
  db: Database,
  collection: typeof TALL | typeof SMALL,
  expected: readonly (readonly [RowName, string])[],
  say: Say,
): void {
  const first = expected.findIndex(([row]) => one.unreadable.has(row))
  const offset = one.unreadable.get(expected[first]?.[0] ?? rowName(SMALL, ''))
  let at = 0
  try {
    for (const [row, text] of rowsIn(db, collection)) {
      const [expectedRow, expectedText] = expected[at++] ?? []
      if (row !== expectedRow || text !== expectedText)
        return say(`a range of ${collection} gives a wrong row`)
    }
    if (at < expected.length || first >= 0)
      say(`a range of ${collection} gives ${at} of ${expected.length} rows`)
  } catch (error) {
    if (first < 0 || !isDamageAt(error, offset)) say(`a range of ${collection} threw ${String(error)}`)
  }
}

function isDamageAt(error: unknown, offset: number | undefined): boolean {
  return offset !== undefined && VarveError.is(error, 'VARVE_CORRUPTION') && error.details.offset === offset
}

function write(db: Database, row: RowName, model: Map<RowName, string>, say: Say): void {
  const { collection, id } = partsOf(row)
  try {
    db.collection(collection).putSync({ id, text: 'written beside damage' })
    model.set(row, 'written beside damage')
  } catch (error) {
    say(`a write elsewhere threw ${String(error)}`)
  }
}

function partsOf(row: RowName): { collection: string; id: string } {
  const space = row.indexOf(' ')
  return { collection: row.slice(0, space), id: row.slice(space + 1) }
}

async function checkVerify(one: IndexCase, say: Say): Promise<void> {
  const storage = storageWith({ [PATH]: one.bytes })
  try {
    const { findings } = await verifyFile(PATH, { storage, deep: true }, fixedPlatform(storage, one.platform))
    const { kind, offset } = one.listed
    const listed = findings.map((finding) => `${finding.kind} at ${finding.offset}`).join(', ')
    if (!findings.some((finding) => finding.kind === kind && finding.offset === offset))
      say(`verify lists ${listed === '' ? 'nothing' : listed}, not ${kind} at ${offset}`)
    if (findings.some((finding) => !one.kinds.includes(finding.kind))) say(`verify lists more: ${listed}`)
  } catch (error) {
    say(`verify threw ${String(error)}`)
  }
}
