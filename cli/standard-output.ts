/**
 * Writing to standard output as fast as it is taken, and to the end. A reader that goes away (`varve export | head`)
 * ends the writing quietly.
 */
import { fileError } from './failure.js'

let listening = false

/** Writes text; resolves when it was taken, to whether somebody still reads. Throws `CLI_INPUT_OUTPUT`. */
export async function writeStandardOutput(text: string): Promise<boolean> {
  if (text === '') return true
  if (!listening) {
    // Errors are handed to the write's own callback; without a listener they would end the process too.
    process.stdout.on('error', () => undefined)
    listening = true
  }
  try {
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(text, (error) => (error instanceof Error ? reject(error) : resolve()))
    })
    return true
  } catch (error) {
    if (isClosedPipe(error)) return false
    throw fileError('write to', 'standard output', error)
  }
}

function isClosedPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EPIPE' || error.code === 'EOF')
}
