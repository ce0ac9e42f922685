/**
 * Ctrl-C and its kin: the first asks the command to stop where it can, a second ends the process at once. Either way
 * no half-made file stays behind.
 */
import { CliError, CliErrorCode } from './failure.js'
import { ExitCode } from './exit-codes.js'
import { removeUnfinished } from './new-file.js'

const SIGNALS = {
  SIGINT: ExitCode.interrupted,
  SIGTERM: ExitCode.terminated,
  SIGHUP: ExitCode.terminated,
} as const

/** Listens until it is stopped. */
export interface Interruption {
  /** Aborted by the first signal, with a `CLI_INTERRUPTED` as its reason. */
  readonly signal: AbortSignal
  stop: () => void
}

/**
 * @param patient - whether the command stops by itself when asked, as one must that is writing; others end at once.
 */
export function watchForInterruption(patient: boolean): Interruption {
  const controller = new AbortController()
  const listen = (name: keyof typeof SIGNALS) => (): void => {
    const exitCode = SIGNALS[name]
    if (!patient || controller.signal.aborted) endNow(exitCode)
    controller.abort(new CliError(CliErrorCode.interrupted, `Interrupted by ${name}.`, { exitCode }))
  }
  const listeners = (Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]).map((name) => ({
    name,
    fn: listen(name),
  }))
  for (const { name, fn } of listeners) process.on(name, fn)
  return {
    signal: controller.signal,
    stop() {
      for (const { name, fn } of listeners) process.off(name, fn)
    },
  }
}

function endNow(exitCode: ExitCode): never {
  removeUnfinished()
  process.exit(exitCode)
}
