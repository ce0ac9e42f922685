/**
 * Which transaction the running code belongs to: known within a turn by what is being run, and across turns by the
 * platform's asynchronous context, where it has one.
 */
import { TransactionError } from '../errors.js'
import type { AsyncContext } from '../storage/platform.js'
import type { Transaction } from './transaction.js'

/** Kept in the asynchronous context. Transactions of several databases may be nested in each other. */
interface Context {
  readonly owner: RunningCode
  readonly transaction: Transaction
  readonly outer: Context | undefined
}

export class RunningCode {
  readonly #asyncContext: AsyncContext | undefined
  /** The transaction whose code is running in this very turn. */
  #running: Transaction | undefined

  constructor(asyncContext: AsyncContext | undefined) {
    this.#asyncContext = asyncContext
  }

  /** Whether code across turns can be told apart. */
  get spansTurns(): boolean {
    return this.#asyncContext !== undefined
  }

  /** Runs `fn` as code of a transaction that has ended when it returns: whatever it starts comes after that. */
  runNow<T>(transaction: Transaction, fn: (transaction: Transaction) => T): T {
    this.#running = transaction
    try {
      return fn(transaction)
    } finally {
      this.#running = undefined
    }
  }

  /** Runs `fn`, and whatever it starts, as code of a transaction. */
  run<T>(transaction: Transaction, fn: () => T): T {
    this.#running = transaction
    try {
      if (this.#asyncContext === undefined) return fn()
      const context: Context = { owner: this, transaction, outer: this.#context() }
      return this.#asyncContext.run(context, fn)
    } finally {
      this.#running = undefined
    }
  }

  /** Whether the running code belongs to a transaction that is still open. */
  inTransaction(): boolean {
    if (this.#running?.open === true) return true
    for (let context = this.#context(); context !== undefined; context = context.outer) {
      if (context.owner === this && context.transaction.open) return true
    }
    return false
  }

  #context(): Context | undefined {
    return this.#asyncContext?.current() as Context | undefined // Nothing but `run` puts anything there.
  }
}

/** A synchronous transaction ends with its callback: what a promise still does would come too late. */
export function refusePromise(result: unknown): void {
  if (
    typeof result !== 'object' ||
    result === null ||
    !('then' in result) ||
    typeof result.then !== 'function'
  )
    return
  throw new TransactionError(
    'The callback of transactionSync returned a promise. Use transaction for asynchronous work.',
  )
}
