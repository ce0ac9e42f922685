/**
 * Counts what a scan of the log meets: frames by kind, and commits in the chain.
 */
import { FrameKind } from '../format/frame.js'
import type { Judgement } from '../log/judgement.js'
import type { LogScanner, ScanEvent } from '../log/scanner.js'
import type { LogWatch } from './log-scan.js'

export interface FrameCount {
  readonly kind: string
  readonly frames: number
  readonly bytes: number
}

/** Frames that hold a commit block. */
const COMMITS: ReadonlySet<number> = new Set([FrameKind.transaction, FrameKind.txnCommit, FrameKind.base])

export class FrameCounter implements LogWatch {
  /** Commits in the chain, the sequence of the first and when it was made. */
  commits = 0
  firstSequence: number | undefined
  firstTime: number | undefined
  readonly #counts = new Map<number, { frames: number; bytes: number }>()
  readonly #onScanned: (end: number) => void

  constructor(onScanned: (end: number) => void) {
    this.#onScanned = onScanned
  }

  observe(event: ScanEvent, scanner: LogScanner): void {
    this.#onScanned(scanner.end)
    if (event !== 'frame') return
    const { kind, sequence } = scanner.header
    const count = this.#counts.get(kind) ?? { frames: 0, bytes: 0 }
    count.frames += 1
    count.bytes += scanner.end - scanner.offset
    this.#counts.set(kind, count)
    if (COMMITS.has(kind)) this.firstSequence ??= sequence
  }

  judged({ transactionsApplied, firstTime }: Judgement): void {
    this.commits += transactionsApplied
    if (transactionsApplied > 0) this.firstTime ??= firstTime
  }

  refused(): void {
    // What stands here and why is for `verify` to say.
  }

  contradicted(): void {
    // As above.
  }

  framesOf(kind: FrameKind): number {
    return this.#counts.get(kind)?.frames ?? 0
  }

  list(): FrameCount[] {
    return Object.entries(FrameKind).flatMap(([kind, number]) => {
      const count = this.#counts.get(number)
      return count === undefined ? [] : [{ kind, ...count }]
    })
  }
}
