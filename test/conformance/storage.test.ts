/** The storage conformance suite over every implementation. */
import { fileStorage } from '../../src/storage/file-storage.js'
import { MemoryStorage } from '../../src/storage/memory-storage.js'
import type { Storage } from '../../src/storage/storage.js'
import { FaultyStorage } from '../support/faulty-storage.js'
import { PowerCutStorage } from '../support/power-cut-storage.js'
import { temporaryDirectory } from '../support/temporary-directory.js'
import { storageConformance, type StorageUnderTest } from './storage-suite.js'

function onDisk(storage: Storage): StorageUnderTest {
  const directory = temporaryDirectory()
  return { storage, file: (name) => `${directory.path}/${name}`, dispose: () => directory.remove() }
}

function inMemory(storage: Storage): StorageUnderTest {
  return { storage, file: (name) => `/memory/${name}`, dispose: () => undefined }
}

storageConformance('file', () => onDisk(fileStorage))
storageConformance('memory', () => inMemory(new MemoryStorage()))
storageConformance('faulty over file, without faults', () => onDisk(new FaultyStorage(fileStorage)))
storageConformance('faulty over power-cut, without faults', () =>
  inMemory(new FaultyStorage(new PowerCutStorage())),
)
storageConformance('power-cut, without cuts', () => inMemory(new PowerCutStorage()))
storageConformance('power-cut, after a cut', () => inMemory(new PowerCutStorage().imageAfter(0)))
storageConformance('power-cut, after a kill', () => inMemory(new PowerCutStorage().killImage()))
