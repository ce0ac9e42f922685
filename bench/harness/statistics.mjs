/** Medians and spreads of runs, and the ratio of Varve to the best of its peers. */
import { LIMITS, moreIsBetter } from './lines.mjs'

/** What is no peer: Varve, another build of it, and the machine. */
const OWN = ['varve', 'also', 'machine']

function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Median, least and most of the values, and how many there are; undefined without any. */
function summary(values) {
  const real = values.filter((value) => Number.isFinite(value))
  if (real.length === 0) return undefined
  return { median: median(real), least: Math.min(...real), most: Math.max(...real), runs: real.length }
}

/** The figures of one line for one size and settings: each peer's summary, the best peer, and the ratio to it, run by run. */
export function compare(records, line, { count, tuned, clock = 'seconds' }) {
  const byPeer = new Map()
  for (const record of records) {
    const { kind, workload, peer, run } = record
    if (kind !== 'run' || workload !== line.workload || record.count !== count || record.tuned !== tuned)
      continue
    // The profiler takes time of its own.
    const isTimed = record.seconds !== undefined && record.shares === undefined
    const value = isTimed ? line.value(record, clock) : undefined
    if (!Number.isFinite(value)) continue
    if (!byPeer.has(peer)) byPeer.set(peer, new Map())
    byPeer.get(peer).set(run, value)
  }
  const summaries = new Map(Array.from(byPeer, ([peer, runs]) => [peer, summary([...runs.values()])]))
  const best = bestOf(summaries, line)
  return { summaries, best, ratio: ratioOf(byPeer.get('varve'), byPeer.get(best), line) }
}

function bestOf(summaries, line) {
  let best
  for (const [peer, { median: value }] of summaries) {
    if (OWN.includes(peer)) continue
    const than = summaries.get(best)?.median
    if (than === undefined || (moreIsBetter(line) ? value > than : value < than)) best = peer
  }
  return best
}

/** Above 1 Varve is ahead. Runs are paired, so that a slow minute of the machine is in both. */
function ratioOf(varve, best, line) {
  if (varve === undefined || best === undefined) return undefined
  const ratios = []
  for (const [run, value] of varve) {
    const other = best.get(run)
    if (other !== undefined) ratios.push(moreIsBetter(line) ? value / other : other / value)
  }
  return summary(ratios)
}

/** The median rate of each workload that measures the machine, by its name. */
export function ratesOfLimits(records, { clock }) {
  const runs = records.filter(({ peer }) => peer === 'machine')
  return new Map(
    LIMITS.flatMap((line) => {
      const of = { count: runs[0]?.count, tuned: false, clock }
      const found = compare(runs, line, of).summaries.get('machine')
      return found === undefined ? [] : [[line.workload, found.median]]
    }),
  )
}
