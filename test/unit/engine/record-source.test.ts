import { expect, it } from 'vitest'
import { RecordSource } from '../../../src/engine/record-source.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { RecordRef } from '../../../src/tree/index.js'
import { caught } from '../../corruption/databases.js'
import { crc32c } from '../../../native-free/crc32c.js'

it('does not believe the length of a record that no record has, before it makes room for it', () => {
  const file = new MemoryStorage().open('a', 'create')
  const ref = Object.assign(new RecordRef(), { position: 64, lengthBytes: 0xffff_ffff, crc: 1 })
  const error = caught(() => {
    new RecordSource(file, crc32c).read(ref, 1, undefined)
  })
  expect(error).toMatchObject({
    code: 'VARVE_CORRUPTION',
    details: { offset: 64, actual: '4294967295 bytes' },
  })
})
