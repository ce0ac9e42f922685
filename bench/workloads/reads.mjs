/** Reads of a loaded file: rows by key, ranges, both secondary indexes, and all rows. */
import { uniform, zipfian } from '../harness/choices.mjs'
import { check, measure, memory, WARM_SECONDS } from '../harness/measure.mjs'
import { createdAt, groupName, keyAt, ROWS_OF_A_GROUP, SCORES } from '../harness/rows.mjs'

const GETS = { count: 100_000, warm: 50_000 }
const RANGES = { count: 3000, warm: 1000 }
const RANGE_ROWS = 100
const EQUALITIES = { count: 20_000, warm: 10_000 }
const ABOVE = { count: 4000, warm: 2000 }
const ABOVE_ROWS = 50
/** At least so many rows are scanned: several times all of them, if they are few. */
const SCANNED_ROWS = 500_000

const total = ({ count, warm }) => count + warm

async function reading({ open, counts, indexed = false }, operationOf) {
  const handle = await open({ indexed })
  const operation = await operationOf(handle)
  if (operation === undefined) return undefined
  const took = await measure({ ...counts, warmSeconds: WARM_SECONDS }, operation)
  const used = memory()
  await handle.close()
  return { operations: counts.count, ...took, ...used }
}

async function get(job, chosen) {
  const keys = Array.from(chosen, keyAt)
  const expected = Float64Array.from(chosen, createdAt)
  const verdict = (row, i) => check(row !== undefined && row.created === expected[i], `the row of ${keys[i]}`)
  return reading({ ...job, counts: GETS }, (handle) => (i) => {
    const row = handle.get(keys[i])
    return row instanceof Promise ? row.then((found) => verdict(found, i)) : verdict(row, i)
  })
}

async function getMissing(job) {
  const keys = Array.from(uniform(total(GETS), job.count, 3), (i) => keyAt(job.count + i))
  const verdict = (row) => check(row === undefined || row === null, 'a row that is not there')
  return reading({ ...job, counts: GETS }, (handle) => (i) => {
    const row = handle.get(keys[i])
    return row instanceof Promise ? row.then(verdict) : verdict(row)
  })
}

function ascending(rows, field) {
  for (let i = 1; i < rows.length; i++) if (rows[i][field] < rows[i - 1][field]) return false
  return true
}

async function ranges(job) {
  // After these keys there are always enough more: one in 36 begins with the last letter.
  const isEarly = (key) => key < 'z'
  const keys = Array.from(uniform(total(RANGES) * 2, job.count, 4), keyAt).filter(isEarly)
  const verdict = (rows, i) => {
    const right = rows.length === RANGE_ROWS && rows[0].id === keys[i] && ascending(rows, 'id')
    check(right, `the range from ${keys[i]}`)
  }
  return reading({ ...job, counts: RANGES }, (handle) => {
    if (handle.range === undefined) return undefined
    return (i) => {
      const rows = handle.range(keys[i], RANGE_ROWS)
      return rows instanceof Promise ? rows.then((found) => verdict(found, i)) : verdict(rows, i)
    }
  })
}

async function equality(job) {
  const groups = Array.from(uniform(total(EQUALITIES), job.count / ROWS_OF_A_GROUP, 5), groupName)
  const verdict = (rows, i) => {
    const right = rows.length === ROWS_OF_A_GROUP && rows.every((row) => row.group === groups[i])
    check(right, `the rows of ${groups[i]}`)
  }
  return reading({ ...job, counts: EQUALITIES, indexed: true }, (handle) => {
    if (handle.equal === undefined) return undefined
    return (i) => {
      const rows = handle.equal(groups[i])
      return rows instanceof Promise ? rows.then((found) => verdict(found, i)) : verdict(rows, i)
    }
  })
}

async function indexRange(job) {
  const starts = Float64Array.from(uniform(total(ABOVE), SCORES * 90, 6), (cents) => cents / 100)
  const verdict = (rows, i) => {
    const right = rows.length === ABOVE_ROWS && rows[0].score >= starts[i] && ascending(rows, 'score')
    check(right, `the rows from score ${starts[i]} on`)
  }
  return reading({ ...job, counts: ABOVE, indexed: true }, (handle) => {
    if (handle.above === undefined) return undefined
    return (i) => {
      const rows = handle.above(starts[i], ABOVE_ROWS)
      return rows instanceof Promise ? rows.then((found) => verdict(found, i)) : verdict(rows, i)
    }
  })
}

async function scan(job) {
  const { count } = job
  let expected = 0
  for (let i = 0; i < count; i++) expected += createdAt(i) % 1000
  const passes = Math.max(1, Math.ceil(SCANNED_ROWS / count))
  const result = await reading({ ...job, counts: { count: passes, warm: 1 } }, (handle) => async () => {
    let [rows, sum] = [0, 0]
    await handle.scan((row) => {
      rows += 1
      sum += row.created % 1000
    })
    check(rows === count && sum === expected, 'all rows')
  })
  return { ...result, operations: passes * count }
}

export const reads = {
  'get-uniform': { fixture: 'plain', run: (job) => get(job, uniform(total(GETS), job.count, 1)) },
  'get-zipfian': { fixture: 'plain', run: (job) => get(job, zipfian(total(GETS), job.count, 2)) },
  'get-missing': { fixture: 'plain', run: getMissing },
  'range-100': { fixture: 'plain', run: ranges },
  'index-equality': { fixture: 'indexed', run: equality },
  'index-range': { fixture: 'indexed', run: indexRange },
  'full-scan': { fixture: 'plain', run: scan },
}
