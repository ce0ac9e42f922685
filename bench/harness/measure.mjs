/** Measures operations after a warm-up, and what a process took of memory. */
import { readFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { profiled } from './profile.mjs'

export function check(holds, what) {
  if (!holds) throw new Error(`The benchmark read something wrong: ${what}`)
}

/**
 * Starts a clock; the function it gives tells the seconds since, by the wall and of the processor (all threads). Of a machine that
 * others use too, the latter say more.
 */
export function clock() {
  const [wall, used] = [performance.now(), process.cpuUsage()]
  return () => {
    const { user, system } = process.cpuUsage(used)
    return { seconds: (performance.now() - wall) / 1000, cpuSeconds: (user + system) / 1e6 }
  }
}

/** What a program does again and again is done for so long before it is timed: the second half of that takes a fraction of what the first does. */
export const WARM_SECONDS = 2

/** Runs `run` over and over until it is warm; how many times. */
export async function warmUp(run, seconds = WARM_SECONDS) {
  const enough = performance.now() + seconds * 1000
  let times = 0
  do {
    await run()
    times++
  } while (performance.now() < enough)
  return times
}

/**
 * Runs `operation(i)` for `warm` numbers so that its code is compiled and caches are filled, then times `count` more.
 * With `pace`, the event loop gets a turn after every so many, as it would in a program that serves. With `warmSeconds`, the first
 * numbers are taken over and over until that time has passed, `rounds` times: for operations that may be repeated.
 */
export async function measure({ count, warm, pace = Infinity, warmSeconds = 0 }, operation) {
  const rounds = await warmUp(() => repeat(0, warm, pace, operation), warmSeconds)
  const took = await timed(() => repeat(warm, warm + count, pace, operation))
  return { ...took, rounds }
}

async function repeat(from, to, pace, operation) {
  for (let first = from; first < to; first += pace) {
    const end = Math.min(to, first + pace)
    for (let next = first; next < end;) {
      const waits = repeatUntilPromise(next, end, operation)
      next = waits?.next ?? end
      await waits?.result
    }
    if (end < to) await turn()
  }
}

/** Peers that answer at once are not made to wait for a promise each time. Some do for one operation and not for another. */
function repeatUntilPromise(from, to, operation) {
  for (let i = from; i < to; i++) {
    const result = operation(i)
    if (result instanceof Promise) return { result, next: i + 1 }
  }
  return undefined
}

/** A turn of the event loop. */
export const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Runs `run` once, and times it. */
export function timed(run) {
  return profiled(async () => {
    const stop = clock()
    await run()
    return stop()
  })
}

/**
 * The event loop's delays between each `resume` and `pause`, in milliseconds. The resolution is 1 ms. Each stretch has a monitor of its
 * own: one that is enabled again counts what passed while it was not.
 */
export function loopDelays() {
  let monitor
  let worst = 0
  return {
    async resume() {
      // The loop's clock stands still while something runs.
      await turn()
      monitor = monitorEventLoopDelay({ resolution: 1 })
      monitor.enable()
    },
    pause() {
      monitor.disable()
      worst = Math.max(worst, monitor.percentile(99.9))
    },
    /** Of the worst stretch. */
    p999: () => worst / 1e6,
  }
}

/** Resident memory of this process in MiB: the most it ever was, and what of it is files mapped into memory now. */
export function memory() {
  try {
    const status = readFileSync('/proc/self/status', 'utf8')
    const mib = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'mu').exec(status)?.[1]) / 1024
    return { peakMiB: mib('VmHWM'), mappedMiB: mib('RssFile') }
  } catch {
    return { peakMiB: process.resourceUsage().maxRSS / 1024, mappedMiB: undefined }
  }
}
