/**
 * Integers on disk: little-endian, 64-bit values as safe integers.
 *
 * The format never holds a 64-bit value beyond 2^53 - 1, so numbers serve; a larger one on disk reads as a number that
 * fails `Number.isSafeInteger`, and every reader checks that before it uses the value.
 */

const TWO_TO_32 = 0x1_0000_0000

/** Reads an unsigned 64-bit integer; beyond 2^53 the result is not a safe integer. */
export function readUint64(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * TWO_TO_32
}

/** Writes a safe, non-negative integer as 64 bits. */
export function writeUint64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value >>> 0, true)
  view.setUint32(offset + 4, Math.floor(value / TWO_TO_32), true)
}

/** Reads an unsigned 48-bit integer. */
export function readUint48(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint16(offset + 4, true) * TWO_TO_32
}

/** Writes an integer below 2^48 as 48 bits. */
export function writeUint48(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value >>> 0, true)
  view.setUint16(offset + 4, Math.floor(value / TWO_TO_32), true)
}

/** How many bytes `writeVarint` takes for a value below 2^32. */
export function varintBytes(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x20_0000) return 3
  return value < 0x1000_0000 ? 4 : 5
}

/** Writes an unsigned 32-bit integer in LEB128 (7 bits a byte, low bits first); returns the offset after it. */
export function writeVarint(bytes: Uint8Array, offset: number, value: number): number {
  let rest = value >>> 0
  let at = offset
  while (rest >= 0x80) {
    bytes[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[at++] = rest
  return at
}

const HEX_DIGITS = '0123456789abcdef'

/** The 16 bytes of an identity as 32 hex digits. */
export function hex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += HEX_DIGITS.charAt(byte >>> 4) + HEX_DIGITS.charAt(byte & 15)
  return text
}

/** The 16 bytes that 32 hex digits stand for. */
export function unhex(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(i * 2, i * 2 + 2), 16)
  return bytes
}

/** A view over exactly the bytes of `bytes`. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Whether `bytes[start, end)` holds nothing but zeros. */
export function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== 0) return false
  return true
}
