/** Conformance: the space of names. */
import { describe, expect, it } from 'vitest'
import { bytesOf, expectCode, textAt, textOf, useStorage } from './storage-harness.js'
import type { MakeStorage } from './storage-suite.js'

export function names(make: MakeStorage): void {
  describe('names', () => {
    const on = useStorage(make)

    it('create only what is absent, and open only what is there', () => {
      const path = on.file('a')
      expectCode('VARVE_NOT_FOUND', () => on.storage.open(path, 'read'))
      expectCode('VARVE_NOT_FOUND', () => on.storage.open(path, 'readWrite'))
      on.create('a', 'abc')
      expectCode('VARVE_EXISTS', () => on.storage.open(path, 'create'))
      expect(textAt(on.storage, path)).toBe('abc')
      const again = on.storage.open(path, 'readWrite')
      again.write(bytesOf('x'), 0)
      again.close()
      expect(textAt(on.storage, path)).toBe('xbc')
    })

    it('are remembered by the handle', () => {
      expect(on.create('a').path).toBe(on.file('a'))
    })

    it('have an identity, the same by name and by handle', () => {
      const file = on.create('a', 'abc')
      expect(file.identity()).toEqual(on.storage.stat(on.file('a')))
      expect(file.identity()).toMatchObject({ sizeBytes: 3, links: 1 })
      expect(on.create('b').identity().id).not.toBe(file.identity().id)
      expect(on.storage.stat(on.file('absent'))).toBeUndefined()
    })

    it('move, replacing what was there, while handles keep their file', () => {
      const mover = on.create('a', 'new')
      const replaced = on.create('b', 'old')
      on.storage.rename(on.file('a'), on.file('b'))
      expect(on.storage.stat(on.file('a'))).toBeUndefined()
      expect(textAt(on.storage, on.file('b'))).toBe('new')
      expect(on.storage.stat(on.file('b'))?.id).toBe(mover.identity().id)
      expect(textOf(replaced)).toBe('old')
      expect(replaced.identity().links).toBe(0)
      expect(replaced.identity().id).not.toBe(mover.identity().id)
    })

    it('move to themselves without harm', () => {
      on.create('a', 'abc')
      on.storage.rename(on.file('a'), on.file('a'))
      expect(textAt(on.storage, on.file('a'))).toBe('abc')
    })

    it('do not move when absent', () => {
      on.create('b', 'old')
      expectCode('VARVE_NOT_FOUND', () => on.storage.rename(on.file('a'), on.file('b')))
      expect(textAt(on.storage, on.file('b'))).toBe('old')
    })

    it('are several for one file after a link', () => {
      const file = on.create('a', 'abc')
      on.storage.link(on.file('a'), on.file('b'))
      expect(file.identity().links).toBe(2)
      expect(on.storage.stat(on.file('b'))?.id).toBe(file.identity().id)
      file.write(bytesOf('x'), 0)
      expect(textAt(on.storage, on.file('b'))).toBe('xbc')
      on.storage.remove(on.file('a'))
      expect(file.identity().links).toBe(1)
      expect(textAt(on.storage, on.file('b'))).toBe('xbc')
    })

    it('both stay when one moves over another of the same file', () => {
      const file = on.create('a', 'abc')
      on.storage.link(on.file('a'), on.file('b'))
      on.storage.rename(on.file('a'), on.file('b'))
      expect(on.storage.siblings(on.file(''))).toEqual([on.file('a'), on.file('b')])
      expect(file.identity().links).toBe(2)
    })

    it('link only what is there, to what is free', () => {
      expectCode('VARVE_NOT_FOUND', () => on.storage.link(on.file('a'), on.file('b')))
      on.create('a', 'abc')
      on.create('b', 'other')
      expectCode('VARVE_EXISTS', () => on.storage.link(on.file('a'), on.file('b')))
      expectCode('VARVE_EXISTS', () => on.storage.link(on.file('a'), on.file('a')))
      expect(textAt(on.storage, on.file('b'))).toBe('other')
    })

    it('are removed, present or not, while handles keep their file', () => {
      const file = on.create('a', 'abc')
      on.storage.remove(on.file('a'))
      on.storage.remove(on.file('a'))
      on.storage.remove(on.file('never'))
      expect(on.storage.stat(on.file('a'))).toBeUndefined()
      file.write(bytesOf('d'), 3)
      expect(textOf(file)).toBe('abcd')
      expect(on.create('a').size()).toBe(0)
    })

    it('list those that begin alike, sorted', () => {
      for (const name of ['db', 'db.quarantine-2', 'db.quarantine-10', 'dab', 'other', 'DB']) on.create(name)
      const expected = ['db', 'db.quarantine-10', 'db.quarantine-2'].map((name) => on.file(name))
      expect(on.storage.siblings(on.file('db'))).toEqual(expected)
      expect(on.storage.siblings(on.file('none'))).toEqual([])
    })

    it('resolve to one, whether their file is there or not', () => {
      const absent = on.storage.resolve(on.file('a'))
      on.create('a')
      expect(on.storage.resolve(on.file('a'))).toBe(absent)
      expect(on.storage.stat(absent)).toEqual(on.storage.stat(on.file('a')))
      expect(on.storage.resolve(absent)).toBe(absent)
    })

    it('survive syncing their directory', () => {
      on.create('a', 'abc')
      on.storage.syncDirectory(on.file('a'))
      on.storage.syncDirectory(on.file('absent'))
      expect(textAt(on.storage, on.file('a'))).toBe('abc')
    })
  })
}
