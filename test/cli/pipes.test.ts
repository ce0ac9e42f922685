/** Readers that go away, signals, full disks and terminals. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Database } from '../../src/index.js'
import { openFrozen, verify } from '../../src/tools.js'
import { temporaryDirectory } from '../support/temporary-directory.js'
import { ended, program, start, varve } from './run.js'

const directory = temporaryDirectory()
const cwd = directory.path
/** Larger than every buffer between two processes. */
const large = directory.file('large.varve')
const ROWS = 20_000

beforeAll(async () => {
  const db = await Database.open(large)
  const rows = await db.registerCollection('rows', [], 'id')
  const text = 'x'.repeat(500)
  await rows.insertMany(Array.from({ length: ROWS }, (_, id) => ({ id, text })))
  await db.close()
})
afterAll(() => directory.remove())

async function countOf(path: string): Promise<number> {
  const db = await openFrozen(path)
  try {
    return db.collectionNames().includes('rows') ? db.count('rows') : 0
  } finally {
    await db.close()
  }
}

async function waitFor(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20)
}

/** Lines that an import reads: all that can be taken at once. */
function lines(from: number, to: number): string {
  return Array.from({ length: to - from }, (_, index) => `{"id":${from + index}}\n`).join('')
}

/** An import that has taken 20 rows in two batches, and waits for more. */
async function waitingImport(name: string): Promise<ChildProcess> {
  const child = start(['import', name, 'rows', '-', '--key', 'id', '--batch', '10'], cwd)
  child.stdin?.on('error', () => undefined)
  child.stdin?.write(lines(0, 25))
  await waitFor(async () => {
    try {
      return (await countOf(directory.file(name))) === 20
    } catch {
      return false
    }
  })
  return child
}

describe('a reader that goes away', () => {
  it('ends an export quietly', async () => {
    const child = start(['export', 'large.varve', 'rows'], cwd)
    const end = ended(child)
    await once(child.stdout ?? child, 'data')
    child.stdout?.destroy()
    expect(await end).toMatchObject({ code: 0, stderr: '' })
  })

  it.skipIf(process.platform === 'win32')('ends a pipeline of the shell quietly', async () => {
    const child = spawn(
      'sh',
      ['-c', `"$0" "$1" export large.varve rows | head -n 2`, process.execPath, program],
      { cwd },
    )
    const { code, stdout, stderr } = await ended(child)
    expect({ code, stderr, lines: stdout.split('\n').length }).toEqual({ code: 0, stderr: '', lines: 3 })
  })

  it('does not change what a command ends with', async () => {
    writeFileSync(directory.file('text.varve'), 'no database')
    const child = start(['inspect', 'text.varve', '--json'], cwd)
    child.stdout?.destroy()
    expect(await ended(child)).toMatchObject({ code: 3 })
  })
})

describe.runIf(process.platform === 'linux')('a full disk', () => {
  it.each([
    ['export', 'large.varve', 'rows'],
    ['collections', 'large.varve'],
    ['collections', 'large.varve', '--json'],
  ])('behind standard output ends %s with 7', async (...args) => {
    const full = openSync('/dev/full', 'w')
    const child = spawn(process.execPath, [program, ...args], { cwd, stdio: ['ignore', full, 'pipe'] })
    const { code, stderr } = await ended(child)
    closeSync(full)
    expect({ code, stderr }).toEqual({
      code: 7,
      stderr: `varve ${args[0]}: Could not write to standard output: no space is left.\n`,
    })
  })
})

describe.skipIf(process.platform === 'win32')('a signal', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends an import after a whole batch', async (signal, expected) => {
    const name = `${signal}.varve`
    const child = await waitingImport(name)
    const end = ended(child)
    child.kill(signal)
    const { code, stderr } = await end
    expect({ code, stderr }).toEqual({
      code: expected,
      stderr: `varve import: Interrupted by ${signal}. 20 rows are in.\n`,
    })
    expect(await countOf(directory.file(name))).toBe(20)
    expect(await verify(directory.file(name), { deep: true })).toMatchObject({ findings: [] })
    expect(readdirSync(cwd).filter((file) => file.startsWith(name))).toEqual([name])
  })

  it('SIGKILL leaves whole batches too, and the next import goes on', async () => {
    const child = await waitingImport('killed.varve')
    child.stdin?.write(lines(25, 50_000))
    await waitFor(async () => (await countOf(directory.file('killed.varve'))) > 500)
    const end = ended(child)
    child.kill('SIGKILL')
    await end
    const rows = await countOf(directory.file('killed.varve'))
    expect(rows % 10).toBe(0)
    const again = await varve(['import', 'killed.varve', 'rows', '-', '--on-conflict', 'skip'], {
      cwd,
      input: lines(0, rows + 5),
    })
    expect(again).toMatchObject({ code: 0 })
    expect(await countOf(directory.file('killed.varve'))).toBe(rows + 5)
  })

  it('takes a half-made file away', async () => {
    const child = start(['export', 'large.varve', 'rows', '--to', 'rows.ndjson'], cwd)
    const end = ended(child)
    const partial = (): string[] => readdirSync(cwd).filter((file) => file.startsWith('rows.ndjson'))
    await waitFor(() => partial().length > 0)
    child.kill('SIGSTOP')
    expect(partial()).toEqual([expect.stringMatching(/^rows\.ndjson\.[0-9a-f]{12}\.partial$/u)])
    child.kill('SIGTERM')
    child.kill('SIGCONT')
    expect(await end).toMatchObject({ code: 143 })
    expect(partial()).toEqual([])
  })
})

describe.skipIf(process.platform === 'win32')('a terminal', () => {
  /** Runs the program on a terminal of its own: what appears there. */
  async function onTerminal(args: readonly string[]): Promise<string> {
    const script = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))'
    const child = spawn('python3', ['-c', script, process.execPath, program, ...args], { cwd })
    child.stdin.end()
    return (await ended(child)).stdout
  }

  it('shows a bar for long work, and no pipe does', async () => {
    writeFileSync(directory.file('many.ndjson'), lines(0, 60_000))
    const shown = await onTerminal(['import', 'bar.varve', 'rows', 'many.ndjson', '--key', 'id'])
    expect(shown).toMatch(/import many\.ndjson \[=* *\] \d+% {2}[\d,]+ rows/u)
    expect(shown).toContain('rows read  60,000')
    const quiet = await onTerminal([
      'import',
      'bar.varve',
      'rows',
      'many.ndjson',
      '--quiet',
      '--on-conflict',
      'skip',
    ])
    expect(quiet).toBe('')
  })

  it('is not obeyed by data, and obeys none', async () => {
    const evil = 'a\u001b[31m\u0007\u202e'
    const db = await Database.open(directory.file('evil.varve'))
    const rows = await db.registerCollection(evil, [{ path: [evil], type: 'any' }], 'id')
    await rows.insert({ id: evil, [evil]: evil })
    await db.close()
    const commands = [
      ['inspect'],
      ['dump-catalog'],
      ['collections'],
      ['verify', '--deep'],
      ['get', evil, evil],
      ['get', evil, `${evil}!`, evil],
    ]
    for (const [command = '', ...operands] of [
      ...commands,
      ['export', evil],
      ['export', evil, '--format', 'csv'],
    ]) {
      const shown = await onTerminal([command, 'evil.varve', ...operands])
      expect(shown.replaceAll('\r\n', '')).toMatch(/^\P{C}*$/u)
    }
  })
})
