/**
 * Bytes as text, by whole lines, and never with a character that the bytes do not hold.
 */
import { isUtf8 } from 'node:buffer'
import { PartialText } from './partial-text.js'
import { type BadData, MAX_ROW_TEXT_BYTES, notUtf8, tooLong } from './row.js'

const LINE_FEED = 0x0a

/** A piece of the text, and what ended it. */
export interface Text {
  readonly text: string
  readonly problem: BadData | undefined
}

/** Whole lines of text from bytes that may be cut anywhere; a line that is no UTF-8 ends the text. */
export class Utf8Lines {
  readonly #rest = new PartialText()
  #line = 1

  feed(chunk: Buffer): Text {
    const end = chunk.lastIndexOf(LINE_FEED) + 1
    if (end > 0) {
      const text = this.#read(this.#rest.take(chunk.subarray(0, end)))
      this.#rest.add(chunk.subarray(end))
      return text
    }
    const problem = this.#rest.add(chunk) > MAX_ROW_TEXT_BYTES ? tooLong(this.#line) : undefined
    return { text: '', problem }
  }

  end(): Text {
    return this.#read(this.#rest.take(Buffer.alloc(0)))
  }

  #read(bytes: Buffer): Text {
    let start = 0
    const isSound = isUtf8(bytes)
    for (let end = 0; start < bytes.length; start = end) {
      end = bytes.indexOf(LINE_FEED, start) + 1 || bytes.length
      if (!isSound && !isUtf8(bytes.subarray(start, end))) break
      this.#line += 1
    }
    return { text: bytes.toString('utf8', 0, start), problem: isSound ? undefined : notUtf8(this.#line) }
  }
}
