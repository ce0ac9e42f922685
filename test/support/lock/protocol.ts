/** What a test and the processes that take locks for it say to each other. All of it is JSON. */

/** What a taker process can be asked to do; it answers each with one {@link TakerReply}. */
export type TakerOrder =
  /** Take the lock, by either way. */
  | {
      readonly order: 'take'
      readonly path: string
      readonly kind: 'writer' | 'reader'
      readonly waitMs: number
      readonly blocking: boolean
    }
  /** Give up what it holds. */
  | { readonly order: 'release' }
  /** Stand still, event loop and all, for so long; answers before it begins. */
  | { readonly order: 'block'; readonly ms: number }
  /** Start another taker process that takes the lock as a writer and never gives it up; answers with its pid. */
  | { readonly order: 'bear'; readonly path: string }
  /** Say what the process hooks and has loaded. */
  | { readonly order: 'describe' }

export interface TakerReply {
  /** Whether it holds a lock that nobody has removed. */
  readonly holds: boolean
  readonly error?:
    { readonly name: string; readonly message: string; readonly holderPid: number | undefined } | undefined
  readonly childPid?: number | undefined
  /** Number of listeners for the end of the process and for signals, and whether the gate's library is loaded. */
  readonly hooks?: { readonly listeners: number; readonly gateLoaded: boolean } | undefined
}
