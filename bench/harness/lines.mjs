/**
 * The lines of the tables: which figure of which workload, what it is in, and what is wanted of Varve: `atLeast` is the ratio to
 * the best of the peers as they come. Rates are better when they are more, all else when it is less. `value(run, of)` takes it from
 * a result, by the clock that `of` names: `seconds` of the wall, `cpuSeconds` of the processor.
 *
 * `limit(at)` is the rate that could not be passed if everything but what is named took no time: `at(workload)` is the rate of one
 * of the workloads that measure the machine.
 */
const rate = (run, of) => run.operations / run[of]
const ms = (run, of) => run[of] * 1000

const line = (label, workload, unit, { atLeast, value = rate, limit } = {}) => ({
  label,
  workload,
  unit,
  atLeast,
  value,
  limit,
})

/** The rate of things that take these rates one after the other. */
const inTurn = (...rates) => 1 / rates.reduce((sum, each) => sum + 1 / each, 0)
/** Rows written: packed, and their bytes checksummed. */
const written = (at) => inTurn(at('limit-pack'), at('limit-crc-row'))
/** Rows read: their bytes checked, then unpacked. */
const read = (at) => inTurn(at('limit-unpack'), at('limit-crc-row'))
/** Reads that give so many rows each. */
const readOf = (rows) => (at) => read(at) / rows
const changed = (at) => inTurn(read(at), written(at))
const bySyncs = (commits) => (at) => at('limit-sync') * commits

export const LINES = [
  line('load in batches of 1,000, no index', 'load-plain', 'rows/s', { atLeast: 2, limit: written }),
  line('load, two indexes', 'load-indexed', 'rows/s', { atLeast: 1.5, limit: written }),
  line('durable, one at a time, blocking', 'durable-sync', '/s', { atLeast: 1.2, limit: bySyncs(1) }),
  line('durable, one at a time, asynchronous', 'durable-async', '/s', { limit: bySyncs(1) }),
  line('durable, 64 at a time', 'durable-64', '/s', { atLeast: 5, limit: bySyncs(64) }),
  line('get, uniform', 'get-uniform', '/s', { atLeast: 1.6, limit: read }),
  line('get, zipfian', 'get-zipfian', '/s', { atLeast: 1.7, limit: read }),
  line('get, missing', 'get-missing', '/s', { atLeast: 2 }),
  line('range of 100 rows', 'range-100', '/s', { atLeast: 1.4, limit: readOf(100) }),
  line('index equality, 10 rows', 'index-equality', '/s', { atLeast: 2.5, limit: readOf(10) }),
  line('index range, limit 50', 'index-range', '/s', { atLeast: 2.5, limit: readOf(50) }),
  line('update in transactions of 100', 'update-100', 'rows/s', { atLeast: 3, limit: changed }),
  line('YCSB A (half reads, half updates)', 'ycsb-a', '/s', { atLeast: 3 }),
  line('YCSB B (95% reads)', 'ycsb-b', '/s', { atLeast: 2 }),
  line('YCSB C (reads)', 'ycsb-c', '/s', { limit: read }),
  line('YCSB E (95% scans, 5% inserts)', 'ycsb-e', '/s'),
  line('YCSB F (half read-modify-write)', 'ycsb-f', '/s'),
  line('full scan', 'full-scan', 'rows/s', { atLeast: 2, limit: read }),
  line('delete half', 'delete-half', 'rows/s', { atLeast: 4 }),
  line('reopen until the first get', 'reopen', 'ms', { atLeast: 1, value: ms }),
  line('reopen until the first get, later in a process', 'reopen', 'ms', {
    value: (run, of) => run.later?.[of] * 1000,
  }),
  line('compact the remaining half', 'delete-half', 'ms', {
    atLeast: 1,
    value: (run, of) => run.compacted?.[of] * 1000,
  }),
  line('bytes a row after compaction', 'delete-half', 'bytes', {
    atLeast: 1,
    value: (run) => run.bytesPerRow,
  }),
  line('bytes a row after loading', 'load-plain', 'bytes', { value: (run) => run.bytesPerRow }),
  line('bytes a row after loading, two indexes', 'load-indexed', 'bytes', {
    value: (run) => run.bytesPerRow,
  }),
  line('export of a snapshot', 'export', 'rows/s'),
  line('verify', 'verify', 'rows/s', { limit: read }),
  line('event loop while loading, p99.9', 'load-plain', 'ms', { value: (run) => run.p999Ms }),
  line('event loop while loading, two indexes, p99.9', 'load-indexed', 'ms', { value: (run) => run.p999Ms }),
  line('peak memory, loading with two indexes', 'load-indexed', 'MiB', { value: (run) => run.peakMiB }),
  line('peak memory, uniform gets', 'get-uniform', 'MiB', { value: (run) => run.peakMiB }),
]

/** What the machine, and the libraries that Varve is built on, can do. */
export const LIMITS = [
  line('append of a row and sync of the file', 'limit-sync', '/s'),
  line('copy in memory, bytes', 'limit-copy', '/s'),
  line("read of a row's bytes from the page cache", 'limit-page-cache', '/s'),
  line('row packed by msgpackr', 'limit-pack', '/s'),
  line('row unpacked by msgpackr', 'limit-unpack', '/s'),
  line("CRC-32C of a row's bytes", 'limit-crc-row', '/s'),
  line('CRC-32C, bytes', 'limit-crc', '/s'),
  line('memory of a process that does nothing', 'limit-memory', 'MiB', { value: (run) => run.peakMiB }),
]

export const moreIsBetter = ({ unit }) => unit.endsWith('/s')
