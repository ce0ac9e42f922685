/** Conformance: every method of an open file, in every state that the handle can be in. */
import { describe, expect, it } from 'vitest'
import type { ErrorCode } from '../../src/errors.js'
import type { StorageFile } from '../../src/storage/storage.js'
import { bytesOf, codeOf, textAt, useStorage } from './storage-harness.js'
import type { MakeStorage } from './storage-suite.js'

interface Method {
  readonly call: (file: StorageFile) => unknown
  /** Whether it needs a writable handle. */
  readonly changes: boolean
  /** Whether the content is another afterwards. */
  readonly alters?: boolean
  readonly asynchronous?: boolean
}

type MethodName = Exclude<keyof StorageFile, 'path' | 'close'>

const METHODS: Readonly<Record<MethodName, Method>> = {
  size: { call: (file) => file.size(), changes: false },
  identity: { call: (file) => file.identity(), changes: false },
  read: { call: (file) => file.read(new Uint8Array(2), 0), changes: false },
  readAsync: {
    call: async (file) => {
      const target = new Uint8Array(2)
      const count = await (file.readAsync?.(target, 1) ?? Promise.resolve(file.read(target, 1)))
      expect([count, ...target]).toEqual([2, ...bytesOf('bc')])
    },
    changes: false,
    asynchronous: true,
  },
  write: { call: (file) => file.write(bytesOf('x'), 0), changes: true, alters: true },
  writeAsync: {
    call: (file) => file.writeAsync(bytesOf('x'), 0),
    changes: true,
    alters: true,
    asynchronous: true,
  },
  sync: { call: (file) => file.sync(), changes: true },
  syncAsync: { call: (file) => file.syncAsync(), changes: true, asynchronous: true },
  truncate: { call: (file) => file.truncate(1), changes: true, alters: true },
}

const STATES = {
  open: () => undefined,
  'read-only': (method: Method): ErrorCode | undefined => (method.changes ? 'VARVE_READ_ONLY' : undefined),
  closed: () => 'VARVE_CLOSED',
  'read-only and closed': () => 'VARVE_CLOSED',
} satisfies Record<string, (method: Method) => ErrorCode | undefined>

export function states(make: MakeStorage): void {
  describe('states', () => {
    const on = useStorage(make)

    for (const [state, codeFor] of Object.entries(STATES)) {
      for (const [name, method] of Object.entries(METHODS)) {
        const code = codeFor(method)
        it(`${name} on ${state}: ${code ?? 'works'}`, async () => {
          on.create('a', 'abc').close()
          const file = on.storage.open(on.file('a'), state.includes('read-only') ? 'read' : 'readWrite')
          if (state.includes('closed')) file.close()
          const outcome = await outcomeOf(file, method)
          file.close()
          expect(outcome).toBe(code)
          expect(textAt(on.storage, on.file('a')) === 'abc').toBe(
            code !== undefined || method.alters !== true,
          )
        })
      }
    }

    it('close is idempotent, and leaves the name of the handle and other handles alone', () => {
      const file = on.create('a', 'abc')
      const other = on.storage.open(on.file('a'), 'read')
      file.close()
      file.close()
      expect(file.path).toBe(on.file('a'))
      expect(other.size()).toBe(3)
      other.close()
    })
  })
}

/** The code of the error that the method fails with: thrown if it is synchronous, as a rejection if not. */
async function outcomeOf(file: StorageFile, method: Method): Promise<unknown> {
  let result: unknown
  try {
    result = method.call(file)
    if (method.asynchronous !== true) return undefined
  } catch (error) {
    return method.asynchronous === true ? 'thrown by an asynchronous method' : codeOf(error)
  }
  return Promise.resolve(result).then(() => undefined, codeOf)
}
