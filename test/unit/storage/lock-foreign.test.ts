import { openSync, readFileSync, readdirSync, writeFileSync, writeSync, closeSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { LockedError } from '../../../src/errors.js'
import { createFileLockManager, type FileLockManager } from '../../../src/storage/lock/manager.js'
import { Observations } from '../../../src/storage/lock/observations.js'
import { TAIL_BYTES, encodeTail, type LockRecord } from '../../../src/storage/lock/record.js'
import { sharedFileSystem } from '../../../src/storage/lock/shared-storage.js'
import { foreignOwner, newToken, plant, recordOf, temporaryDatabase } from '../../support/lock/forge.js'
import { replaceFiles } from '../../support/lock/files.js'

/** A waiter whose clock the test moves, and a record of an owner that it cannot see. */
interface Scene {
  readonly manager: FileLockManager
  readonly path: string
  readonly directory: string
  readonly record: LockRecord
  readonly file: string
  readonly attempt: () => 'taken' | 'locked'
  readonly wait: (ms: number) => void
}

function scene(): Scene {
  const { path, locks: directory } = temporaryDatabase(onTestFinished)
  let nowMs = 1_000_000
  const manager = createFileLockManager({ monotonicMs: () => nowMs, observations: new Observations() })
  const record = recordOf({ owner: foreignOwner() })
  const file = join(directory, plant(directory, record))
  return {
    manager,
    path,
    directory,
    record,
    file,
    attempt: () => attempt(manager, path),
    wait: (ms) => {
      nowMs += ms
    },
  }
}

function attempt(manager: FileLockManager, path: string): 'taken' | 'locked' {
  try {
    manager.acquireSync(path, { kind: 'writer', waitMs: 0 }).release()
    return 'taken'
  } catch (error) {
    expect(error).toBeInstanceOf(LockedError)
    return 'locked'
  }
}

/** What a living owner does every few seconds. */
function beat(file: string, heartbeat: number): void {
  const position = readFileSync(file).length - TAIL_BYTES
  const descriptor = openSync(file, 'r+')
  writeSync(descriptor, encodeTail(1, heartbeat), position)
  closeSync(descriptor)
}

describe('an owner that cannot be seen', () => {
  it('counts as dead only after its heartbeat stood still for 60 s of the own clock', () => {
    const { attempt: take, wait } = scene()
    expect(take()).toBe('locked')
    wait(59_999)
    expect(take()).toBe('locked')
    wait(1)
    expect(take()).toBe('taken')
  })

  it('is given 60 s again by every beat', () => {
    const { attempt: take, wait, file } = scene()
    for (const heartbeat of [8, 9, 10]) {
      expect(take()).toBe('locked')
      wait(59_000)
      beat(file, heartbeat)
      expect(take()).toBe('locked')
      wait(59_000)
    }
    wait(1_000)
    expect(take()).toBe('taken')
  })

  it('is not judged by the time since when it claims to hold the lock, nor by file times', () => {
    const { attempt: take, wait } = scene()
    wait(3_600_000)
    expect(take()).toBe('locked')
  })

  it('does not inherit the standstill of a record that went away', () => {
    const { attempt: take, wait, directory, record } = scene()
    expect(take()).toBe('locked')
    wait(60_000)
    plant(directory, { ...record, token: newToken() })
    expect(take()).toBe('locked')
    expect(readdirSync(directory)).toHaveLength(1)
  })

  it('is waited out by one that waits long enough', () => {
    const { path, directory } = scene()
    let nowMs = 0
    const everySecond = (): number => (nowMs += 1_000)
    const manager = createFileLockManager({ monotonicMs: everySecond, observations: new Observations() })
    const file = readdirSync(directory)[0] ?? ''
    const held = manager.acquireSync(path, { kind: 'writer', waitMs: 70_000 })
    expect(readdirSync(directory)).not.toContain(file)
    held.release()
  })

  it('is named, with how to get past it', () => {
    const { manager, path } = scene()
    const take = (): unknown => manager.acquireSync(path, { kind: 'reader', waitMs: 0 })
    expect(take).toThrow(/process 41 \(main thread\) on host elsewhere/u)
    expect(take).toThrow(/60 s of waiting.*varve locks --break/u)
    expect(take).not.toThrow(/this very process/u)
  })

  it('holds the lock for the lists as well', () => {
    const { manager, path } = scene()
    expect(manager.holders(path)).toMatchObject([{ kind: 'writer', pid: 41, host: 'elsewhere' }])
  })
})

describe('a record that cannot be understood', () => {
  it('is watched in the same way', () => {
    const { attempt: take, wait, file } = scene()
    writeFileSync(file, '{"varveLock":2,"from":"the future"}')
    expect(take()).toBe('locked')
    wait(60_000)
    expect(take()).toBe('taken')
  })
})

describe.runIf(process.platform === 'linux')('shared storage', () => {
  const onType = (type: number) => replaceFiles({ statfsSync: () => ({ type }) })

  it('is told from local storage', () => {
    const { path } = temporaryDatabase(onTestFinished)
    expect(sharedFileSystem(path, onType(0x6969))).toBe('NFS')
    expect(sharedFileSystem(path, onType(0xff534d42 | 0))).toBe('SMB')
    expect(sharedFileSystem(path, onType(0xef53))).toBeUndefined()
    expect(sharedFileSystem(join(path, 'nowhere', 'x'))).toBeUndefined()
  })

  it('makes an empty record that of another machine, which may not have written it out yet', () => {
    const { path, locks: directory } = temporaryDatabase(onTestFinished)
    const name = plant(directory, recordOf())
    writeFileSync(join(directory, name), '')
    expect(attempt(createFileLockManager({ files: onType(0x6969) }), path)).toBe('locked')
    expect(attempt(createFileLockManager(), path)).toBe('taken')
  })
})
