/** Takes the steps of a plan, peers by turns, so that a machine that gets slower or faster does so for all of them. */
import { Runner } from './runner.mjs'

/** In every run another peer is first. */
const rotated = (peers, by) => [...peers.slice(by % peers.length), ...peers.slice(0, by % peers.length)]

function show({ workload, count, tuned }, { peer }, result) {
  const of = `${workload}, ${count.toLocaleString('en')}${tuned ? ', tuned' : ''}, ${peer}`
  if (result === null) console.log(`${of}: has none`)
  else if (result.error !== undefined) console.log(`${of}: FAILED\n${result.error}`)
  else console.log(`${of}: ${Math.round(result.operations / result.seconds).toLocaleString('en')} /s`)
}

export async function runAll({ plan, folder, dist, keep }) {
  const runner = new Runner({ folder, dist })
  for (const step of plan) {
    // A peer that has no such operation, or failed at it, is not asked again.
    const out = new Set()
    for (let run = 0; run < step.runs; run++) {
      for (const who of rotated(step.peers, run)) {
        if (out.has(who.peer)) continue
        const result = await runner.run({ ...who, ...step })
        if (result === null || result.error !== undefined) out.add(who.peer)
        show(step, who, result)
        const { workload, count, tuned } = step
        keep({ kind: 'run', workload, count, tuned, peer: who.peer, run, ...(result ?? { none: true }) })
      }
    }
  }
}
