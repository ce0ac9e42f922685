/**
 * A position in the history of a database: a commit by sequence and checksum, which are the same in every file of it.
 */
import { ArgumentError } from '../errors.js'
import type { CommitPosition } from '../log/commit-position.js'

/** The commit that a feed goes on behind. */
export interface FeedPosition {
  readonly sequence: number
  /** Undefined if only the sequence is known, so that another line of history cannot be told. */
  readonly crc: number | undefined
}

const TOKEN = /^(0|[1-9]\d{0,15})-([0-9a-f]{8})$/

/** As a text: the sequence, and the commit's checksum in hexadecimal digits. */
export function positionText({ sequence, crc }: Pick<CommitPosition, 'sequence' | 'crc'>): string {
  return `${sequence}-${crc.toString(16).padStart(8, '0')}`
}

/** The position that a caller gave: a token, or a sequence. Throws `VARVE_ARGUMENT`. */
export function readPosition(since: unknown): FeedPosition {
  if (typeof since === 'number' && Number.isSafeInteger(since) && since >= 0)
    return { sequence: since, crc: undefined }
  const [, sequence, crc] = (typeof since === 'string' ? TOKEN.exec(since) : null) ?? []
  if (sequence !== undefined && crc !== undefined && Number.isSafeInteger(Number(sequence)))
    return { sequence: Number(sequence), crc: Number.parseInt(crc, 16) }
  throw new ArgumentError(
    `The option since must be the position of a commit, as a feed gives it, a commit sequence (an integer of at least 0), 'start' or 'now', not ${JSON.stringify(since) ?? typeof since}.`,
  )
}
