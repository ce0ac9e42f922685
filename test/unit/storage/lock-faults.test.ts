import { describe, expect, it, onTestFinished } from 'vitest'
import { StorageError } from '../../../src/errors.js'
import { createFileLockManager } from '../../../src/storage/lock/manager.js'
import type { LockKind } from '../../../src/storage/lock/record.js'
import { deadOwner, plant, recordOf, temporaryDatabase } from '../../support/lock/forge.js'
import { interceptFiles, replaceFiles, systemError } from '../../support/lock/files.js'

const healthy = createFileLockManager()

/** Takes and gives up a lock; the call of this number fails, before or after it did its work. Tells whether one did. */
function takeWithFault(path: string, kind: LockKind, failing: number, when: 'before' | 'after'): boolean {
  let calls = 0
  const files = replaceFiles({})
  const faulty = interceptFiles((name, parameters) => {
    calls += 1
    if (calls !== failing) return
    if (when === 'after') (files[name] as (...all: unknown[]) => unknown)(...parameters)
    throw systemError('EIO')
  })
  const manager = createFileLockManager({ files: faulty })
  try {
    manager.acquireSync(path, { kind, waitMs: 0 }).release()
  } catch (error) {
    expect(error).toBeInstanceOf(StorageError)
    expect(error).toMatchObject({ code: 'VARVE_STORAGE', cause: { code: 'EIO' } })
  }
  return calls >= failing
}

describe.each(['before', 'after'] as const)('a call that fails, reported %s it did its work', (when) => {
  it.each<LockKind>(['writer', 'reader'])(
    'leaves a lock that can be taken, whichever it is, of a %s',
    (kind) => {
      let steps = 0
      for (let failing = 1; ; failing += 1) {
        const { path, locks } = temporaryDatabase(onTestFinished)
        plant(locks, recordOf({ owner: deadOwner() }))
        const failed = takeWithFault(path, kind, failing, when)
        healthy.acquireSync(path, { kind: 'writer', waitMs: 0 }).release()
        expect(healthy.holders(path)).toEqual([])
        if (!failed) break
        steps += 1
      }
      expect(steps).toBeGreaterThan(15)
    },
  )
})

describe('short writes', () => {
  it('still make a whole record', () => {
    const { path } = temporaryDatabase(onTestFinished)
    const files = replaceFiles({})
    const writeSync = (
      descriptor: number,
      bytes: Uint8Array,
      offset: number,
      length: number,
      position: number,
    ): number => files.writeSync(descriptor, bytes, offset, Math.min(length, 7), position)
    const held = createFileLockManager({ files: replaceFiles({ writeSync }) }).acquireSync(path, {
      kind: 'writer',
      waitMs: 0,
    })
    onTestFinished(() => {
      held.release()
    })
    expect(healthy.holders(path)).toMatchObject([{ pid: process.pid }])
  })

  it('of nothing at all end the attempt', () => {
    const { path } = temporaryDatabase(onTestFinished)
    const manager = createFileLockManager({ files: replaceFiles({ writeSync: () => 0 }) })
    const attempt = (): unknown => manager.acquireSync(path, { kind: 'writer', waitMs: 0 })
    expect(attempt).toThrow(expect.objectContaining({ code: 'VARVE_NO_SPACE' }))
    healthy.acquireSync(path, { kind: 'writer', waitMs: 0 }).release()
  })
})
