/** What the demo prints: headings, figures, and facts that hold or do not. */

const started = performance.now()
let failures = 0

/** Begins a part of the demo. */
export function heading(text) {
  console.log(`\n${text}\n${'-'.repeat(text.length)}`)
}

/** Says something by the way. */
export function say(text) {
  console.log(`  ${text}`)
}

/** States a fact, and whether it holds. One that does not makes the demo fail. */
export function fact(text, holds) {
  if (!holds) failures += 1
  console.log(`  ${holds ? 'yes' : 'NO '}  ${text}`)
}

/** Runs `work` and hands back its result with the time it took, in words. */
export async function timed(work) {
  const begin = performance.now()
  const result = await work()
  return [result, duration(performance.now() - begin)]
}

/** A time in milliseconds, as a person says it. */
function duration(ms) {
  if (ms < 1) return `${(ms * 1000).toFixed(0)} microseconds`
  return ms < 1000 ? `${ms.toFixed(ms < 10 ? 1 : 0)} ms` : `${(ms / 1000).toFixed(1)} s`
}

export function number(value) {
  return value.toLocaleString('en-US')
}

/** Ends the demo: what it came to, and the exit code. */
export function conclude() {
  const time = duration(performance.now() - started)
  console.log(
    failures === 0 ? `\nEverything held, in ${time}.` : `\n${failures} facts did NOT hold, in ${time}.`,
  )
  process.exitCode = failures === 0 ? 0 : 1
}
