/** Where a record is. Lookups fill one that the caller keeps, so that they allocate nothing. */
export class RecordRef {
  /** Offset in the file: less than 2^47, for which nodes have room. */
  position = 0
  lengthBytes = 0
  crc = 0
}
