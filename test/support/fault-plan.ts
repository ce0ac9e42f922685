/**
 * Which calls fail, and how: the plans and counts behind `FaultyStorage`, where the fault model is told.
 */
import type { StorageError } from '../../src/errors.js'
import type { StorageFile } from '../../src/storage/storage.js'
import { storageErrorOf, type StorageOperation } from '../../src/storage/storage-errors.js'

/** What is counted and can fail. */
export const FAULTY_OPERATIONS = [
  'open',
  'size',
  'identity',
  'read',
  'write',
  'sync',
  'truncate',
  'close',
  'stat',
  'resolve',
  'siblings',
  'rename',
  'link',
  'remove',
  'syncDirectory',
] as const
export type FaultyOperation = (typeof FAULTY_OPERATIONS)[number]

/** How much of a write is written. */
export type ShortLength = number | 'half' | 'allButOne'

export type Fault =
  | { readonly error: string; readonly applied?: boolean | undefined }
  | { readonly short: ShortLength; readonly nextError?: string | undefined }
  | { readonly lose: 'cached' | 'evicted' }

export interface FaultPlan {
  readonly operation: FaultyOperation | 'any'
  /** Which of the matching calls after the plan was made, from 1. Default 1. */
  readonly nth?: number | undefined
  /** How many calls from there on. Default 1; `Infinity` until `heal`. */
  readonly times?: number | undefined
  /** Only calls for these names; of a rename or link, the new name. Default: all. */
  readonly path?: string | ((path: string) => boolean) | undefined
  readonly fault: Fault
}

/** A fault that happened. */
export interface FiredFault {
  readonly operation: FaultyOperation
  readonly path: string
  readonly fault: Fault
}

/** One call, as plans see it. */
export interface Call {
  readonly operation: FaultyOperation
  readonly path: string
  /** The verb of the error, where it is not the operation's own name. */
  readonly verb: StorageOperation
  readonly offset?: number | undefined
}

/** What a write may do. */
export interface WriteShare {
  /** The part to write. */
  readonly bytes: Uint8Array
  /** To be thrown once it is written. */
  readonly errorAfterwards?: StorageError | undefined
}

interface ActivePlan extends FaultPlan {
  /** Matching calls since the plan was made. */
  seen: number
}

export class Faults {
  readonly calls: Record<FaultyOperation, number>
  readonly fired: FiredFault[] = []
  spaceLeft: number | undefined
  #plans: ActivePlan[] = []

  constructor() {
    // One entry for each name, which the type of `fromEntries` cannot say.
    const zeros = Object.fromEntries(FAULTY_OPERATIONS.map((operation) => [operation, 0]))
    this.calls = zeros as Record<FaultyOperation, number>
  }

  plan(plan: FaultPlan): void {
    if ('short' in plan.fault && plan.operation !== 'write') throw new TypeError('Only a write can be short.')
    if ('lose' in plan.fault && plan.operation !== 'sync') throw new TypeError('Only a sync loses pages.')
    this.#plans.push({ ...plan, seen: 0 })
  }

  heal(): void {
    this.#plans = []
    this.spaceLeft = undefined
  }

  /** Counts the call; its fault, if it is to have one. */
  enter(call: Call): Fault | undefined {
    this.calls[call.operation]++
    const reached = this.#plans.filter((plan) => matches(plan, call))
    for (const plan of reached) plan.seen++
    const plan = reached.find(({ seen, nth = 1, times = 1 }) => seen >= nth && seen < nth + times)
    if (plan === undefined) return undefined
    this.fired.push({ operation: call.operation, path: call.path, fault: plan.fault })
    return plan.fault
  }

  /** Carries out a call that either happens or not. `discard` releases what an unreported success leaves behind. */
  run<T>(call: Call, action: () => T, discard?: (result: T) => void): T {
    const fault = this.enter(call)
    if (fault === undefined || !('error' in fault)) return action()
    if (fault.applied === true) {
      const result = action()
      discard?.(result)
    }
    throw errorOf(call, fault.error)
  }

  /** Counts a write of `source` to `file`, and says how much of it is to be written. */
  enterWrite(file: StorageFile, source: Uint8Array, position: number): WriteShare {
    const call: Call = { operation: 'write', verb: 'write', path: file.path, offset: position }
    const fault = this.enter(call)
    const error = fault !== undefined && 'error' in fault ? errorOf(call, fault.error) : undefined
    if (error !== undefined && fault !== undefined && !('applied' in fault && fault.applied)) throw error
    const bytes = this.#fitting(call, file, shortened(source, fault), position)
    if (fault !== undefined && 'short' in fault && fault.nextError !== undefined)
      this.#failNextWrite(file.path, fault.nextError)
    return { bytes, errorAfterwards: error }
  }

  /** Counts a truncation, and fails it if it is to fail or there is no space for it. */
  enterTruncate(file: StorageFile, sizeBytes: number, action: () => void): void {
    const call: Call = { operation: 'truncate', verb: 'truncate', path: file.path }
    this.run(call, () => {
      if (this.spaceLeft !== undefined) {
        const growth = sizeBytes - file.size()
        if (growth > this.spaceLeft) throw errorOf(call, 'ENOSPC')
        this.spaceLeft -= growth
      }
      action()
    })
  }

  /** As much of `bytes` as there is space for. */
  #fitting(call: Call, file: StorageFile, bytes: Uint8Array, position: number): Uint8Array {
    if (this.spaceLeft === undefined || bytes.length === 0) return bytes
    const growth = Math.max(0, position + bytes.length - file.size())
    const missing = Math.max(0, growth - this.spaceLeft)
    if (missing >= bytes.length) throw errorOf(call, 'ENOSPC')
    this.spaceLeft -= growth - missing
    return bytes.subarray(0, bytes.length - missing)
  }

  #failNextWrite(path: string, error: string): void {
    this.#plans.unshift({ operation: 'write', path, fault: { error }, seen: 0 })
  }
}

export function errorOf(call: Call, system: string): StorageError {
  return storageErrorOf(system, { operation: call.verb, path: call.path, offset: call.offset })
}

function matches({ operation, path }: FaultPlan, call: Call): boolean {
  if (operation !== 'any' && operation !== call.operation) return false
  if (path === undefined) return true
  return typeof path === 'string' ? path === call.path : path(call.path)
}

function shortened(source: Uint8Array, fault: Fault | undefined): Uint8Array {
  if (fault === undefined || !('short' in fault)) return source
  const { short } = fault
  const wanted =
    short === 'half' ? Math.floor(source.length / 2) : short === 'allButOne' ? source.length - 1 : short
  return source.subarray(0, Math.max(0, wanted))
}
