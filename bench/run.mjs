/**
 * Is Varve fast, and against what? Runs the same workloads on it and on its peers by turns, and prints a table of ratios.
 *
 *     npm run bench                                   100,000 rows, some minutes
 *     npm run bench:full                              100,000 and 1,000,000 rows, with the tuned peers
 *     npm run bench -- --tuned                        the tuned peers alone
 *     npm run bench -- --only get-uniform,range-100   some workloads
 *     npm run bench -- --peers lmdb,better-sqlite3    some peers; Varve is always there
 *     npm run bench -- --runs 9 --rows 4000000        other numbers of runs and rows
 *     npm run bench -- --also /path/to/another/dist   another build of Varve, as a peer
 *     npm run bench -- --cpu                          the table by processor time, for a machine that others use too
 *     npm run bench -- --profile                      where Varve's time goes, by layers, and no peers
 *     npm run bench -- --docs                         writes the figures of docs/benchmarks.md, or of another --page
 *     npm run bench -- --from a.jsonl,b.jsonl         only prints the tables of earlier runs, of one machine and build
 *
 * Every result is a line of JSON in bench/results/.
 */
import { spawnSync } from 'node:child_process'
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { writeSection } from './harness/docs.mjs'
import { machineFacts } from './harness/machine.mjs'
import { planOf } from './harness/plan.mjs'
import { reportOf } from './harness/report.mjs'
import { NODE } from './harness/runner.mjs'
import { runAll } from './harness/turns.mjs'

const list = (text) => (text === undefined ? undefined : text.split(','))

const { values } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    tuned: { type: 'boolean', default: false },
    rows: { type: 'string' },
    runs: { type: 'string', default: '5' },
    only: { type: 'string' },
    peers: { type: 'string' },
    also: { type: 'string' },
    folder: { type: 'string', default: tmpdir() },
    cpu: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    page: { type: 'string', default: join(import.meta.dirname, '../docs/benchmarks.md') },
    docs: { type: 'boolean', default: false },
    from: { type: 'string' },
  },
})

function install() {
  if (existsSync(NODE)) return
  console.log("Installing the benchmark's own packages (once)")
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: import.meta.dirname,
    stdio: 'inherit',
  })
  if (status !== 0)
    throw new Error('npm ci in bench/ failed; without its packages there is nothing to compare with.')
}

async function run() {
  install()
  const results = join(import.meta.dirname, 'results')
  mkdirSync(results, { recursive: true })
  const path = join(results, `${new Date().toISOString().replaceAll(/[:.]/gu, '-')}.jsonl`)
  const records = []
  const keep = (record) => {
    records.push(record)
    appendFileSync(path, `${JSON.stringify(record)}\n`)
  }
  const folder = mkdtempSync(join(values.folder, 'varve-bench-'))
  // A copy, so that a build meanwhile changes nothing. It is in the repository, where its dependencies are found.
  const builds = join(import.meta.dirname, '.builds')
  mkdirSync(builds, { recursive: true })
  const dist = mkdtempSync(join(builds, 'dist-'))
  cpSync(join(import.meta.dirname, '../dist'), dist, { recursive: true })
  const remove = () => {
    for (const made of [folder, dist]) rmSync(made, { recursive: true, force: true })
  }
  process.once('SIGINT', () => {
    remove()
    console.log(`\nEnded; what there is: npm run bench -- --from ${path}`)
    process.exit(130)
  })
  if (values.profile) process.env.VARVE_BENCH_PROFILE = 'yes'
  try {
    const plan = planOf({
      full: values.full,
      tuned: values.tuned,
      rows: list(values.rows)?.map(Number),
      only: list(values.only),
      peers: values.profile ? [] : list(values.peers),
      also: values.also,
    })
    keep({ kind: 'machine', ...machineFacts(folder), command: process.argv.slice(2).join(' ') })
    await runAll({ plan, runs: Number(values.runs), folder, dist, keep })
  } finally {
    remove()
  }
  console.log(`\nAll results: ${path}`)
  return records
}

const read = (path) =>
  readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

const clock = values.cpu ? 'cpuSeconds' : 'seconds'
const records = values.from === undefined ? await run() : list(values.from).flatMap(read)
if (values.docs) {
  writeSection(values.page, records, clock)
  const prettier = join(import.meta.dirname, '../node_modules/prettier/bin/prettier.cjs')
  spawnSync(process.execPath, [prettier, '--write', values.page], { stdio: 'inherit' })
}
console.log(`\n${reportOf(records, clock)}`)
