/**
 * Where an export goes: a file that appears when it is complete, or standard output.
 */
import { visibleLines } from '../escape.js'
import { NewFile, type NewFileOptions } from '../new-file.js'
import { writeStandardOutput } from '../standard-output.js'

/** Takes text. Finish or discard it. */
export interface Sink {
  /** Resolves to whether to go on: nobody may be reading any more. */
  readonly write: (text: string) => Promise<boolean>
  readonly finish: () => void
  /** Idempotent, and without effect after `finish`. */
  readonly discard: () => void
}

export function fileSink(path: string, options: NewFileOptions): Sink {
  const file = new NewFile(path, options)
  return {
    write(text) {
      file.write(text)
      return Promise.resolve(true)
    },
    finish: () => file.finish(),
    discard: () => file.discard(),
  }
}

/** @param isSafe - whether the text is safe to show on a terminal as it is. */
export function standardOutputSink(isSafe: boolean): Sink {
  const isShown = process.stdout.isTTY && !isSafe
  return {
    write: async (text) => await writeStandardOutput(isShown ? visibleLines(text) : text),
    finish: () => undefined,
    discard: () => undefined,
  }
}
