/**
 * One workload of one peer, in a process of its own. The job comes as JSON; the result is the last line printed, as JSON:
 * `null` if the peer has no such operation.
 *
 *     node child.mjs '{"adapter":"lmdb","workload":"get-uniform","count":100000,"folder":"...","tuned":false}'
 */
import { WORKLOADS } from '../workloads/index.mjs'

const job = JSON.parse(process.argv[2])
// What the machine can do has no peer.
const adapter = job.adapter === 'machine' ? undefined : await import(`../adapters/${job.adapter}.mjs`)
const open = (options) =>
  adapter.open({
    folder: job.folder,
    tuned: job.tuned,
    cacheBytes: job.cacheBytes,
    durable: false,
    ...options,
  })
const result = await WORKLOADS[job.workload].run({ ...job, open })
const { user, system } = process.cpuUsage()
// What the whole process took: of use for whoever shortens the benchmark.
const ofProcess = { processCpuSeconds: (user + system) / 1e6 }
console.log(JSON.stringify(result === undefined ? null : { ...result, ...ofProcess }))
