import { describe, expect, it } from 'vitest'
import { ArgumentError, StateError, StorageError } from '../../../src/errors.js'
import {
  checkPosition,
  closedError,
  readOnlyError,
  storageError,
  storageErrorOf,
} from '../../../src/storage/storage-errors.js'

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: as the system says it`), { code })
}

describe('storageError', () => {
  it.each([
    ['ENOSPC', 'VARVE_NO_SPACE'],
    ['EDQUOT', 'VARVE_NO_SPACE'],
    ['EFBIG', 'VARVE_NO_SPACE'],
    ['ENOENT', 'VARVE_NOT_FOUND'],
    ['EEXIST', 'VARVE_EXISTS'],
    ['EIO', 'VARVE_STORAGE'],
    ['EMFILE', 'VARVE_STORAGE'],
    ['EACCES', 'VARVE_STORAGE'],
    ['ESOMETHING', 'VARVE_STORAGE'],
  ])('maps %s to %s', (system, code) => {
    const cause = systemError(system)
    const error = storageError({ operation: 'write', path: '/a/b', offset: 4096, cause })
    expect(error).toBeInstanceOf(StorageError)
    expect(error).toMatchObject({ code, cause, details: { path: '/a/b', offset: 4096 } })
    expect(error.message).toMatch(/^Could not write to \/a\/b at offset 4096: .+\.$/)
    expect(error.message).toContain(`(${system})`)
  })

  it('says in the words of the cause what it does not know', () => {
    expect(storageError({ operation: 'sync', path: '/a', cause: systemError('EODD') }).message).toBe(
      'Could not make durable what was written to /a: EODD: as the system says it (EODD).',
    )
    expect(storageError({ operation: 'read', path: '/a', cause: new TypeError('odd') }).message).toBe(
      'Could not read /a: odd.',
    )
    expect(storageError({ operation: 'read', path: '/a', cause: 'text' })).toMatchObject({
      code: 'VARVE_STORAGE',
      cause: 'text',
    })
  })

  it('names both names, and the one that is taken', () => {
    const failure = { operation: 'link', path: '/a', target: '/b' } as const
    const taken = storageErrorOf('EEXIST', failure)
    expect(taken.message).toContain('link /a to /b')
    expect(taken.details.path).toBe('/b')
    expect(storageErrorOf('ENOENT', failure).details.path).toBe('/a')
  })
})

describe('state errors', () => {
  it('say which file, and what to do', () => {
    expect(closedError('/a')).toBeInstanceOf(StateError)
    expect(closedError('/a')).toMatchObject({ code: 'VARVE_CLOSED', details: { path: '/a' } })
    expect(readOnlyError('/a')).toMatchObject({ code: 'VARVE_READ_ONLY', details: { path: '/a' } })
    expect(readOnlyError('/a').message).toContain("'readWrite'")
  })
})

describe('checkPosition', () => {
  it('accepts every byte position up to 2^53 - 1, and nothing else', () => {
    for (const position of [0, 1, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER]) checkPosition(position)
    for (const position of [-1, 0.5, NaN, Infinity, -Infinity, 2 ** 53]) {
      expect(() => checkPosition(position)).toThrow(ArgumentError)
    }
  })
})
