/** Which steps a run takes: a workload, a size and settings, with the peers that take part by turns. */
import { WORKLOADS } from '../workloads/index.mjs'
import { PEERS } from './peers.mjs'

const SIZES = [100_000]
const SIZES_OF_FULL = [100_000, 1_000_000]
/** Measured once: what the machine can do. */
const isLimit = (workload) => workload.startsWith('limit-')
/** Their figures do not depend on how many rows a file has, since they begin with none. */
const OF_ONE_SIZE = ['durable-sync', 'durable-async', 'durable-64']
/** What the tables of tuned peers have: what a cache or another layout may change. Only in a full run. */
const OF_TUNED = [
  'load-plain',
  'get-uniform',
  'get-zipfian',
  'range-100',
  'index-equality',
  'index-range',
  'full-scan',
  'update-100',
  'ycsb-a',
  'ycsb-b',
]

function peersOf({ workload, count, tuned, peers, also }) {
  const chosen = PEERS.filter(
    ({ name, mostRows = Infinity, workloads, tuned: settings }) =>
      count <= mostRows &&
      (workloads === undefined || workloads.includes(workload)) &&
      (!tuned || settings !== undefined) &&
      (peers === undefined || name === 'varve' || peers.includes(name)),
  ).map(({ name }) => ({ peer: name }))
  return also === undefined ? chosen : [...chosen, { peer: 'also', adapter: 'varve', dist: also }]
}

/** `only` and `peers` narrow it down. With `tuned`, the tables of tuned peers alone. */
export function planOf({ full, tuned: alone, rows, only, peers, also }) {
  const sizes = rows ?? (full ? SIZES_OF_FULL : SIZES)
  const settings = [...(alone ? [] : [false]), ...(full || alone ? [true] : [])]
  const steps = []
  for (const tuned of settings) {
    for (const count of sizes) {
      for (const workload of Object.keys(WORKLOADS)) {
        if (only !== undefined && !only.includes(workload)) continue
        if (tuned && !OF_TUNED.includes(workload)) continue
        if ((isLimit(workload) || OF_ONE_SIZE.includes(workload)) && count !== sizes[0]) continue
        if (isLimit(workload) && tuned) continue
        const who = isLimit(workload)
          ? [{ peer: 'machine' }]
          : peersOf({ workload, count, tuned, peers, also })
        steps.push({ workload, count, tuned, peers: who })
      }
    }
  }
  return steps
}
