/**
 * A limit on how long a transaction's callback may take.
 */
import { TransactionError } from '../errors.js'
import type { Platform, Timer } from '../storage/platform.js'

export interface TransactionOptions {
  /**
   * Longest time the callback may keep the writer, in milliseconds; beyond it the transaction is rolled back.
   * Default: none where the platform tells which code belongs to a transaction (Node), else 10,000.
   */
  readonly timeoutMs?: number | undefined
}

/** Where the platform cannot tell which code belongs to a transaction. */
export const DEFAULT_TIMEOUT_MS = 10_000

/** The result, or `VARVE_TRANSACTION` after `timeoutMs` milliseconds. */
export async function inTime<T>(result: Promise<T>, timeoutMs: number, platform: Platform): Promise<T> {
  let timer: Timer | undefined
  const late = new Promise<never>((_, reject) => {
    timer = platform.setTimer(() => {
      reject(
        new TransactionError(
          `The transaction took longer than ${timeoutMs} ms and was rolled back. If it waits for a write on the database itself, write through its own object instead.`,
        ),
      )
    }, timeoutMs)
  })
  try {
    return await Promise.race([result, late])
  } finally {
    timer?.cancel()
  }
}
