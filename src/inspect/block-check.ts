/**
 * Checks the fixed blocks at a file's begin: the header and the two superblocks.
 */
import { BLOCK_BYTES, decodeHeader } from '../format/header.js'
import { SUPERBLOCK_OFFSETS } from '../format/superblock.js'
import type { SuperblockSlots } from '../log/superblocks.js'
import type { AnalysedFile } from './analysed-file.js'
import type { Findings } from './findings.js'

export class BlockCheck {
  readonly #analysed: AnalysedFile
  readonly #findings: Findings

  constructor(analysed: AnalysedFile, findings: Findings) {
    this.#analysed = analysed
    this.#findings = findings
  }

  /** A file without an identity was refused already; every other defect is a finding. */
  run(hasWriter: boolean): void {
    this.#checkHeader()
    const { superblocks } = this.#analysed.blocks
    for (const [i, slot] of superblocks.slots.entries()) {
      if (slot.ok) continue
      const offset = SUPERBLOCK_OFFSETS[i] ?? 0
      const what = { expected: 'a superblock of this file', actual: slot.problem }
      this.#findings.error('superblock', { offset, end: offset + BLOCK_BYTES }, what)
    }
    if (!hasWriter) this.#checkOrder(superblocks.slots)
    const cutAt = superblocks.live?.cutAt ?? 0
    if (cutAt === 0) return
    const what = { expected: 'no cut in progress', actual: `an unfinished cut at ${cutAt}` }
    this.#findings.warning('superblock', { offset: SUPERBLOCK_OFFSETS[0] }, what)
  }

  #checkHeader(): void {
    const { file, platform } = this.#analysed
    const bytes = new Uint8Array(BLOCK_BYTES)
    file.read(bytes, 0)
    const header = decodeHeader(bytes, platform.checksum)
    if (header.ok) return
    const what = { expected: 'a header with its checksum', actual: header.problem }
    this.#findings.error('header', { offset: 0, end: BLOCK_BYTES }, what)
  }

  /** Slots are written in turn, so that they differ by one; a block copied over the other does not. */
  #checkOrder([a, b]: SuperblockSlots['slots']): void {
    if (!a.ok || !b.ok) return
    const [first, second] = [a.superblock.sequence, b.superblock.sequence]
    if (Math.abs(first - second) === 1) return
    const expected = 'two superblocks whose sequences differ by one'
    const actual = `${first} and ${second}`
    this.#findings.error('superblock', { offset: SUPERBLOCK_OFFSETS[0] }, { expected, actual })
  }
}
