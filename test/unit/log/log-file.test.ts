import { describe, expect, it } from 'vitest'
import { VarveError } from '../../../src/errors.js'
import { LOG_START } from '../../../src/format/header.js'
import { checkPath, createDatabase, readFixedBlocks } from '../../../src/log/log-file.js'
import { nodePlatform } from '../../../src/storage/node-platform.js'
import type { Storage } from '../../../src/storage/storage.js'
import { runSync } from '../../../src/storage/task.js'
import { crc32c } from '../../../native-free/crc32c.js'
import { subsetsAt } from '../../support/power-cut-choices.js'
import { PowerCutStorage } from '../../support/power-cut-storage.js'
import { seed } from '../../support/counts.js'

const create = (storage: Storage): void => runSync(createDatabase(storage, 'a', nodePlatform()))

describe('the creation of a database', () => {
  it('gives the name a whole file or none, wherever the power fails', () => {
    const storage = new PowerCutStorage()
    create(storage)
    let named = 0
    for (let boundary = 0; boundary <= storage.boundary; boundary++) {
      for (const choice of subsetsAt(storage, boundary, { seed })) {
        const image = storage.imageAfter(boundary, choice)
        if (image.stat('a') === undefined) continue
        named++
        const { headerDamaged, superblocks } = readFixedBlocks(image.open('a', 'read'), crc32c)
        expect(headerDamaged).toBe(false)
        expect(superblocks.slots.map(({ ok }) => ok)).toEqual([true, true])
      }
    }
    expect(named).toBeGreaterThan(1)
    expect(storage.siblings('')).toEqual(['a'])
  })

  it('makes two equal superblocks at the begin of an empty log', () => {
    const storage = new PowerCutStorage()
    create(storage)
    const { header, superblocks } = readFixedBlocks(storage.open('a', 'read'), crc32c)
    expect(superblocks.live).toMatchObject({
      sequence: 2,
      epoch: 0,
      watermark: LOG_START,
      cutAt: 0,
      highestSequence: 0,
      header,
    })
    expect(storage.stat('a')?.sizeBytes).toBe(LOG_START)
  })

  it('does not take the place of a file that appeared meanwhile', () => {
    const storage = new PowerCutStorage()
    const file = storage.open('a', 'create')
    file.write(new Uint8Array([1]), 0)
    let error: unknown
    try {
      create(storage)
    } catch (thrown) {
      error = thrown
    }
    expect(VarveError.is(error, 'VARVE_EXISTS')).toBe(true)
    expect(storage.siblings('')).toEqual(['a'])
    expect(file.size()).toBe(1)
  })
})

describe('a path', () => {
  it.each([':memory:', '', 'a\0b'])('%j cannot be meant', (path) => {
    expect(() => checkPath(path)).toThrow(TypeError)
  })
})
