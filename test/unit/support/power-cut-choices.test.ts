import { describe, expect, it } from 'vitest'
import { subsetsAt, tearsAt } from '../../support/power-cut-choices.js'
import { PowerCutStorage } from '../../support/power-cut-storage.js'

function withWrites(count: number): PowerCutStorage {
  const storage = new PowerCutStorage()
  const file = storage.open('db', 'create')
  storage.syncDirectory('db')
  for (let index = 0; index < count; index++) file.write(Uint8Array.of(1, 2, 3, 4), index * 4)
  return storage
}

describe('subsetsAt', () => {
  it('gives every subset while they are few', () => {
    const storage = withWrites(3)
    const subsets = [...subsetsAt(storage, storage.boundary, { seed: 1 })]
    expect(new Set(subsets.map((each) => JSON.stringify(each))).size).toBe(8)
    expect(subsets).toContainEqual({ survivors: [2, 4] })
    expect([...subsetsAt(storage, 2, { seed: 1 })]).toEqual([{ survivors: [] }])
  })

  it('gives so many samples when they are not, with none and all', () => {
    const storage = withWrites(20)
    const subsets = [...subsetsAt(storage, storage.boundary, { seed: 1, samples: 30 })]
    expect(subsets).toHaveLength(30)
    expect(subsets.slice(0, 2)).toEqual(['none', 'all'])
    expect(subsets).toEqual([...subsetsAt(storage, storage.boundary, { seed: 1, samples: 30 })])
    for (const choice of subsets)
      expect(storage.imageAfter(storage.boundary, choice).stat('db')).toBeDefined()
  })
})

describe('tearsAt', () => {
  it('tears the last open write at every byte, in every way', () => {
    const storage = withWrites(2)
    const tears = [...tearsAt(storage, storage.boundary)]
    expect(tears).toHaveLength(4 * 4)
    const sizes = tears.map((choice) => storage.imageAfter(storage.boundary, choice).stat('db')?.sizeBytes)
    expect(sizes).toEqual([4, 8, 8, 8, 5, 8, 8, 8, 6, 8, 8, 8, 7, 8, 8, 8])
    expect([...tearsAt(storage, storage.boundary, { step: 2, rests: ['zeros'] })]).toHaveLength(2)
  })

  it('gives nothing where no write is open', () => {
    expect([...tearsAt(withWrites(0), 2)]).toEqual([])
  })
})
