import { describe, expect, it } from 'vitest'
import { nativeFreePlatform } from '../../../native-free/platform.js'
import { platformBasics } from '../../support/platform-basics.js'

platformBasics('native-free', nativeFreePlatform)

describe('nativeFreePlatform', () => {
  it('is one for the realm', () => {
    expect(nativeFreePlatform()).toBe(nativeFreePlatform())
  })

  it('brings neither storage nor locks nor asynchronous context', () => {
    const { storage, locks, asyncContext, checksumSource } = nativeFreePlatform()
    expect({ storage, locks, asyncContext, checksumSource }).toEqual({ checksumSource: 'typescript' })
  })
})
