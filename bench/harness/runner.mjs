/**
 * Runs one workload of one peer in a process of its own, on the Node of `bench/package.json`.
 *
 * A file that is only read is loaded once per peer, size and settings, by the workload that measures loading, and used again;
 * a workload that changes it gets a copy, which is on the disk before the clock starts.
 */
import { spawn } from 'node:child_process'
import {
  closeSync,
  cpSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { join } from 'node:path'
import { WORKLOADS } from '../workloads/index.mjs'
import { LARGE_CACHE_BYTES } from './peers.mjs'

/** A process that takes longer is ended and counts as failed. */
const LONGEST_MS = 15 * 60_000
const CHILD = join(import.meta.dirname, 'child.mjs')
export const NODE = join(import.meta.dirname, '../node_modules/node/bin/node')

/** `dist` is the folder of the built package that Varve is loaded from. */
function start(job, dist) {
  return new Promise((resolve) => {
    const child = spawn(NODE, [CHILD, JSON.stringify(job)], {
      env: { ...process.env, VARVE_BENCH_DIST: dist },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LONGEST_MS,
    })
    let [output, errors] = ['', '']
    child.stdout.on('data', (chunk) => (output += chunk))
    child.stderr.on('data', (chunk) => (errors += chunk))
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(output.trim().split('\n').at(-1)))
      else resolve({ error: errors.trim().split('\n').slice(-12).join('\n') || `exit ${code}` })
    })
  })
}

function eachFileOf(folder, flags, use) {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    const file = openSync(join(entry.parentPath, entry.name), flags)
    use(file)
    closeSync(file)
  }
}

/** Reads every byte, so that the system has it in memory: it may have dropped what nobody used for a while, and a read of the disk is no peer's. */
function readFilesOf(folder) {
  const piece = new Uint8Array(4 * 2 ** 20)
  eachFileOf(folder, 'r', (file) => {
    while (readSync(file, piece) > 0);
  })
}

export class Runner {
  #folder
  #dist

  /** All files are made in `folder`; Varve is the package built in `dist`. */
  constructor({ folder, dist }) {
    this.#folder = folder
    this.#dist = dist
  }

  /** What the workload's process gave: figures, `null` if the peer has no such operation, or `{ error }`. */
  async run({ peer, adapter = peer, workload, count, tuned, dist = this.#dist }) {
    const { fixture, leaves, changes } = WORKLOADS[workload]
    const own = join(this.#folder, 'own')
    rmSync(own, { recursive: true, force: true })
    const job = { adapter, workload, count, tuned, ...(tuned ? { cacheBytes: LARGE_CACHE_BYTES } : {}) }
    const start_ = (folder) => start({ ...job, folder }, dist)
    if (fixture === undefined) {
      mkdirSync(own, { recursive: true })
      const result = await start_(own)
      if (leaves !== undefined && result?.error === undefined)
        this.#keep(own, this.#folderOf({ ...job, peer, fixture: leaves }))
      return result
    }
    const loaded = await this.#fixture({ ...job, peer, fixture, dist })
    if (loaded.error !== undefined) return loaded
    if (!changes) {
      readFilesOf(loaded.folder)
      return start_(loaded.folder)
    }
    cpSync(loaded.folder, own, { recursive: true })
    eachFileOf(own, 'r+', fsyncSync)
    return start_(own)
  }

  #folderOf({ peer, count, fixture, tuned }) {
    return join(this.#folder, [peer, count, fixture, tuned ? 'tuned' : 'default'].join('-'))
  }

  /** The first load of its kind is the file that others read. */
  #keep(from, folder) {
    if (!existsSync(folder)) renameSync(from, folder)
  }

  async #fixture({ peer, fixture, dist, ...job }) {
    const folder = this.#folderOf({ peer, fixture, ...job })
    if (existsSync(folder)) return { folder }
    mkdirSync(folder, { recursive: true })
    const { error } = await start({ ...job, workload: `load-${fixture}`, folder }, dist)
    if (error === undefined) return { folder }
    rmSync(folder, { recursive: true, force: true })
    return { error }
  }
}
