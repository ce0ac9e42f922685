/**
 * The platform of Node: its file system, native checksum, clock, randomness, timers and asynchronous context.
 *
 * Importing this file and making a platform load no package and change nothing global; each part that costs something
 * is brought in by its first use.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { fileURLToPath } from 'node:url'
import { fileStorage } from './file-storage.js'
import { createFileLockManager } from './lock/manager.js'
import { chooseChecksum, type ChecksumChoice, lazyChecksum, type NativeChecksum } from './native-checksum.js'
import { cannotRegister } from './lock/messages.js'
import { sharedFileSystem } from './lock/shared-storage.js'
import type { AsyncContext, LockManager, Platform, Timer } from './platform.js'
import { monotonicMs } from './monotonic.js'
import { nodeRowTools } from './node-row-tools.js'
import { randomBytes } from './randomness.js'

/** What of the platform can be replaced. */
export interface NodePlatformOptions {
  /** Brings the native checksum; throws where there is none. Default: loads `@node-rs/crc32`. */
  readonly loadNativeChecksum?: (() => NativeChecksum) | undefined
  /** Makes the lock manager, when it is first asked for. Default: that of lock files. */
  readonly createLockManager?: (() => LockManager) | undefined
}

/** The longest that Node takes. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

let shared: Platform | undefined

/** The one platform of this process and thread. */
export function nodePlatform(): Platform {
  return (shared ??= createNodePlatform())
}

/** A platform of its own. Its members are own properties that need no `this`, so it can be copied with changes. */
export function createNodePlatform(options: NodePlatformOptions = {}): Platform {
  const choice = once((): ChecksumChoice => chooseChecksum(options.loadNativeChecksum))
  const asyncContext = once(createAsyncContext)
  const locks = once(options.createLockManager ?? (() => createFileLockManager()))
  return {
    checksum: lazyChecksum(choice),
    get checksumSource() {
      return choice().source
    },
    get checksumFallbackReason() {
      return choice().fallbackReason
    },
    get locks() {
      return locks()
    },
    get asyncContext() {
      return asyncContext()
    },
    storage: fileStorage,
    rowTools: nodeRowTools,
    now: () => Date.now(),
    monotonicMs,
    randomBytes,
    // An immediate may run before timers do; one set by an immediate runs behind them.
    yield: () => new Promise((resolve) => setImmediate(() => setImmediate(resolve))),
    setTimer,
    stayAlive,
    cannotRegisterLock: cannotRegister,
    sharedFileSystem,
    warn: (message) => process.emitWarning(message, 'VarveWarning'),
    pathOf: (url) => fileURLToPath(url),
  }
}

function setTimer(fn: () => void, ms: number): Timer {
  const timer = setTimeout(fn, ms).unref()
  return { cancel: () => clearTimeout(timer) }
}

/** A timer that has nothing to do. Node ends once no timer and no other handle is left that it waits for. */
function stayAlive(): Timer {
  const timer = setInterval(() => undefined, LONGEST_TIMER_MS)
  return { cancel: () => clearInterval(timer) }
}

function createAsyncContext(): AsyncContext {
  const storage = new AsyncLocalStorage<object>()
  return {
    run: (value, fn) => storage.run(value, fn),
    current: () => storage.getStore(),
  }
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => (made ??= { value: make() }).value
}
