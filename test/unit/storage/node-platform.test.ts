import { describe, expect, it } from 'vitest'
import { createNodePlatform, nodePlatform } from '../../../src/storage/node-platform.js'
import type { HeldLock, LockManager } from '../../../src/storage/platform.js'
import { platformBasics } from '../../support/platform-basics.js'

platformBasics('node', createNodePlatform)

describe('nodePlatform', () => {
  it('is one for the process', () => {
    expect(nodePlatform()).toBe(nodePlatform())
  })

  it('has files, and the native checksum', () => {
    const platform = createNodePlatform()
    expect(platform.storage?.kind).toBe('file')
    expect(platform.checksumSource).toBe('native')
    expect(platform.checksumFallbackReason).toBeUndefined()
  })

  it('says why the checksum is not the native one', () => {
    const platform = createNodePlatform({
      loadNativeChecksum: () => {
        throw new Error('no addon for this machine')
      },
    })
    expect(platform.checksumSource).toBe('typescript')
    expect(platform.checksumFallbackReason).toBe('no addon for this machine')
  })

  it('loads nothing before it is asked for, and that once', () => {
    const lock: HeldLock = { release: () => undefined }
    const made: string[] = []
    const locks: LockManager = {
      acquire: async () => lock,
      acquireSync: () => lock,
      holders: () => [],
    }
    const platform = createNodePlatform({
      loadNativeChecksum: () => {
        made.push('checksum')
        throw new Error('none')
      },
      createLockManager: () => {
        made.push('locks')
        return locks
      },
    })
    expect(made).toEqual([])
    expect([platform.checksumSource, platform.checksumFallbackReason]).toEqual(['typescript', 'none'])
    expect(platform.checksum).toBe(platform.checksum)
    expect([platform.locks, platform.locks]).toEqual([locks, locks])
    expect(made).toEqual(['checksum', 'locks'])
  })

  it('remembers a value along asynchronous calls, each its own', async () => {
    const { asyncContext } = createNodePlatform()
    const seen = async (value: object): Promise<object | undefined> =>
      asyncContext?.run(value, async () => {
        await Promise.resolve()
        return asyncContext.current()
      })
    const [one, other] = [{}, {}]
    const found = await Promise.all([seen(one), seen(other)])
    expect(found[0]).toBe(one)
    expect(found[1]).toBe(other)
    expect(asyncContext?.current()).toBeUndefined()
  })
})
