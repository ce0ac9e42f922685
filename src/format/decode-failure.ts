/** Why bytes were not decoded. A value, not an error: the caller knows the file and the place, and what they mean. */

export class DecodeFailure {
  /** What is wrong, as a phrase that fits after "cannot be decoded:". */
  readonly reason: string
  /** Where, as an index into the bytes given; 0 where no bytes are concerned. */
  readonly offset: number

  constructor(reason: string, offset: number) {
    this.reason = reason
    this.offset = offset
  }
}
