/** When a checkpoint is due, and whether those who pay for it finish it in time. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type CheckpointFigures,
  debtOf,
  isDue,
  isDueAtClose,
  isDueAtRest,
  NODE_SHARE,
  roomOf,
} from '../../../src/engine/checkpoint-policy.js'
import { count, seed } from '../../support/counts.js'

const MIB = 1024 * 1024
const settings = { seed, numRuns: count(1000, 100_000) }

const bytes = fc.oneof(fc.nat(100_000), fc.nat(16 * MIB), fc.nat(4096 * MIB))
const figures: fc.Arbitrary<CheckpointFigures> = fc.record({
  logBytes: bytes,
  indexBytes: bytes,
  unstoredBytes: bytes,
  nodeLimitBytes: bytes,
})

describe('the policy of checkpoints', () => {
  it('leaves a part of the cache for pages of the log', () => {
    expect(NODE_SHARE).toBeGreaterThan(0.5)
    expect(NODE_SHARE).toBeLessThan(1)
  })

  it('asks for none after a few small commits, and for one before an open takes long', () => {
    const few = { logBytes: 100_000, indexBytes: 0, unstoredBytes: 40_000, nodeLimitBytes: 56 * MIB }
    expect(isDue(few)).toBe(false)
    expect(isDue({ ...few, logBytes: 8 * MIB })).toBe(true)
    expect(isDueAtClose(1000)).toBe(false)
    expect(isDueAtClose(MIB)).toBe(true)
  })

  it('does not store an index anew for much fewer bytes of rows than it has itself', () => {
    const large = { logBytes: 30 * MIB, indexBytes: 100 * MIB, unstoredBytes: 0, nodeLimitBytes: 56 * MIB }
    expect(isDue(large)).toBe(false)
    expect(isDue({ ...large, logBytes: 200 * MIB })).toBe(true)
  })

  it('asks for one before unstored nodes fill their share, and not at every commit without a cache', () => {
    const share = { logBytes: 0, indexBytes: 0, unstoredBytes: 56 * MIB, nodeLimitBytes: 56 * MIB }
    expect(isDue(share)).toBe(true)
    expect(isDue({ ...share, unstoredBytes: 5000, nodeLimitBytes: 0 })).toBe(false)
    expect(isDue({ ...share, unstoredBytes: MIB, nodeLimitBytes: 0 })).toBe(true)
  })

  it('asks for one with less that is unstored while nobody writes, and for none with little', () => {
    const some = { logBytes: 0, indexBytes: 0, unstoredBytes: 20 * MIB, nodeLimitBytes: 56 * MIB }
    expect(isDue(some)).toBe(false)
    expect(isDueAtRest(20 * MIB, 56 * MIB)).toBe(true)
    expect(isDueAtRest(5 * MIB, 56 * MIB)).toBe(false)
    expect(isDueAtRest(5000, 0)).toBe(false)
  })

  it('asks for one with more of log or of unstored nodes, if it does with less', () => {
    fc.assert(
      fc.property(figures, bytes, bytes, (at, moreLog, moreNodes) => {
        const more = { ...at, logBytes: at.logBytes + moreLog, unstoredBytes: at.unstoredBytes + moreNodes }
        expect(isDue(more)).toBe(isDue(more) || isDue(at))
      }),
      settings,
    )
  })

  it('has commits finish a checkpoint before its memory is used up, and none pay more than is left', () => {
    fc.assert(
      fc.property(
        fc.nat(4096 * MIB),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(20_000),
        (limit, part, made) => {
          const nodeLimitBytes = limit
          // As little as makes it due, or less: the log alone may have asked for it.
          let unstoredAtStart = 0
          while (!isDue({ logBytes: 0, indexBytes: 0, unstoredBytes: unstoredAtStart, nodeLimitBytes })) {
            unstoredAtStart = Math.ceil(unstoredAtStart * 1.01) + 4096
          }
          unstoredAtStart = Math.floor(unstoredAtStart * part)
          const progress = { unstoredAtStart, stored: 0, made: 0, nodeLimitBytes }
          const room = roomOf(progress)
          expect(room).toBeGreaterThan(0)
          // A commit makes a path of nodes, at the least; larger ones are for the caller to hold up.
          const each = Math.min(made + 5000, Math.ceil(room / 8))
          let fair = true
          while (fair && progress.stored < unstoredAtStart) {
            const left = unstoredAtStart - progress.stored
            const debt = debtOf(each, progress)
            progress.made += each
            progress.stored += Math.max(debt, left / 1000, 1)
            fair = debt > 0 && debt <= left && (roomOf(progress) > 0 || progress.stored >= unstoredAtStart)
          }
          expect(fair).toBe(true)
        },
      ),
      { ...settings, numRuns: Math.ceil(settings.numRuns / 20) },
    )
  })

  it('has all that is left paid at once where there is no room', () => {
    const progress = { unstoredAtStart: 90 * MIB, stored: 10 * MIB, made: MIB, nodeLimitBytes: 50 * MIB }
    expect(roomOf(progress)).toBeLessThanOrEqual(0)
    expect(debtOf(1, progress)).toBe(80 * MIB)
    expect(debtOf(1, { ...progress, stored: 95 * MIB })).toBe(0)
  })
})
