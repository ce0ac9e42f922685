/**
 * What bytes of the log are good for.
 */

/** Bytes in the log that are in use, and those that are not. */
export interface ByteUse {
  readonly liveBytes: number
  readonly deadBytes: number
}
