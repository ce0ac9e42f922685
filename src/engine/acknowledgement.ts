/**
 * How whoever committed something is told.
 */

/** Told once: without an error when the commit is acknowledged, with it when the commit failed. */
export type Settle = (error?: unknown) => void

/** A promise of an acknowledgement, and what keeps it. */
export function acknowledgement(): { readonly acknowledged: Promise<void>; readonly settle: Settle } {
  let settle: Settle | undefined
  const acknowledged = new Promise<void>((resolve, reject) => {
    settle = (error) => (error === undefined ? resolve() : reject(error))
  })
  return { acknowledged, settle: (error) => settle?.(error) }
}
