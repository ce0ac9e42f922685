/**
 * A platform whose clock, chance and timers a test owns: the same seed gives the same bytes on every run.
 */
import { Database } from '../../src/database.js'
import { createNodePlatform } from '../../src/storage/node-platform.js'
import type { Platform, Timer } from '../../src/storage/platform.js'
import type { Storage } from '../../src/storage/storage.js'
import { SLICE_MS } from '../../src/storage/task.js'
import { randomFrom } from './random.js'

/** What of Node's platform stays: checksum, asynchronous context, turns of the event loop. */
const node = createNodePlatform()

interface WaitingTimer {
  readonly at: number
  readonly fn: () => void
}

/** A platform, its database class, and the hands of its clock. */
export interface WorkloadPlatform {
  readonly platform: Platform
  readonly Database: typeof Database
  /** Moves the clock on and calls the timers that are due. */
  advance(ms: number): void
  /** How many timers wait. */
  readonly waiting: number
}

export interface WorkloadPlatformOptions {
  readonly seed?: number | undefined
  /** The storage that plain paths mean. With it, zeros are laid ahead as they are in files. */
  readonly storage?: Storage | undefined
  readonly asyncContext?: false | undefined
  /** Called wherever work that goes on for long may be interrupted. Default: it never takes long enough. */
  readonly onPause?: (() => void) | undefined
  /** Bytes of index nodes in one slice of a checkpoint: few, so that small trees take several. */
  readonly sliceBytes?: number | undefined
}

export function workloadPlatform(options: WorkloadPlatformOptions = {}): WorkloadPlatform {
  const random = randomFrom(options.seed ?? 0)
  let timers: WaitingTimer[] = []
  let elapsedMs = 0
  const setTimer = (fn: () => void, ms: number): Timer => {
    const timer: WaitingTimer = { at: elapsedMs + ms, fn }
    timers.push(timer)
    return { cancel: () => void (timers = timers.filter((each) => each !== timer)) }
  }
  const platform: Platform = {
    checksum: node.checksum,
    checksumSource: node.checksumSource,
    asyncContext: options.asyncContext === false ? undefined : node.asyncContext,
    yield: () => {
      options.onPause?.()
      return node.yield()
    },
    now: () => 1_700_000_000_000 + elapsedMs,
    // Every look at a clock that is to be interrupted finds a slice of work used up.
    monotonicMs: () => (options.onPause === undefined ? elapsedMs : (elapsedMs += SLICE_MS)),
    randomBytes: (length) => random.bytes(length),
    setTimer,
    storage: options.storage,
    checkpointSliceBytes: options.sliceBytes,
  }
  class WorkloadDatabase extends Database {
    static override platform(): Platform {
      return platform
    }
  }
  return {
    platform,
    Database: WorkloadDatabase,
    advance(ms) {
      elapsedMs += ms
      const due = timers.filter(({ at }) => at <= elapsedMs)
      timers = timers.filter(({ at }) => at > elapsedMs)
      for (const { fn } of due) fn()
    },
    get waiting() {
      return timers.length
    },
  }
}
