/**
 * Two processes and one database, through the package as built: who is refused, who waits, and who may go on (I16).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Database, VarveError } from '../../src/index.js'
import { long } from '../support/counts.js'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.js'

const ENTRY = fileURLToPath(new URL('../../dist/index.js', import.meta.url))
/** How long the holder's event loop is blocked, or the holder stopped, in milliseconds. */
const STALL_MS = long ? 30_000 : 12_000

let directory: TemporaryDirectory
let path: string
let children: ChildProcess[]

beforeEach(() => {
  directory = temporaryDirectory()
  path = directory.file('shared.varve')
  children = []
})
afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
  directory.remove()
})

/** A process that opens the database, says so, and does what it is told. */
async function holder(mode: 'readWrite' | 'readOnly', code = '', until = 'open'): Promise<ChildProcess> {
  const script = `
    const { Database } = await import(${JSON.stringify(ENTRY)})
    const db = await Database.open(${JSON.stringify(path)}, { mode: '${mode}' })
    setInterval(() => {}, 1000)
    console.log('open')
    ${code}
  `
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  children.push(child)
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === until) break
  }
  return child
}

async function refusal(mode: 'readWrite' | 'readOnly'): Promise<VarveError> {
  const error: unknown = await Database.open(path, { mode }).then(
    (db) => db.close().then(() => undefined),
    (reason: unknown) => reason,
  )
  if (!VarveError.is(error, 'VARVE_LOCKED')) throw new Error(`Expected a LockedError, got ${String(error)}`)
  return error
}

async function openAndClose(mode: 'readWrite' | 'readOnly', waitMs = 0): Promise<void> {
  const db = await Database.open(path, { mode, lock: { waitMs } })
  await db.close()
}

describe('two processes (I16)', () => {
  it('a second writer and a reader are refused at once, with the pid of the writer', async () => {
    const child = await holder('readWrite')
    for (const mode of ['readWrite', 'readOnly'] as const) {
      const error = await refusal(mode)
      expect(error.details.holder).toMatchObject({ kind: 'writer', pid: child.pid })
      expect(error.message).toContain(String(child.pid))
    }
  })

  it('readers share, and block a writer', async () => {
    await openAndClose('readWrite')
    const child = await holder('readOnly')
    await openAndClose('readOnly')
    expect((await refusal('readWrite')).details.holder).toMatchObject({ kind: 'reader', pid: child.pid })
  })

  it('after SIGKILL of the holder the next open succeeds within a second, with all that was acknowledged', async () => {
    const child = await holder(
      'readWrite',
      `await db.registerCollection('rows', [], 'id'); for (let id = 0; id < 50; id++) await db.put('rows', { id }); console.log('done')`,
      'done',
    )
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
    const db = await Database.open(path, { lock: { waitMs: 1000 } })
    expect(db.count('rows')).toBe(50)
    await db.close()
  })

  it('nobody robs a holder that is stopped', async () => {
    const child = await holder('readWrite')
    child.kill('SIGSTOP')
    await expect(openAndClose('readWrite', STALL_MS / 4)).rejects.toThrow(String(child.pid))
    child.kill('SIGCONT')
    await refusal('readWrite')
  })

  it('nobody robs a holder whose event loop is blocked', async () => {
    const child = await holder(
      'readWrite',
      `const end = Date.now() + ${STALL_MS}; while (Date.now() < end) {}; console.log('free')`,
    )
    await expect(openAndClose('readWrite', STALL_MS - 1000)).rejects.toThrow(String(child.pid))
  })

  it('worker.terminate() frees the database', async () => {
    await openAndClose('readWrite')
    const file = directory.file('worker.mjs')
    const code = `
      import { parentPort } from 'node:worker_threads'
      const { Database } = await import(${JSON.stringify(ENTRY)})
      globalThis.db = await Database.open(${JSON.stringify(path)})
      parentPort.postMessage('open')
      setInterval(() => {}, 1000)
    `
    writeFileSync(file, code)
    const worker = new Worker(file)
    await once(worker, 'message')
    expect((await refusal('readWrite')).details.holder).toMatchObject({ pid: process.pid })
    await worker.terminate()
    await openAndClose('readWrite', 1000)
  })
})
