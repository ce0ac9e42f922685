/**
 * What every `Storage` must do. Run it for each implementation: `storageConformance('memory', () => ...)`.
 *
 * The oracle is the text of `src/storage/storage.ts`; nothing here knows an implementation.
 */
import { describe } from 'vitest'
import type { Storage } from '../../src/storage/storage.js'
import { asynchronousOperations, content, positions } from './storage-content.js'
import { names } from './storage-names.js'
import { states } from './storage-states.js'

/** A storage to test, and where in it. */
export interface StorageUnderTest {
  readonly storage: Storage
  /** The full name of a file in a directory that exists and is empty. */
  file(name: string): string
  /** Called after each test. */
  dispose(): void
}

export type MakeStorage = () => StorageUnderTest

/** Registers the suite for the storage that `make` makes anew for every test. */
export function storageConformance(name: string, make: MakeStorage): void {
  describe(`storage conformance: ${name}`, () => {
    content(make)
    positions(make)
    asynchronousOperations(make)
    names(make)
    states(make)
  })
}
