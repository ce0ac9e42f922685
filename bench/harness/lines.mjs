/**
 * The lines of the tables: which figure of which workload, what it is in, and what is wanted of Varve: `atLeast` is the ratio to
 * the best of the peers as they come. Rates are better when they are more, all else when it is less.
 */
const rate = (run) => run.operations / run.seconds
const ms = (run) => run.seconds * 1000

const line = (label, workload, unit, atLeast, value = rate) => ({ label, workload, unit, atLeast, value })

export const LINES = [
  line('load in batches of 1,000, no index', 'load-plain', 'rows/s', 2),
  line('load, two indexes', 'load-indexed', 'rows/s', 1.5),
  line('durable, one at a time, blocking', 'durable-sync', '/s', 1.2),
  line('durable, one at a time, asynchronous', 'durable-async', '/s'),
  line('durable, 64 at a time', 'durable-64', '/s', 5),
  line('get, uniform', 'get-uniform', '/s', 1.6),
  line('get, zipfian', 'get-zipfian', '/s', 1.7),
  line('get, missing', 'get-missing', '/s', 2),
  line('range of 100 rows', 'range-100', '/s', 1.4),
  line('index equality, 10 rows', 'index-equality', '/s', 2.5),
  line('index range, limit 50', 'index-range', '/s', 2.5),
  line('update in transactions of 100', 'update-100', 'rows/s', 3),
  line('YCSB A (half reads, half updates)', 'ycsb-a', '/s', 3),
  line('YCSB B (95% reads)', 'ycsb-b', '/s', 2),
  line('YCSB C (reads)', 'ycsb-c', '/s'),
  line('YCSB E (95% scans, 5% inserts)', 'ycsb-e', '/s'),
  line('YCSB F (half read-modify-write)', 'ycsb-f', '/s'),
  line('full scan', 'full-scan', 'rows/s', 2),
  line('delete half', 'delete-half', 'rows/s', 4),
  line('reopen until the first get', 'reopen', 'ms', 1, ms),
  line('the same, later in a process', 'reopen', 'ms', undefined, (run) => run.laterSeconds * 1000),
  line('compact the remaining half', 'delete-half', 'ms', 1, (run) => run.compactSeconds * 1000),
  line('bytes a row after it', 'delete-half', 'bytes', 1, (run) => run.bytesPerRow),
  line('bytes a row after loading', 'export', 'bytes', undefined, (run) => run.bytes / run.operations),
  line('export of a snapshot', 'export', 'rows/s'),
  line('verify', 'verify', 'rows/s'),
  line('event loop while loading, p99.9', 'load-plain', 'ms', undefined, (run) => run.p999Ms),
  line('the same, two indexes', 'load-indexed', 'ms', undefined, (run) => run.p999Ms),
  line('peak memory, loading with two indexes', 'load-indexed', 'MiB', undefined, (run) => run.peakMiB),
  line('peak memory, uniform gets', 'get-uniform', 'MiB', undefined, (run) => run.peakMiB),
]

export const moreIsBetter = ({ unit }) => unit.endsWith('/s')
