/**
 * Takes the steps of a plan, peers by turns, so that a machine that gets slower or faster does so for all of them. All steps are taken
 * once before any is taken again: a run that is ended early has a table of all, of fewer runs.
 */
import { Runner } from './runner.mjs'

/** In every run another peer is first. */
const rotated = (peers, by) => [...peers.slice(by % peers.length), ...peers.slice(0, by % peers.length)]

function show({ workload, count, tuned }, { peer }, result) {
  const of = `${workload}, ${count.toLocaleString('en')}${tuned ? ', tuned' : ''}, ${peer}`
  if (result === null) console.log(`${of}: has none`)
  else if (result.error !== undefined) console.log(`${of}: FAILED\n${result.error}`)
  else console.log(`${of}: ${Math.round(result.operations / result.seconds).toLocaleString('en')} /s`)
}

async function take(runner, step, who, run) {
  const result = await runner.run({ ...who, ...step })
  show(step, who, result)
  const { workload, count, tuned } = step
  const record = { kind: 'run', workload, count, tuned, peer: who.peer, run, ...(result ?? { none: true }) }
  return { record, isOut: result === null || result.error !== undefined }
}

export async function runAll({ plan, runs, folder, dist, keep }) {
  const runner = new Runner({ folder, dist })
  // A peer that has no such operation, or failed at it, is not asked again.
  const out = new Map(plan.map((step) => [step, new Set()]))
  for (let run = 0; run < runs; run++) {
    console.log(`Run ${run + 1} of ${runs}`)
    for (const step of plan) {
      for (const who of rotated(step.peers, run)) {
        if (out.get(step).has(who.peer)) continue
        const { record, isOut } = await take(runner, step, who, run)
        if (isOut) out.get(step).add(who.peer)
        keep(record)
      }
    }
  }
}
