import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { viewOf } from '../../../src/format/integers.js'
import { decodeMark, encodeMark, MARK_BYTES, MarkField } from '../../../src/format/mark.js'
import { uint53 } from '../../support/decoding.js'
import { seed } from '../../support/counts.js'

describe('a mark', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(fc.record({ watermark: uint53, watermarkSequence: uint53 }), (mark) => {
        expect(decodeMark(encodeMark(mark))).toEqual(mark)
      }),
      { seed, numRuns: 500 },
    )
  })

  it('is none of any other length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        if (bytes.length !== MARK_BYTES) expect(decodeMark(bytes)).toBeUndefined()
        else expect(() => decodeMark(bytes)).not.toThrow()
      }),
      { seed, numRuns: 1000 },
    )
  })

  it.each(['watermark', 'watermarkSequence'] as const)(
    'is none with a %s beyond the safe integers',
    (field) => {
      const bytes = encodeMark({ watermark: 1, watermarkSequence: 1 })
      viewOf(bytes).setBigUint64(MarkField[field], 2n ** 53n - 1n, true)
      expect(decodeMark(bytes)).toMatchObject({ [field]: Number.MAX_SAFE_INTEGER })
      viewOf(bytes).setBigUint64(MarkField[field], 2n ** 53n, true)
      expect(decodeMark(bytes)).toBeUndefined()
    },
  )
})
