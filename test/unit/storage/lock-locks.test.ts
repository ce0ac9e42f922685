import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { breakLocks, listLocks } from '../../../src/storage/lock/locks.js'
import { createFileLockManager } from '../../../src/storage/lock/manager.js'
import { LockState } from '../../../src/storage/lock/record.js'
import { deadOwner, foreignOwner, plant, recordOf, temporaryDatabase } from '../../support/lock/forge.js'

const locks = createFileLockManager()

describe('listLocks', () => {
  it('shows nothing where nothing is', () => {
    const { path } = temporaryDatabase(onTestFinished)
    expect(listLocks(path)).toEqual([])
    expect(existsSync(`${path}.writer.lock`)).toBe(false)
  })

  it('shows who holds, who asks, who is dead and who cannot be seen, and changes nothing', () => {
    const { path, locks: directory } = temporaryDatabase(onTestFinished)
    const owner = deadOwner()
    const at = (minute: number): Date => new Date(Date.UTC(2024, 0, 1, 0, minute))
    const dead = plant(directory, recordOf({ owner, since: at(1) }))
    const away = plant(directory, recordOf({ owner: foreignOwner(), kind: 'reader', since: at(2) }))
    const asking = plant(directory, recordOf({ state: LockState.taking, since: at(3) }))
    const held = plant(directory, recordOf({ kind: 'reader', since: at(4) }))
    const before = readdirSync(directory)
    expect(listLocks(path)).toMatchObject([
      {
        file: dead,
        kind: 'writer',
        alive: false,
        reason: `process ${owner.pid} has ended`,
        holder: { pid: owner.pid },
      },
      { file: away, kind: 'reader', alive: true, reason: expect.stringContaining('cannot be seen') },
      { file: asking, kind: 'writer', alive: true, reason: expect.stringContaining('only asking') },
      { file: held, kind: 'reader', alive: true, reason: `process ${process.pid} is alive` },
    ])
    expect(readdirSync(directory)).toEqual(before)
  })

  it('refuses a path whose lock directory is none', () => {
    const { path, locks: directory } = temporaryDatabase(onTestFinished)
    writeFileSync(directory, '')
    expect(() => listLocks(path)).toThrow(/not a directory/u)
  })
})

describe('breakLocks', () => {
  it('removes the dead', () => {
    const { path, locks: directory } = temporaryDatabase(onTestFinished)
    const dead = plant(directory, recordOf({ owner: deadOwner() }))
    const away = plant(directory, recordOf({ owner: foreignOwner() }))
    expect(breakLocks(path, { force: false })).toMatchObject([{ file: dead, alive: false }])
    expect(readdirSync(directory)).toEqual([away])
  })

  it('removes all when forced, and the living notice', () => {
    const { path, locks: directory } = temporaryDatabase(onTestFinished)
    const held = locks.acquireSync(path, { kind: 'reader', waitMs: 0 })
    plant(directory, recordOf({ kind: 'reader', owner: foreignOwner() }))
    expect(breakLocks(path, { force: true })).toHaveLength(2)
    expect(existsSync(directory)).toBe(false)
    expect(held.lost).toBe(true)
    held.release()
    locks.acquireSync(path, { kind: 'writer', waitMs: 0 }).release()
  })
})
