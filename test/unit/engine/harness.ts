/** A database over a faulty storage in memory, with a clock that the test moves. */
import type { Database } from '../../../src/database.js'
import type { OpenOptions } from '../../../src/engine/open.js'
import { FaultyStorage } from '../../support/faulty-storage.js'
import { PowerCutStorage } from '../../support/power-cut-storage.js'
import { workloadPlatform, type WorkloadPlatform } from '../../support/workload-platform.js'

export const PATH = 'dir/test.varve'

export interface Harness {
  readonly db: Database
  readonly disk: PowerCutStorage
  readonly storage: FaultyStorage
  readonly clock: WorkloadPlatform
  reopen(options?: OpenOptions): Promise<Database>
}

export interface HarnessOptions extends OpenOptions {
  readonly layAhead?: boolean | undefined
  readonly asyncContext?: false | undefined
  readonly sliceBytes?: number | undefined
}

/** Opens a database with an empty collection `a` of string or number keys in `id`. */
export async function harness(options: HarnessOptions = {}): Promise<Harness> {
  const { layAhead, asyncContext, sliceBytes, ...open } = options
  const disk = new PowerCutStorage()
  const storage = new FaultyStorage(disk)
  const clock = workloadPlatform({
    storage: layAhead === true ? storage : undefined,
    asyncContext,
    sliceBytes,
  })
  const reopen = (how: OpenOptions = {}): Promise<Database> => clock.Database.open(PATH, { storage, ...how })
  const db = await reopen(open)
  await db.registerCollection('a', [], 'id')
  return { db, disk, storage, clock, reopen }
}

/** A turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** A promise and the way to resolve it. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open: () => void = () => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}
