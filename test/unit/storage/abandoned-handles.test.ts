/** Files that are let go of without a close. */
import { readdirSync, writeFileSync } from 'node:fs'
import v8 from 'node:v8'
import vm from 'node:vm'
import { expect, it } from 'vitest'
import { FileStorage } from '../../../src/storage/file-storage.js'
import { temporaryDirectory } from '../../support/temporary-directory.js'

it.skipIf(process.platform !== 'linux')(
  'a file that nobody holds any more is closed in the end',
  async () => {
    v8.setFlagsFromString('--expose-gc')
    const collect = vm.runInNewContext('gc') as () => void // What the flag brings.
    const directory = temporaryDirectory()
    const path = directory.file('held')
    writeFileSync(path, 'text')
    const open = (): number => readdirSync('/proc/self/fd').length
    const before = open()
    const storage = new FileStorage()
    const kept = storage.open(path, 'readWrite')
    const abandon = (): void => {
      for (let i = 0; i < 20; i++) storage.open(path, 'readWrite')
    }
    abandon()
    expect(open()).toBe(before + 42)
    while (open() > before + 2) {
      collect()
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    expect(kept.size()).toBe(4)
    kept.close()
    expect(open()).toBe(before)
    directory.remove()
  },
)
