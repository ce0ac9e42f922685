/**
 * The payload of a `TxnBegin` frame: which transaction begins, and after which commit. It lets a tool say what a
 * transaction without its commit was; recovery relies on the commit block alone.
 */

/** Byte offsets within a `TxnBegin` payload. */
export const TxnBeginField = {
  sequence: 0,
  previousSequence: 8,
  previousCrc: 16,
  reserved: 20,
  end: 24,
} as const

export const TXN_BEGIN_BYTES = 24
