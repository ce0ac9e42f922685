/** What the storage conformance tests share. */
import { afterEach, beforeEach, expect } from 'vitest'
import { VarveError, type ErrorCode } from '../../src/errors.js'
import type { Storage, StorageFile } from '../../src/storage/storage.js'
import type { MakeStorage, StorageUnderTest } from './storage-suite.js'

export interface Harness {
  readonly storage: Storage
  /** The full name of a file. */
  readonly file: (name: string) => string
  /** A new file with this content, open for writing. */
  create(name: string, text?: string): StorageFile
}

/** A storage made before and disposed of after each test of the enclosing `describe`. */
export function useStorage(make: MakeStorage): Harness {
  let current: StorageUnderTest | undefined
  let opened: StorageFile[] = []
  const required = (): StorageUnderTest => {
    if (current === undefined) throw new Error('The storage exists only during a test.')
    return current
  }
  beforeEach(() => {
    current = make()
  })
  afterEach(() => {
    for (const file of opened) file.close()
    opened = []
    current?.dispose()
  })
  return {
    get storage() {
      return required().storage
    },
    file: (name) => required().file(name),
    create(name, text = '') {
      const created = required().storage.open(required().file(name), 'create')
      opened.push(created)
      if (text !== '') created.write(bytesOf(text), 0)
      return created
    },
  }
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** Everything in the file, or `length` bytes from `position`. */
export function textOf(file: StorageFile, position = 0, length: number = file.size() - position): string {
  const target = new Uint8Array(length)
  const count = file.read(target, position)
  return new TextDecoder().decode(target.subarray(0, count))
}

export function textAt(storage: Storage, path: string): string {
  const file = storage.open(path, 'read')
  try {
    return textOf(file)
  } finally {
    file.close()
  }
}

/** Expects the call to throw an error of this code. */
export function expectCode(code: ErrorCode, call: () => unknown): void {
  let outcome: unknown = 'no error'
  try {
    call()
  } catch (error) {
    outcome = codeOf(error)
  }
  expect(outcome).toBe(code)
}

/** The code of an error of Varve; anything else as it is, to be shown by the assertion that fails. */
export function codeOf(error: unknown): unknown {
  return VarveError.is(error) ? error.code : error
}
