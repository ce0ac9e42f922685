/** What Node brings for reading rows: text of bytes in one call, and code made of text. */
import { Buffer } from 'node:buffer'
import type { RowTools } from '../format/flat-reader.js'

type Slice = (this: Uint8Array, start: number, end: number) => string

/** What `toString('latin1', start, end)` comes down to. Not in the documentation, but in every release. */
const { latin1Slice } = Buffer.prototype as unknown as { readonly latin1Slice?: Slice | undefined } // Its types leave it out.

export const nodeRowTools: RowTools | undefined =
  latin1Slice === undefined
    ? undefined
    : {
        text: (bytes, start, end) => latin1Slice.call(bytes, start, end),
        // oxlint-disable-next-line typescript/no-implied-eval -- of the caller's own making, with names as JSON texts
        compile: (parameters, body) => new Function(...parameters, body) as ReturnType<RowTools['compile']>,
      }
