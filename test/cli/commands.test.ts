/** What the commands that look at a database tell, to people and to programs. */
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Database } from '../../src/index.js'
import { dumpCatalog, inspect, verify } from '../../src/tools.js'
import { temporaryDirectory } from '../support/temporary-directory.js'
import { type Envelope, envelopeOf } from './envelope.js'
import { createLibrary, flipBit, leaveTornTail, offsetOf } from './library.js'
import { type Ended, repositoryFile, varve } from './run.js'
import { parse, stringify } from '../../cli/typed-json.js'

const directory = temporaryDirectory()
const cwd = directory.path
const library = directory.file('library.varve')
const run = async (...args: string[]): Promise<Ended> => await varve(args, { cwd })
const json = async (...args: string[]): Promise<Envelope> => envelopeOf((await run(...args, '--json')).stdout)
const { version } = JSON.parse(repositoryFile('package.json')) as { version: string }

beforeAll(async () => await createLibrary(library))
afterAll(() => directory.remove())

describe('--json', () => {
  it('tells what was run, on what, when, and how it ended', async () => {
    const before = new Date().toISOString()
    const envelope = await json('inspect', 'library.varve')
    const { schemaVersion, tool, command, time, database, ok } = envelope
    expect({ schemaVersion, tool, command, database, ok }).toEqual({
      schemaVersion: 1,
      tool: 'varve',
      command: 'inspect',
      database: library,
      ok: true,
    })
    expect(envelope.version).toBe(version)
    expect(time >= before && time <= new Date().toISOString()).toBe(true)
  })

  it.each(['inspect', 'verify', 'dump-catalog'])('of %s is what varve/tools gives', async (command) => {
    const tools: Record<string, () => Promise<unknown>> = {
      inspect: async () => await inspect(library),
      verify: async () => await verify(library),
      'dump-catalog': async () => await dumpCatalog(library),
    }
    const { result } = await json(command, 'library.varve')
    expect(result).toEqual(JSON.parse(stringify(await tools[command]?.())))
  })

  it('stands alone on standard output, and is silent on standard error', async () => {
    for (const args of [['verify'], ['inspect'], ['collections'], ['locks'], ['dump-catalog']]) {
      const { stdout, stderr } = await run(...args, 'library.varve', '--json')
      envelopeOf(stdout)
      expect(stderr).toBe('')
    }
  })

  it('tells errors with code, message and details', async () => {
    const { stdout, stderr, code } = await run('inspect', 'nothing.varve', '--json')
    const { ok, error, database } = envelopeOf(stdout)
    expect({ ok, code, stderr, database }).toEqual({
      ok: false,
      code: 3,
      stderr: '',
      database: directory.file('nothing.varve'),
    })
    expect(error).toEqual({
      code: 'VARVE_NOT_FOUND',
      message: expect.stringContaining('nothing.varve'),
      details: { path: directory.file('nothing.varve') },
    })
  })

  it('tells of wrong arguments too', async () => {
    for (const args of [
      ['inspect'],
      ['verify', 'a', '--fail-on', 'rain'],
      ['nonsense'],
      ['inspect', 'a', 'b'],
    ]) {
      const { stdout, code } = await run(...args, '--json')
      const { error, command, database } = envelopeOf(stdout)
      expect({ command, code, database, error: error?.code }).toEqual({
        command: args[0],
        code: 2,
        database: null,
        error: 'CLI_USAGE',
      })
    }
  })
})

describe('inspect', () => {
  it('shows a person every fact', async () => {
    const { stdout, code } = await run('inspect', 'library.varve')
    const report = await inspect(library)
    expect(code).toBe(0)
    for (const fact of [report.header.databaseId, report.header.generationId, String(report.watermark)]) {
      expect(stdout).toContain(fact)
    }
    expect(stdout).toMatch(/^ {2}rows {2}43 in 2 collections$/mu)
    expect(stdout).toMatch(/^ {2}transaction +46 /mu)
    expect(stdout).toMatch(/^ {2}held by {2}nobody$/mu)
  })

  it('shows what the index is made of, and what of the file is in use', async () => {
    const path = directory.file('indexed.varve')
    writeFileSync(path, readFileSync(library))
    const db = await Database.open(path)
    await db.checkpoint()
    await db.put('books', { title: 'Emma', year: 1816 })
    await db.close()
    const { stdout } = await run('inspect', path)
    const { result } = await json('inspect', path)
    const { checkpoint, records, nodes, logBytesBehind, compaction } = await inspect(path)
    expect(result).toMatchObject({ checkpoint, records, nodes, logBytesBehind, checkpoints: 1 })
    expect(result).toMatchObject({ compaction, oldestSequence: 0 })
    const { reclaimableBytes } = compaction
    expect(stdout).toContain(`  would give back  ${reclaimableBytes.toLocaleString('en-US')} bytes`)
    expect(stdout).toMatch(/^ {2}recommended +no\n {2}history now +all of it$/mu)
    expect(stdout).toMatch(/^ {2}checkpoints {2}1$/mu)
    expect(stdout).toContain(`at ${checkpoint?.offset}, of commit ${checkpoint?.sequence}\n`)
    for (const name of ['the catalog', "'books'", "'loans'"])
      expect(stdout).toMatch(new RegExp(`^ {2}${name} +\\d+ +1 +1 +\\d+% +0 `, 'mu'))
    for (const { liveBytes } of [records, nodes]) expect(stdout).toContain(liveBytes.toLocaleString('en-US'))
  })

  it('names the holder of the lock', async () => {
    const path = directory.file('held.varve')
    const db = await Database.open(path)
    try {
      expect((await run('inspect', path)).stdout).toContain(`held by  a writer: process ${process.pid} on `)
      const { result } = await json('inspect', path)
      expect(result?.['lockHolders']).toEqual([expect.objectContaining({ kind: 'writer', pid: process.pid })])
    } finally {
      await db.close()
    }
  })
})

describe('verify', () => {
  const copyOf = (name: string): string => {
    const path = directory.file(name)
    writeFileSync(path, readFileSync(library))
    return path
  }

  it('finds nothing in a sound file', async () => {
    const { stdout, code } = await run('verify', 'library.varve', '--deep')
    expect(stdout).toMatch(/^Sound: .*library\.varve\n {2}findings {2}0 errors, 0 warnings\n/u)
    expect(code).toBe(0)
  })

  it('lists every finding with its place, and ends with 1', async () => {
    const path = copyOf('damaged.varve')
    const first = offsetOf(path, 'Herbert')
    const second = offsetOf(path, 'Lem')
    flipBit(path, first)
    flipBit(path, second)
    const { stdout, code } = await run('verify', path)
    const { findings, errors } = await verify(path)
    expect(code).toBe(1)
    expect(errors).toBeGreaterThanOrEqual(2)
    for (const place of [first, second]) {
      const finding = findings.find(({ offset, end = offset }) => offset <= place && place < end)
      expect(stdout).toContain(
        `error: frame at offset ${finding?.offset} to ${finding?.end}\n` +
          `  expected  ${finding?.expected}\n  found     ${finding?.actual}\n`,
      )
    }
    // Runs of like findings are shown by their first, and counted.
    const shown = stdout.match(/^error: /gmu)?.length ?? 0
    const more = Array.from(stdout.matchAll(/^ {2}\.\.\. and (?<number>\d+) more like it/gmu), ({ groups }) =>
      Number(groups?.['number']),
    )
    expect(more.reduce((sum, number) => sum + number, shown)).toBe(errors)
    expect((await json('verify', path)).result?.['findings']).toHaveLength(errors)
    expect(stdout).toContain(`DAMAGED: ${path}\n  findings  ${errors} errors`)
    expect((await json('verify', path)).ok).toBe(false)
  })

  it('takes a warning for a failure only when told to', async () => {
    const path = copyOf('torn.varve')
    leaveTornTail(path)
    expect(await run('verify', path)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('0 errors, 1 warning'),
    })
    expect(await run('verify', path, '--fail-on', 'error')).toMatchObject({ code: 0 })
    expect(await run('verify', path, '--fail-on', 'warning')).toMatchObject({ code: 1 })
  })
})

describe('dump-catalog and collections', () => {
  it('show collections with keys, fields, structures and rows', async () => {
    const { stdout } = await run('dump-catalog', 'library.varve')
    expect(stdout).toContain(`Collection 'books'`)
    expect(stdout).toMatch(/primary key +reader, day$/mu)
    expect(stdout).toMatch(/^ {2}fields +title: string\n +year: int$/mu)
    expect(stdout).toMatch(/^ {2}structures +0: title, year, author, tags$/mu)
  })

  it('show a table', async () => {
    const { stdout } = await run('collections', 'library.varve')
    expect(stdout.split('\n').map((line) => line.trim().split(/ {2,}/u).slice(0, 3))).toEqual([
      ['collection', 'key', 'rows'],
      ['books', 'title', '3'],
      ['loans', 'reader, day', '40'],
      [''],
    ])
    const { result } = await json('collections', 'library.varve')
    expect(result?.['collections']).toEqual([
      { name: 'books', primaryKey: ['title'], rows: 3, bytes: expect.any(Number) },
      { name: 'loans', primaryKey: ['reader', 'day'], rows: 40, bytes: expect.any(Number) },
    ])
  })

  it('say so when there is none', async () => {
    await (await Database.open(directory.file('empty.varve'))).close()
    expect((await run('collections', 'empty.varve')).stdout).toContain('has no collections')
  })
})

describe('get', () => {
  it('prints the row', async () => {
    const { stdout, code } = await run('get', 'library.varve', 'books', 'Solaris')
    expect(code).toBe(0)
    expect(parse(stdout)).toEqual({
      title: 'Solaris',
      year: 1961,
      author: { name: 'Stanisław Lem', born: new Date('1921-09-12') },
      tags: ['sea'],
    })
  })

  it('reads keys as the types that are declared, or that the first row has', async () => {
    const { stdout } = await run('get', 'library.varve', 'loans', '1', '2020-01-05')
    expect(parse(stdout)).toEqual({ reader: 1, day: new Date('2020-01-05'), amount: 5n, fee: -0 })
  })

  it('reads keys as it is told', async () => {
    const args = [
      'get',
      'library.varve',
      'loans',
      '1',
      '2020-01-05T00:00:00Z',
      '--key-type',
      'string',
      '--key-type',
      'timestamp',
    ]
    expect((await run(...args)).code).toBe(1)
    args[6] = 'int'
    expect((await run(...args)).code).toBe(0)
  })

  it('takes negative numbers and names that look like options', async () => {
    const db = await Database.open(directory.file('odd.varve'))
    await (await db.registerCollection('numbers', [], 'n')).insertMany([{ n: -5.5 }, { n: 7n }])
    await (await db.registerCollection('names', [], 'n')).insert({ n: '--json' })
    await (await db.registerCollection('bytes', [], 'n')).insert({ n: new Uint8Array([1, 2]) })
    await db.close()
    expect(parse((await run('get', 'odd.varve', 'numbers', '-5.5')).stdout)).toEqual({ n: -5.5 })
    expect(parse((await run('get', 'odd.varve', 'numbers', '7')).stdout)).toEqual({ n: 7n })
    expect(parse((await run('get', 'odd.varve', 'names', '--', '--json')).stdout)).toEqual({ n: '--json' })
    expect(parse((await run('get', 'odd.varve', 'bytes', 'AQI=')).stdout)).toEqual({
      n: new Uint8Array([1, 2]),
    })
  })

  it('prints nothing for an absent row, null with --json, and ends with 1', async () => {
    expect(await run('get', 'library.varve', 'books', 'None')).toEqual({ code: 1, stdout: '', stderr: '' })
    const { ok, result } = await json('get', 'library.varve', 'books', 'None')
    expect({ ok, result }).toEqual({ ok: false, result: { row: null } })
  })

  it.each([
    [['books', 'a', 'b'], `A key of 'books' has 1 part (title); 2 were given.`],
    [['loans', '1'], `A key of 'loans' has 2 parts (reader, day); 1 was given.`],
    [['loans', '1', 'monday'], `The key's part 'day' must be a time in ISO 8601`],
    [['loans', 'x', '2020-01-01'], `The key's part 'reader' must be a number, not 'x'.`],
    [['books', 'a', '--key-type', 'colour'], `--key-type 'colour' is not known.`],
    [['loans', '1', '2020-01-01', '--key-type', 'int'], 'Give --key-type once for each part'],
    [['films', 'a'], `has no collection 'films'. It has: books, loans.`],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await run('get', 'library.varve', ...args)
    expect(stderr).toContain(message)
    expect(code).toBe(2)
  })
})

describe('locks', () => {
  it('shows who holds the database, and removes what it is told', async () => {
    const path = directory.file('locks.varve')
    const db = await Database.open(path)
    const shown = await run('locks', path)
    expect(shown.stdout).toMatch(
      new RegExp(`^ +writer +${process.pid} +0 .*holds it: process ${process.pid} is alive$`, 'mu'),
    )
    expect(await run('locks', path, '--force')).toMatchObject({ code: 2 })
    expect((await run('locks', path, '--break')).stdout).toMatch(/^Nothing to remove\.\n\nLeft:\n/u)
    const { result } = await json('locks', path, '--break', '--force')
    expect(result).toMatchObject({
      locks: [],
      removed: [{ kind: 'writer', alive: true, holder: { pid: process.pid } }],
    })
    expect((await run('locks', path)).stdout).toBe(`Nobody holds ${path}.\n`)
    await db.close()
  })

  it('takes --force for the locks, never for the file of --output', async () => {
    writeFileSync(directory.file('kept.json'), 'kept')
    const { code } = await run('locks', 'library.varve', '--break', '--force', '--output', 'kept.json')
    expect(code).toBe(6)
    expect(readFileSync(directory.file('kept.json'), 'utf8')).toBe('kept')
  })

  it('needs a database', async () => {
    expect(await run('locks', 'nothing.varve')).toMatchObject({ code: 3 })
  })
})
