import { afterEach, describe, expect, it, vi } from 'vitest'
import { count, long, seed } from '../../support/counts.js'
import { runSeed } from '../../support/seed.js'

afterEach(() => vi.unstubAllEnvs())

describe('counts', () => {
  it('takes the count of the present run and multiplies it', () => {
    vi.stubEnv('VARVE_COUNT', '')
    expect(count(100, 2000)).toBe(long ? 2000 : 100)
    vi.stubEnv('VARVE_COUNT', '0.5')
    expect(count(100, 2000)).toBe(long ? 1000 : 50)
  })

  it('never runs nothing', () => {
    vi.stubEnv('VARVE_COUNT', '0.0001')
    expect(count(1, 1)).toBe(1)
  })

  it.each(['0', '-1', 'many', 'Infinity'])('refuses the multiplier %s', (text) => {
    vi.stubEnv('VARVE_COUNT', text)
    expect(() => count(1, 1)).toThrow(TypeError)
  })
})

describe('the seed', () => {
  it('is the one the run was given', () => {
    expect(seed).toBe(Number(process.env['VARVE_SEED']))
    expect(runSeed()).toBe(seed)
  })

  it.each(['-1', '4294967296', '1.5', 'abc'])('refuses %s', (text) => {
    vi.stubEnv('VARVE_SEED', text)
    expect(() => runSeed()).toThrow(TypeError)
  })
})
