/**
 * What `verify` makes of a scan of the log: findings about frames, the chain of commits and checkpoints, and where node images
 * may be.
 */
import type { VarveError } from '../errors.js'
import { decodeCheckpoint } from '../format/checkpoint.js'
import { FRAME_HEADER_BYTES, FrameKind } from '../format/frame.js'
import type { FoundCheckpoint } from '../log/checkpoints.js'
import type { Judgement } from '../log/judgement.js'
import type { LogScanner, ScanEvent } from '../log/scanner.js'
import type { AnalysedFile } from './analysed-file.js'
import type { Contradiction, Findings } from './findings.js'
import type { LogWatch } from './log-scan.js'
import { NodeRanges } from './node-ranges.js'

export class LogCheck implements LogWatch {
  frames = 0
  commits = 0
  readonly ranges: NodeRanges = new NodeRanges()
  readonly #analysed: AnalysedFile
  readonly #findings: Findings
  readonly #hasWriter: boolean
  readonly #onScanned: (end: number) => void
  #scannedTo = 0

  constructor(
    analysed: AnalysedFile,
    findings: Findings,
    hasWriter: boolean,
    onScanned: (end: number) => void,
  ) {
    this.#analysed = analysed
    this.#findings = findings
    this.#hasWriter = hasWriter
    this.#onScanned = onScanned
  }

  /** Whatever names a checkpoint leads to one that can be read. `found` are those that can. */
  checkNames(found: readonly FoundCheckpoint[]): void {
    const known = new Set(found.map(({ offset }) => offset))
    const check = (offset: number, namedBy: string): void => {
      if (offset === 0 || known.has(offset)) return
      const expected = `a checkpoint, as ${namedBy} says`
      this.#findings.error('checkpoint', { offset }, { expected, actual: 'none that can be read' })
    }
    for (const slot of this.#analysed.blocks.superblocks.slots)
      if (slot.ok) check(slot.superblock.checkpoint, 'a superblock')
    for (const { offset, checkpoint } of found) check(checkpoint.previous, `the one at ${offset}`)
  }

  observe(event: ScanEvent, scanner: LogScanner): void {
    const { offset, end, header } = scanner
    this.#scannedTo = end
    this.#onScanned(end)
    if (event === 'frame') this.frames += 1
    if (event === 'gap') this.ranges.addUnknown(offset, end)
    if (event !== 'frame' && event !== 'badPayload') return
    const payload = offset + FRAME_HEADER_BYTES
    if (header.kind === FrameKind.indexNodes) this.ranges.add(payload, payload + header.payloadLength)
    if (header.kind === FrameKind.checkpoint && event === 'frame') this.#checkpointFrame(scanner)
  }

  #checkpointFrame({ offset, end, bytes, payloadStart, payloadEnd }: LogScanner): void {
    const checkpoint = decodeCheckpoint(bytes.subarray(payloadStart, payloadEnd))
    if (checkpoint === undefined) {
      // If anybody names it, that is an error of its own.
      const what = { expected: 'a checkpoint that is understood', actual: 'other content with its checksum' }
      return this.#findings.warning('checkpoint', { offset, end }, what)
    }
    const { bytes: nodeBytes, hasUnknown } = this.ranges
    if (hasUnknown || checkpoint.nodeBytes === nodeBytes) return
    const expected = `${nodeBytes} bytes of nodes, as the log before it has`
    this.#findings.error('checkpoint', { offset, end }, { expected, actual: String(checkpoint.nodeBytes) })
  }

  contradicted({ offset, end }: FoundCheckpoint, what: Contradiction): void {
    this.#findings.error('checkpoint', { offset, end }, what)
  }

  refused(error: VarveError, { to }: { readonly to: number }): void {
    const { offset = 0, expected = 'content that agrees with itself', actual = error.message } = error.details
    this.#findings.error('content', { offset }, { expected, actual })
    this.ranges.addUnknown(this.#scannedTo, to)
  }

  judged(judgement: Judgement): void {
    this.commits += judgement.transactionsApplied
    this.#checkRanges(judgement)
    this.#checkChain(judgement)
  }

  #checkRanges({ badRanges, brokenRanges, classification, cutCommits }: Judgement): void {
    for (const { offset, end, reason } of badRanges) {
      const kind = reason === 'padding is not zero' ? 'padding' : 'frame'
      const what = { expected: 'a frame with its checksums, or zeros', actual: reason }
      this.#findings.error(kind, { offset, end }, what)
    }
    if (classification === 'tornTail' || classification === 'uncommittedTail') return
    // Whole commits behind the break are sound themselves: the finding about the chain counts them.
    const whole = new Set(cutCommits.map(({ offset }) => offset))
    for (const { offset, end, reason } of brokenRanges) {
      if (whole.has(offset)) continue
      const what = { expected: 'a frame in the chain of commits', actual: reason }
      this.#findings.error('frame', { offset, end }, what)
    }
  }

  #checkChain(judgement: Judgement): void {
    const { classification, breakOffset: offset, breakReason, fileSize, transactionsCut } = judgement
    if (classification === 'clean' || offset === undefined) return
    if (classification === 'damage' || classification === 'shortFile') {
      const lost = transactionsCut === 0 ? '' : `; ${transactionsCut} whole commits lie behind it`
      const expected = `commits up to offset ${judgement.watermark}, which were durable`
      const actual = `${classification}: ${breakReason}${lost}`
      return this.#findings.error('chain', { offset, end: fileSize }, { expected, actual })
    }
    if (this.#hasWriter) return
    const actual = `${classification}: ${breakReason}`
    this.#findings.warning('chain', { offset }, { expected: 'a log that ends with a commit', actual })
  }
}
