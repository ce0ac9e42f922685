/** `varve watch`: what it prints, as it comes, and how it ends. */
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Database } from '../../src/index.js'
import { temporaryDirectory } from '../support/temporary-directory.js'
import { ended, start, varve } from './run.js'

const directory = temporaryDirectory()
const cwd = directory.path
const path = directory.file('library.varve')
let db: Database

beforeAll(async () => {
  db = await Database.open(path)
  await db.registerCollection('books', [], 'title')
  await db.put('books', { title: 'Dune', year: 1965 })
})
afterAll(async () => {
  await db.close()
  directory.remove()
})

describe('varve watch', () => {
  it('prints the commits of a file, for people and for programs', async () => {
    const { code, stdout, stderr } = await varve(['watch', 'library.varve', '--once'], { cwd })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(
      /^commit 1 {2}\S+Z\n {2}register 'books'\ncommit 2 {2}\S+Z\n {2}put 'books' "Dune"\n$/u,
    )
    const json = await varve(['watch', 'library.varve', '--once', '--json', '--since', '1'], { cwd })
    const [line, ...rest] = json.stdout
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text) as unknown)
    expect(rest).toEqual([])
    expect(line).toMatchObject({
      sequence: 2,
      position: db.position,
      base: false,
      changes: [{ operation: 'put', collection: 'books', key: 'Dune', row: { title: 'Dune', year: 1965 } }],
    })
  })

  it('prints what comes until it is interrupted, and then ends well', async () => {
    const child = start(['watch', 'library.varve', '--since', 'start', '--json'], cwd)
    const end = ended(child)
    const seen: number[] = []
    const reading = (async () => {
      for await (const line of createInterface({ input: child.stdout ?? process.stdin })) {
        const { sequence } = JSON.parse(line) as { sequence: number }
        seen.push(sequence)
        if (sequence === 2) await db.put('books', { title: 'Emma' })
        if (sequence === 3) child.kill('SIGINT')
      }
    })()
    expect(await end).toMatchObject({ code: 0, stderr: '' })
    await reading
    expect(seen).toEqual([1, 2, 3])
  })

  it('says what is wrong', async () => {
    expect(await varve(['watch', 'absent.varve'], { cwd })).toMatchObject({ code: 3 })
    const wrong = await varve(['watch', 'library.varve', '--since', '99', '--json'], { cwd })
    expect(wrong.code).toBe(2)
    expect(JSON.parse(wrong.stdout)).toMatchObject({ ok: false, error: { code: 'VARVE_DIVERGED' } })
  })
})
