/** Every exit code, met in each of the ways that lead to it. */
import { chmodSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EXIT_CODE_MEANINGS } from '../../cli/exit-codes.js'
import { failureOf } from '../../cli/failure.js'
import { Database } from '../../src/index.js'
import { temporaryDirectory } from '../support/temporary-directory.js'
import { envelopeOf } from './envelope.js'
import { createLibrary, flipBit, imageOf, offsetOf } from './library.js'
import { repositoryFile, varve } from './run.js'
import { sampled } from '../support/counts.js'

const directory = temporaryDirectory()
const cwd = directory.path
const library = directory.file('library.varve')

/** Runs a command; it must end with a code, say why on standard error, and all of it as JSON too. */
async function expectCode(code: number, error: string, args: readonly string[], input = ''): Promise<string> {
  const plainRun = varve(args, { cwd, input })
  // Two imports at a time would be in each other's way.
  if (args[0] === 'import') await plainRun
  const [plain, json] = await Promise.all([plainRun, varve([...args, '--json'], { cwd, input })])
  expect({ args, code: plain.code, stdout: plain.stdout }).toEqual({ args, code, stdout: '' })
  expect(plain.stderr).toMatch(/^varve [a-z-]+: .+\n$/u)
  const { ok, error: shown } = envelopeOf(json.stdout)
  expect({ ...json, stdout: '', ok, error: shown?.code }).toEqual({
    code,
    stderr: '',
    stdout: '',
    ok: false,
    error,
  })
  return plain.stderr
}

beforeAll(async () => {
  await createLibrary(library)
  writeFileSync(directory.file('text.varve'), 'This is no database.\n'.repeat(1000))
  mkdirSync(directory.file('folder'))
  writeFileSync(directory.file('rows.ndjson'), '{"title":"New"}\n')
})
afterAll(() => directory.remove())

describe('the table', () => {
  it('is the same in the help and in the docs', async () => {
    const { stdout } = await varve(['--help'], { cwd })
    const docs = repositoryFile('docs/cli.md')
    for (const [code, meaning] of Object.entries(EXIT_CODE_MEANINGS)) {
      expect(stdout).toContain(`${code.padStart(3)}  ${meaning}\n`)
      expect(docs).toMatch(
        new RegExp(`^\\| ${code} +\\| ${meaning.replaceAll(/[()]/gu, String.raw`\$&`)} +\\|$`, 'mu'),
      )
    }
  })
})

describe('70', () => {
  it('is for what nobody foresaw, with the stack for the report', () => {
    const { exitCode, code, message, details } = failureOf(new RangeError('out of cheese'))
    expect({ exitCode, code }).toEqual({ exitCode: 70, code: 'CLI_INTERNAL' })
    expect(message).toContain('out of cheese')
    expect(details['stack']).toContain('exit-codes.test')
  })
})

describe('0', () => {
  it('is for what was done, help and version among it', async () => {
    for (const args of [
      ['--help'],
      ['--version'],
      ['help'],
      ['help', 'import'],
      ['get', '--help'],
      ['inspect', 'library.varve'],
    ]) {
      const { code, stdout, stderr } = await varve(args, { cwd })
      expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' })
      expect(stdout).not.toBe('')
    }
  })
})

describe('1', () => {
  it('is for data that import cannot take', async () => {
    const into = ['import', 'library.varve', 'books', '-']
    const message = await expectCode(1, 'CLI_DATA', into, '{"title":"A","year":1}\n{"title":"B"}\n')
    expect(message).toContain(
      `standard input, line 2, field 'year': expected a safe integer, found nothing. Nothing was written.`,
    )
    await expectCode(1, 'CLI_DATA', into, '{"title":')
    await expectCode(1, 'CLI_DATA', [...into, '--format', 'json'], '{}')
    await expectCode(1, 'CLI_DATA', [...into, '--format', 'csv'], '\ufeff'.replace('\ufeff', 'title,title\n'))
  })
})

describe('2', () => {
  const into = (collection: string, ...options: string[]): string[] => [
    'import',
    'library.varve',
    collection,
    'rows.ndjson',
    ...options,
  ]

  const wrong = [
    [['inspect']],
    [['inspect', 'library.varve', 'more']],
    [['inspect', 'library.varve', '--nonsense']],
    [['verify', 'library.varve', '--fail-on', 'rain']],
    [into('books', '--batch', '0')],
    [into('books', '--batch', '1e3')],
    [into('new', '--type', 'year')],
    [into('new', '--type', 'year:number')],
    [into('new', '--key', 'title', '--generate-key')],
    [['import', 'library.varve', 'new', 'folder']],
    [['import', 'new.varve', 'books', 'rows.ndjson']],
    [['export', 'library.varve', 'films', '--to', 'films.csv']],
    [['export', 'library.varve', 'books', '--limit', '-1']],
    [['export', 'library.varve', 'books', '--columns', 'title']],
    [['get', 'library.varve', 'films', 'x']],
    [['locks', 'library.varve', '--force']],
  ]
  it.each(sampled(wrong, 3))('is for %j, which changes nothing', async (args) => {
    const before = imageOf(cwd)
    await expectCode(2, 'CLI_USAGE', args)
    expect(imageOf(cwd)).toEqual(before)
  })

  const contradicting = [
    [into('books', '--key', 'year')],
    [into('books', '--generate-key')],
    [into('books', '--type', 'year:float64')],
    [into('new')],
  ]
  it.each(sampled(contradicting, 2))('is for %j, which contradicts the database', async (args) => {
    const [plain, json] = [await varve(args, { cwd }), await varve([...args, '--json'], { cwd })]
    expect({ code: plain.code, stdout: plain.stdout }).toEqual({ code: 2, stdout: '' })
    expect(envelopeOf(json.stdout).error?.code).toBe('CLI_USAGE')
    const { stdout } = await varve(['collections', 'library.varve'], { cwd })
    expect(stdout).toMatch(/^ +books +title +3 .*\n +loans .* 40 .*\n$/mu)
  })

  it('is for an export whose rows and report would be one file', async () => {
    const args = ['export', 'library.varve', 'books', '--to', 'one.json', '--output', './one.json']
    expect(await varve(args, { cwd })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('the same file'),
    })
  })

  it('is for no command at all, with the help', async () => {
    const { code, stdout, stderr } = await varve([], { cwd })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('Usage: varve <command> <database> [options]')
  })

  it('is for a command that does not exist, with a hint', async () => {
    const { code, stderr } = await varve(['inspekt', 'library.varve'], { cwd })
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `varve: Unknown command 'inspekt'. Did you mean inspect? See: varve help\n`,
    })
  })
})

const looking = [
  ['inspect'],
  ['verify'],
  ['dump-catalog'],
  ['collections'],
  ['locks'],
  ['get', 'books', 'x'],
  ['export', 'books', '--to', 'out.ndjson'],
]
const on = (database: string, [command = '', ...operands]: readonly string[]): string[] => [
  command,
  database,
  ...operands,
]

describe('3', () => {
  it.each(sampled(looking, 3))('is for %s of a database that is not there', async (...args) => {
    await expectCode(3, 'VARVE_NOT_FOUND', on('nothing.varve', args))
  })

  it.each(
    sampled(
      looking.filter(([command]) => command !== 'locks'),
      3,
    ),
  )('is for %s of a file that is no database', async (...args) => {
    await expectCode(3, 'VARVE_FORMAT', on('text.varve', args))
  })

  it('is for a directory', async () => {
    await expectCode(3, 'VARVE_FORMAT', ['inspect', 'folder'])
    await expectCode(3, 'VARVE_FORMAT', ['import', 'folder', 'books', 'rows.ndjson', '--key', 'title'])
  })

  it('is for an import into a file that is no database, which stays as it is', async () => {
    const before = readFileSync(directory.file('text.varve'))
    await expectCode(3, 'VARVE_FORMAT', ['import', 'text.varve', 'books', 'rows.ndjson', '--key', 'title'])
    expect(readFileSync(directory.file('text.varve'))).toEqual(before)
  })
})

describe('4', () => {
  it('is for an import beside another writer, and names it', async () => {
    const path = directory.file('held.varve')
    const db = await Database.open(path)
    try {
      const message = await expectCode(4, 'VARVE_LOCKED', [
        'import',
        'held.varve',
        'books',
        'rows.ndjson',
        '--key',
        'title',
      ])
      expect(message).toContain(`held.varve is held by a writer: process ${process.pid} on `)
    } finally {
      await db.close()
    }
  })

  it('is not for one that waited long enough', async () => {
    const db = await Database.open(directory.file('held.varve'))
    const waiting = varve(
      ['import', 'held.varve', 'books', 'rows.ndjson', '--key', 'title', '--wait', '60'],
      { cwd },
    )
    await new Promise((resolve) => setTimeout(resolve, 1000))
    await db.close()
    expect(await waiting).toMatchObject({ code: 0 })
  })
})

describe('5', () => {
  const damaged = (name: string): string => {
    const path = directory.file(name)
    writeFileSync(path, readFileSync(library))
    flipBit(path, offsetOf(path, 'Herbert'))
    return name
  }

  it.each([
    ['get', 'books', 'Dune'],
    ['export', 'books', '--to', 'out.ndjson'],
  ])('is for %s of a damaged database', async (...args) => {
    await expectCode(5, 'VARVE_CORRUPTION', on(damaged('damaged.varve'), args))
  })

  it('is for an import into one, which cuts nothing off', async () => {
    const name = damaged('kept.varve')
    const before = readFileSync(directory.file(name))
    await expectCode(5, 'VARVE_CORRUPTION', ['import', name, 'books', 'rows.ndjson'])
    expect(readFileSync(directory.file(name))).toEqual(before)
  })
})

describe('6', () => {
  it('is for an artifact that would overwrite a file', async () => {
    writeFileSync(directory.file('taken.json'), 'mine')
    for (const args of looking) {
      await expectCode(6, 'CLI_REFUSED', [...on('library.varve', args), '--output', 'taken.json'])
    }
    expect(readFileSync(directory.file('taken.json'), 'utf8')).toBe('mine')
    const forced = await varve(['verify', 'library.varve', '--quiet', '--output', 'taken.json', '--force'], {
      cwd,
    })
    expect(forced).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(envelopeOf(readFileSync(directory.file('taken.json'), 'utf8'))).toMatchObject({
      command: 'verify',
      ok: true,
    })
  })

  it('is for an export that would overwrite a file', async () => {
    writeFileSync(directory.file('taken.ndjson'), 'mine')
    await expectCode(6, 'CLI_REFUSED', ['export', 'library.varve', 'books', '--to', 'taken.ndjson'])
    expect(readFileSync(directory.file('taken.ndjson'), 'utf8')).toBe('mine')
    expect(
      await varve(['export', 'library.varve', 'books', '--to', 'taken.ndjson', '--force'], { cwd }),
    ).toMatchObject({ code: 0 })
    expect(readFileSync(directory.file('taken.ndjson'), 'utf8')).toContain('Dune')
  })

  it('is for whatever would overwrite the database, by any name and even with --force', async () => {
    const path = directory.file('names.varve')
    writeFileSync(path, readFileSync(library))
    linkSync(path, directory.file('hard.varve'))
    symlinkSync('names.varve', directory.file('soft.varve'))
    for (const name of ['names.varve', './names.varve', 'hard.varve', 'soft.varve']) {
      await expectCode(6, 'CLI_REFUSED', ['inspect', 'names.varve', '--output', name, '--force'])
      await expectCode(6, 'CLI_REFUSED', ['export', 'names.varve', 'books', '--to', name, '--force'])
    }
    expect(readFileSync(path)).toEqual(readFileSync(library))
  })

  it('is for a row whose key is taken', async () => {
    const input = '{"title":"Hamlet","year":1602}\n{"title":"Dune","year":1}\n'
    const message = await expectCode(6, 'CLI_REFUSED', ['import', 'library.varve', 'books', '-'], input)
    expect(message).toContain(
      'standard input, line 2: there is a row with the key "Dune" already. Nothing was written.',
    )
    expect(await varve(['get', 'library.varve', 'books', 'Hamlet'], { cwd })).toMatchObject({ code: 1 })
  })
})

describe('7', () => {
  it('is for an input that cannot be read', async () => {
    await expectCode(7, 'CLI_INPUT_OUTPUT', ['import', 'library.varve', 'books', 'nothing.csv'])
    await expectCode(7, 'CLI_INPUT_OUTPUT', [
      'import',
      'library.varve',
      'books',
      'folder',
      '--format',
      'json',
    ])
  })

  it('is for a file that cannot be made', async () => {
    await expectCode(7, 'CLI_INPUT_OUTPUT', ['inspect', 'library.varve', '--output', 'nowhere/report.json'])
    await expectCode(7, 'CLI_INPUT_OUTPUT', ['export', 'library.varve', 'books', '--to', 'nowhere/books.csv'])
  })

  it.runIf(process.platform === 'linux')('is for a full disk', async () => {
    for (const args of [
      ['inspect', 'library.varve', '--output', '/dev/full'],
      ['export', 'library.varve', 'books', '--to', '/dev/full'],
    ]) {
      const { code, stderr } = await varve(args, { cwd })
      expect({ code, stderr }).toEqual({
        code: 7,
        stderr: `varve ${args[0]}: Could not write /dev/full: no space is left.\n`,
      })
    }
  })

  it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
    'is for a database that may not be read',
    async () => {
      const path = directory.file('private.varve')
      writeFileSync(path, readFileSync(library))
      chmodSync(path, 0)
      await expectCode(7, 'VARVE_STORAGE', ['inspect', 'private.varve'])
    },
  )
})
