/** What every platform must do, whatever it is made of. */
import { describe, expect, it, vi } from 'vitest'
import type { Platform } from '../../src/storage/platform.js'

export function platformBasics(name: string, make: () => Platform): void {
  describe(`platform: ${name}`, () => {
    const platform = make()

    it('checks sums as CRC-32C does', () => {
      expect(platform.checksum(new TextEncoder().encode('_123456789_'), 1, 10)).toBe(0xe3069283)
      expect(platform.checksum(new Uint8Array(0), 0, 0)).toBe(0)
      expect(platform.checksum(new Uint8Array(5), 5, 5, 77)).toBe(77)
    })

    it('tells the time of day, and one that never goes back', () => {
      const before = Date.now()
      const now = platform.now()
      expect(now).toBeGreaterThanOrEqual(before)
      expect(now).toBeLessThanOrEqual(Date.now())
      const readings = Array.from({ length: 100 }, () => platform.monotonicMs())
      expect(readings).toEqual(readings.toSorted((a, b) => a - b))
    })

    it('fills any length with bytes that differ, in a plain Uint8Array', () => {
      for (const length of [0, 1, 16, 65_536, 200_001]) {
        const bytes = platform.randomBytes(length)
        expect(bytes).toHaveLength(length)
        expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype)
      }
      expect(platform.randomBytes(16)).not.toEqual(platform.randomBytes(16))
      const long = platform.randomBytes(200_001)
      expect(long.subarray(-1000).some((byte) => byte !== 0)).toBe(true)
    })

    it('yields to what waits for the event loop', async () => {
      let turned = false
      const turn = new Promise<void>((resolve) => {
        setImmediate(() => {
          turned = true
          resolve()
        })
      })
      await platform.yield()
      await turn
      expect(turned).toBe(true)
    })

    it('calls timers, unless they are cancelled', async () => {
      const cancelled = vi.fn<() => void>()
      const timer = platform.setTimer(cancelled, 1)
      timer.cancel()
      timer.cancel()
      await new Promise<void>((resolve) => {
        platform.setTimer(resolve, 5)
        // A timer of the platform keeps nothing alive, so the test does.
        setTimeout(() => undefined, 1000)
      })
      expect(cancelled).not.toHaveBeenCalled()
    })

    it('keeps no process alive by a timer', () => {
      const holding = (): number =>
        process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
      const before = holding()
      const timer = platform.setTimer(() => undefined, 60_000)
      expect(holding()).toBe(before)
      timer.cancel()
    })

    it('can be copied with changes', () => {
      const copy: Platform = { ...platform, now: () => 5 }
      expect(copy.now()).toBe(5)
      expect(copy.checksum).toBe(platform.checksum)
      expect(copy.randomBytes(3)).toHaveLength(3)
    })
  })
}
