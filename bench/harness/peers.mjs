/** Who takes part, under which settings. `package` gives the version; `durable` and `relaxed` are what commits wait for. */
import { readFileSync } from 'node:fs'

/** The cache of the second table, for everyone who has one to set. */
export const LARGE_CACHE_BYTES = 512 * 2 ** 20

export const PEERS = [
  {
    name: 'varve',
    durable: "durability: 'commit'",
    relaxed: "durability: 'os'",
    cache: '64 MiB (default)',
    tuned: 'cacheBytes 512 MiB',
  },
  {
    name: 'lmdb',
    durable: 'await flushed; blocking: overlappingSync: false',
    relaxed: 'noSync: true',
    cache: "the kernel's (mapped file)",
    tuned: 'cache: true, useWritemap: true, sharedStructuresKey',
  },
  {
    name: 'better-sqlite3',
    durable: 'WAL, synchronous = FULL',
    relaxed: 'WAL, synchronous = OFF',
    cache: '16 MB (default)',
    tuned: 'cache_size 512 MiB, mmap_size 2 GiB, WITHOUT ROWID',
  },
  {
    name: 'node-sqlite',
    title: 'node:sqlite',
    durable: 'WAL, synchronous = FULL',
    relaxed: 'WAL, synchronous = OFF',
    cache: '2 MB (default)',
    tuned: 'cache_size 512 MiB, mmap_size 2 GiB, WITHOUT ROWID',
  },
  {
    name: 'classic-level',
    durable: 'sync: true',
    relaxed: 'sync: false',
    cache: '8 MiB of blocks (default)',
    tuned: 'cacheSize 512 MiB, writeBufferSize 64 MiB',
  },
  {
    name: 'nedb',
    title: '@seald-io/nedb',
    package: '@seald-io/nedb',
    durable: 'none: never syncs',
    relaxed: 'file appended, not synced',
    cache: 'all rows in memory',
    tuned: undefined,
    // It keeps every row as an object and reads its file whole at each open: that would be most of a run's time.
    mostRows: 100_000,
    workloads: [
      'load-plain',
      'load-indexed',
      'get-uniform',
      'index-equality',
      'full-scan',
      'delete-half',
      'reopen',
    ],
  },
]

export const titleOf = (name) => PEERS.find((peer) => peer.name === name)?.title ?? name

const manifest = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))

/** The version of a peer's package; of node:sqlite, that of the Node that runs it. */
export function versionOf({ name, package: packageName = name }) {
  if (name === 'varve') return manifest('../../package.json').version
  if (name === 'node-sqlite') return `Node ${manifest('../node_modules/node/package.json').version}`
  return manifest(`../node_modules/${packageName}/package.json`).version
}
