/** The tables of the benchmark, of made-up results, and that its adapters are programs. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'

const bench = join(import.meta.dirname, '../../../bench')
const folder = mkdtempSync(join(tmpdir(), 'varve-report-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Figures {
  readonly peer: string
  readonly workload: string
  readonly seconds: readonly number[]
  readonly tuned?: boolean
  readonly count?: number
  /** Of a run with `--profile`. */
  readonly shares?: Readonly<Record<string, number>>
}

const MACHINE = {
  kind: 'machine',
  date: '2026-01-02',
  processor: 'a processor',
  cores: 2,
  memoryGiB: 8,
  system: 'a system',
  fileSystem: 'ext4',
  node: '24.0.0',
  versions: { varve: '9.9.9', lmdb: '3.5.6' },
}

/** What the program prints of such results; each takes these seconds for 1,000 operations, run by run, of 100,000 rows unless it says otherwise. */
function reportOf(figures: readonly Figures[], ...options: string[]): string {
  const runs = figures.flatMap(({ peer, workload, seconds, tuned = false, count = 100_000, shares }) =>
    seconds.map((each, run) => {
      const result = { operations: 1000, seconds: each, cpuSeconds: each / 2, shares }
      return { kind: 'run', workload, count, tuned, peer, run, ...result }
    }),
  )
  const path = join(folder, 'results.jsonl')
  writeFileSync(path, [MACHINE, ...runs].map((record) => JSON.stringify(record)).join('\n'))
  const program = [join(bench, 'run.mjs'), '--from', path, ...options]
  const { stdout, stderr, status } = spawnSync(process.execPath, program, { encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(status).toBe(0)
  return stdout
}

const FIGURES: readonly Figures[] = [
  { peer: 'varve', workload: 'get-uniform', seconds: [0.01, 0.01, 0.02] },
  { peer: 'lmdb', workload: 'get-uniform', seconds: [0.02, 0.03, 0.03] },
  { peer: 'better-sqlite3', workload: 'get-uniform', seconds: [0.05, 0.05, 0.05] },
  { peer: 'varve', workload: 'reopen', seconds: [0.004] },
  { peer: 'lmdb', workload: 'reopen', seconds: [0.002] },
  { peer: 'machine', workload: 'limit-unpack', seconds: [0.002] },
  { peer: 'machine', workload: 'limit-crc-row', seconds: [0.002] },
  { peer: 'lmdb', workload: 'get-uniform', seconds: [0.001], tuned: true },
]

describe('the report of the benchmark', () => {
  it('compares Varve with the best peer, run by run, and with what the machine can do; tuned peers are apart', () => {
    const [usual = '', tuned = ''] = reportOf(FIGURES).split('tuned, with a large cache')
    const lineOf = (what: string): string | undefined => usual.split('\n').find((line) => line.includes(what))
    const gets = lineOf('get, uniform')
    expect(gets).toContain('| 1.6, met | **2.00** (1.50 to 3.00) | 40% |')
    expect(gets).toContain('| 100,000 ±25% | _33,300 ±25%_ | 20,000 ±0% |')
    expect(lineOf('reopen until the first get')).toContain('| 1 | **0.50**')
    expect(tuned).toContain('_1,000,000 ±0%_')
  })

  it('takes the clock of the processor when told to', () => {
    expect(reportOf(FIGURES, '--cpu')).toContain('| 200,000 ±25% |')
  })

  it('says what becomes of figures with more rows, and where the time goes, which takes time of its own', () => {
    const shares = { syncs: 0.4, other: 0.6 }
    const text = reportOf([
      ...FIGURES,
      { peer: 'varve', workload: 'get-uniform', seconds: [0.02], count: 1_000_000 },
      { peer: 'varve', workload: 'get-uniform', seconds: [7], shares },
    ])
    expect(text).toContain('| get, uniform, /s | 100,000 ±25% | 50,000 ±0% | 0.50 |')
    expect(text).toMatch(/^\| get-uniform, 100,000 \| 40% \|.*\| 60% \|$/mu)
    expect(text).toContain('**2.00** (1.50 to 3.00)')
    expect(text).not.toContain('1,000,000 rows, as they come')
  })

  it('writes its section of the page, names what is behind, and keeps the rest', () => {
    const page = join(folder, 'page.md')
    const [begin, end] =
      readFileSync(join(bench, '../docs/benchmarks.md'), 'utf8').match(/^<!-- .* -->$/gmu) ?? []
    writeFileSync(page, `# Before\n\n${begin}\n\nold figures\n\n${end}\n\n# After\n`)
    reportOf(FIGURES, '--docs', '--page', page)
    const text = readFileSync(page, 'utf8')
    expect(text).toMatch(/^# Before\n[^]*# After\n$/u)
    expect(text).not.toContain('old figures')
    expect(text).toContain('- reopen until the first get: 0.50 of lmdb')
    expect(text).not.toContain('- get, uniform')
    expect(text).toContain('a processor')
  })
})

describe('the adapters of the benchmark', () => {
  /** Says which files it parsed, without what they import: peers are not installed here. */
  const parsing = `
    const [{ readFileSync, readdirSync }, { SourceTextModule }] = [require('node:fs'), require('node:vm')]
    for (const name of readdirSync('adapters')) {
      new SourceTextModule(readFileSync('adapters/' + name, 'utf8'), { identifier: name })
      console.log(name)
    }`

  it('can be read by Node', () => {
    const options = ['--experimental-vm-modules', '--no-warnings', '--eval', parsing]
    const { stdout, stderr } = spawnSync(process.execPath, options, { cwd: bench, encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(stdout.split('\n')).toEqual(expect.arrayContaining(['varve.mjs', 'lmdb.mjs', 'sqlite.mjs']))
  })
})
