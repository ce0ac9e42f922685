/**
 * Writing to standard output as fast as it is taken, and to the end. A reader that goes away (`varve export | head`)
 * ends the writing quietly.
 */
import { fileError } from './failure.js'

/** Thrown by a write when nobody reads any more. The command stops; that is no failure. */
export class NobodyReads extends Error {
  override readonly name = 'NobodyReads'
}

let listening = false

/** Writes text; resolves when it was taken. Throws `NobodyReads`, or `CLI_INPUT_OUTPUT`. */
export async function writeStandardOutput(text: string): Promise<void> {
  if (text === '') return
  if (!listening) {
    // Errors are handed to the write's own callback; without a listener they would end the process too.
    process.stdout.on('error', () => undefined)
    listening = true
  }
  try {
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(text, (error) => (error instanceof Error ? reject(error) : resolve()))
    })
  } catch (error) {
    throw isClosedPipe(error) ? new NobodyReads() : fileError('write to', 'standard output', error)
  }
}

function isClosedPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EPIPE' || error.code === 'EOF')
}
