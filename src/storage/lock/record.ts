/**
 * A lock record: the file by which one taker says who it is. Names, content, and reading it back.
 *
 * A record is JSON of one line. It is complete when it appears under its name, and from then on only its tail changes,
 * in place and at a fixed width: the digits of its state and of its heartbeat. Every mixture of an old and a new tail
 * is again a valid record, so a reader never meets a half-written one, and a listing never misses it, as some file
 * systems allow while a name is being replaced.
 */
import type { LockHolder } from '../../errors.js'
import type { TaskIdentity, ThreadIdentity } from './identity.js'

export type LockKind = LockHolder['kind']

/** How far a taker has come. */
export const LockState = {
  /** It has announced itself and not yet looked whether others did; it holds nothing, and will withdraw if so. */
  taking: 0,
  held: 1,
  /** It gave the lock up but could not remove its record. */
  released: 2,
} as const
export type LockState = (typeof LockState)[keyof typeof LockState]

/** What a record says. */
export interface LockRecord {
  readonly kind: LockKind
  /** Random, 32 hexadecimal digits; never used twice, so a record's name never means another taker. */
  readonly token: string
  readonly owner: ThreadIdentity
  readonly since: Date
  /** The database's path, as its owner resolved it. */
  readonly path: string
  /** The descriptor under which the owner keeps this very file open while it lives. */
  readonly descriptor: number
  readonly state: LockState
  /** Counted up by the owner as long as its event loop turns. */
  readonly heartbeat: number
}

/** The longest content that is read back. A record has a few hundred bytes and one path. */
export const MAX_RECORD_BYTES: number = 64 * 1024

const PREFIXES: Readonly<Record<LockKind, string>> = { writer: 'w', reader: 'r' }
const RECORD_NAME = /^[wr]-[0-9a-f]{32}$/u
const TEMPORARY_NAME = /^t-[0-9a-f]{32}$/u
const HEARTBEAT_DIGITS = 12

export function recordName(kind: LockKind, token: string): string {
  return `${PREFIXES[kind]}-${token}`
}

/** The name under which a record is made, before anyone takes it for one. */
export function temporaryName(token: string): string {
  return `t-${token}`
}

export function isTemporaryName(name: string): boolean {
  return TEMPORARY_NAME.test(name)
}

/** What kind of record a file of this name is; undefined for every other file. */
export function kindOfName(name: string): LockKind | undefined {
  if (!RECORD_NAME.test(name)) return undefined
  return name.startsWith(PREFIXES.writer) ? 'writer' : 'reader'
}

export function encodeRecord(record: LockRecord): string {
  const { kind, token, owner, since, path, descriptor, state, heartbeat } = record
  const head = JSON.stringify({
    varveLock: 1,
    kind,
    token,
    owner,
    since: utcText(since),
    path,
    descriptor,
  })
  return head.slice(0, -1) + encodeTail(state, heartbeat)
}

/** As `toISOString`, which looks up the time zone of the system first: that takes as long as all the rest of a record. */
function utcText(time: Date): string {
  const year = time.getUTCFullYear()
  if (year < 0 || year > 9999) return time.toISOString()
  const date = [padded(year, 4), padded(time.getUTCMonth() + 1), padded(time.getUTCDate())]
  const clock = [padded(time.getUTCHours()), padded(time.getUTCMinutes()), padded(time.getUTCSeconds())]
  return `${date.join('-')}T${clock.join(':')}.${padded(time.getUTCMilliseconds(), 3)}Z`
}

function padded(value: number, digits = 2): string {
  return String(value).padStart(digits, '0')
}

/** The last bytes of every record, always as many: `TAIL_BYTES`. */
export function encodeTail(state: LockState, heartbeat: number): string {
  const digits = padded(heartbeat % 10 ** HEARTBEAT_DIGITS, HEARTBEAT_DIGITS)
  return `,"state":${state},"heartbeat":"${digits}"}\n`
}

export const TAIL_BYTES: number = encodeTail(LockState.taking, 0).length

/** The record that a file named for `kind` holds; undefined if it is not one that this version understands. */
export function decodeRecord(kind: LockKind, text: string): LockRecord | undefined {
  const value = parseObject(text)
  if (value === undefined || value['varveLock'] !== 1 || value['kind'] !== kind) return undefined
  const { token, path, descriptor, state } = value
  const owner = decodeOwner(value['owner'])
  const since = new Date(String(value['since']))
  const heartbeat = Number(value['heartbeat'])
  if (owner === undefined || Number.isNaN(since.getTime()) || !isCount(heartbeat)) return undefined
  if (typeof token !== 'string' || typeof path !== 'string' || !isCount(descriptor)) return undefined
  if (!isState(state)) return undefined
  return { kind, token, owner, since, path, descriptor, state, heartbeat }
}

function decodeOwner(value: unknown): ThreadIdentity | undefined {
  if (!isObject(value)) return undefined
  const { host, bootId, namespace, pid, processStart, threadId, task } = value
  if (typeof host !== 'string' || !isCount(pid) || pid === 0 || !isCount(threadId)) return undefined
  if (!isOptionalText(bootId) || !isOptionalText(namespace) || !isOptionalText(processStart)) return undefined
  if (task !== undefined && !isTask(task)) return undefined
  return { host, bootId, namespace, pid, processStart, threadId, task }
}

/** Whom an error or a list names for this record. */
export function holderOf(record: LockRecord): LockHolder {
  const { kind, owner, since } = record
  return { kind, pid: owner.pid, threadId: owner.threadId, host: owner.host, since }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isTask(value: unknown): value is TaskIdentity {
  return isObject(value) && isCount(value['id']) && typeof value['start'] === 'string'
}

function isState(value: unknown): value is LockState {
  return value === LockState.taking || value === LockState.held || value === LockState.released
}

/** Ids of processes, threads and descriptors are 32-bit at most; a heartbeat has twelve digits. */
function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string'
}
