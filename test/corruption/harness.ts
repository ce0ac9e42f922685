/**
 * Opens one faulted file in every way and says what it did wrong.
 *
 * Oracle. No open shows a value that was not written: the rows are those after some commit. A refusal is a `VarveError`
 * and changes nothing. `strict` opens only what lost nothing. `tornTail` loses nothing that was known to be durable.
 * `autoTruncate` keeps exactly the commits before the fault, reports every loss, and has what it cut in the quarantine
 * file to the byte; then a commit, a close and a strict reopen show the same rows and the new one. `verify` lists the
 * fault. It returns violations instead of throwing, so that a canary can show that it sees them.
 */
import type { Database } from '../../src/database.js'
import { VarveError } from '../../src/errors.js'
import { QUARANTINE_HEAD_BYTES } from '../../src/format/quarantine.js'
import { verifyFile } from '../../src/inspect/verify.js'
import type { RecoveryMode } from '../../src/log/recovery-info.js'
import type { MemoryStorage } from '../../src/storage/memory-storage.js'
import type { Platform } from '../../src/storage/platform.js'
import { fileBytes, fixedPlatform, openOn, PATH, storageWith } from './databases.js'
import { type Sample, stateOf } from './sample.js'

export interface Case {
  readonly sample: Sample
  readonly bytes: Uint8Array
  /** What was done to the file: printed with a violation. */
  readonly fault: string
  /** How many commits must be left by `autoTruncate`; undefined: any prefix. */
  readonly keeps?: number | undefined
  /** Fewest commits that `tornTail` may leave. */
  readonly durable: number
  /** Whether `strict` may open it with fewer commits: a clean end cannot be told from a cut at a commit's end. */
  readonly looksClean?: boolean | undefined
  /** Whether `verify` must find something. */
  readonly visible: boolean
  /** Which of the costly checks to make. */
  readonly again: boolean
  /** Besides `autoTruncate`. */
  readonly modes: readonly Exclude<RecoveryMode, 'autoTruncate'>[]
  readonly platform?: Partial<Platform> | undefined
}

export async function violationsOf(one: Case): Promise<string[]> {
  const found: string[] = []
  const say = (what: string): void => void found.push(`${one.sample.name}, ${one.fault}: ${what}`)
  for (const mode of one.modes) checkCareful(one, mode, say)
  checkAutomatic(one, say)
  if (one.visible) await checkVerify(one, say)
  return found
}

type Say = (what: string) => void

/** Rows as of which commit; -1 for rows that never were. */
function commitsIn(one: Case, db: Database, say: Say): number {
  let state: string
  try {
    state = stateOf(db)
  } catch (error) {
    say(`reading rows failed after the open: ${String(error)}`)
    return one.sample.states.length - 1
  }
  const commits = one.sample.states.lastIndexOf(state)
  if (commits < 0) say('rows that were never written, or part of a transaction')
  return commits
}

/** `strict` or `tornTail`, for reading. */
function checkCareful(one: Case, mode: RecoveryMode, say: Say): void {
  const { sample } = one
  const storage = storageWith({ [PATH]: one.bytes })
  const last = sample.states.length - 1
  let db: Database
  try {
    db = openOn(storage, { mode: 'readOnly', recovery: mode }, one.platform)
  } catch (error) {
    if (!VarveError.is(error)) say(`${mode} threw ${String(error)}`)
    return unchanged(storage, one, say)
  }
  const commits = commitsIn(one, db, say)
  db.closeSync()
  unchanged(storage, one, say)
  const least = mode === 'strict' && one.looksClean !== true ? last : one.durable
  if (commits >= 0 && commits < least)
    say(`${mode} opened with ${commits} of ${last} commits, at least ${least} expected`)
}

function unchanged(storage: MemoryStorage, one: Case, say: Say): void {
  if (storage.siblings('').length !== 1) say('files appeared')
  if (Buffer.compare(fileBytes(storage), one.bytes) !== 0) say('the file changed')
}

function checkAutomatic(one: Case, say: Say): void {
  const storage = storageWith({ [PATH]: one.bytes })
  let db: Database
  try {
    // Zeros laid ahead of each commit would cost more than all else here.
    db = openOn(storage, { recovery: 'autoTruncate', durability: 'os' }, one.platform)
  } catch (error) {
    if (!VarveError.is(error)) say(`autoTruncate threw ${String(error)}`)
    if (one.keeps !== undefined) say(`autoTruncate refused: ${String(error)}`)
    return unchanged(storage, one, say)
  }
  const commits = commitsIn(one, db, say)
  const last = one.sample.states.length - 1
  const { classification, quarantinePath, breakOffset, truncatedBytes } = db.recoveryInfo
  if (one.keeps !== undefined && commits >= 0 && commits !== one.keeps)
    say(`autoTruncate kept ${commits} commits, not ${one.keeps}`)
  if (commits < last && classification === 'clean' && one.looksClean !== true) say('a silent loss')
  const removed = breakOffset === undefined ? new Uint8Array(0) : one.bytes.slice(breakOffset)
  const kept =
    quarantinePath === undefined
      ? new Uint8Array(0)
      : fileBytes(storage, quarantinePath).slice(QUARANTINE_HEAD_BYTES)
  if (truncatedBytes !== removed.length || Buffer.compare(kept, removed) !== 0)
    say('the quarantine does not hold what was cut')
  if (one.again) goOn(one, storage, db, say)
  else db.closeSync()
}

function goOn(one: Case, storage: MemoryStorage, db: Database, say: Say): void {
  db.transactionSync((tx) => {
    tx.registerCollection('zz', [], 'id')
    tx.collection('zz').insert({ id: 'new' })
  })
  const before = stateOf(db)
  db.closeSync()
  try {
    const again = openOn(storage, { mode: 'readOnly', recovery: 'strict' }, one.platform)
    if (stateOf(again) !== before) say('a reopen shows other rows')
    again.closeSync()
  } catch (error) {
    say(`a reopen failed: ${String(error)}`)
  }
}

async function checkVerify(one: Case, say: Say): Promise<void> {
  const storage = storageWith({ [PATH]: one.bytes })
  try {
    const report = await verifyFile(PATH, { storage }, fixedPlatform(storage, one.platform))
    if (report.findings.length === 0) say('verify finds nothing')
  } catch (error) {
    if (!VarveError.is(error)) say(`verify threw ${String(error)}`)
  }
  if (Buffer.compare(fileBytes(storage), one.bytes) !== 0) say('verify changed the file')
}

/** How many commits are whole in the first `length` bytes. */
export function commitsWithin({ frames }: Sample, length: number): number {
  return frames.findLast(({ payloadEnd, isCommit }) => isCommit && payloadEnd <= length)?.commits ?? 0
}

/** How many commits are whole before the frame that holds `offset`; all, where no commit holds it. */
export function commitsBefore({ frames, states }: Sample, offset: number): number {
  const frame = frames.find((one) => offset >= one.offset && offset < one.payloadEnd)
  return frame?.isCommit === true ? frame.commits - 1 : states.length - 1
}
