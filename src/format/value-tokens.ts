/**
 * MessagePack's tokens as rows use them, and the sizes that stand after them.
 *
 * A small positive integer ends at 0x3f: the tokens 0x40 to 0x5f are records of the structure of that number, and 0x60
 * to 0x7f begin nothing. Sizes are big-endian, and of the last token of a family the widest.
 */
import { u8 } from './typed-read.js'

export const Token = {
  record: 0x40,
  recordEnd: 0x60,
  fixmap: 0x80,
  fixarray: 0x90,
  fixstr: 0xa0,
  fixstrEnd: 0xc0,
  nil: 0xc0,
  false: 0xc2,
  true: 0xc3,
  bin8: 0xc4,
  bin32: 0xc6,
  ext8: 0xc7,
  ext32: 0xc9,
  float64: 0xcb,
  uint8: 0xcc,
  uint16: 0xcd,
  uint32: 0xce,
  uint64: 0xcf,
  int8: 0xd0,
  int16: 0xd1,
  int32: 0xd2,
  int64: 0xd3,
  fixext1: 0xd4,
  fixext8: 0xd7,
  fixext16: 0xd8,
  str8: 0xd9,
  str16: 0xda,
  str32: 0xdb,
  array16: 0xdc,
  array32: 0xdd,
  map16: 0xde,
  map32: 0xdf,
} as const

/** By token, the bytes of a value that has no content: numbers, null, booleans. 0 for all others. */
export const SCALAR_BYTES: Uint8Array = scalarBytes()

function scalarBytes(): Uint8Array {
  const bytes = new Uint8Array(256)
  bytes.fill(1, 0x00, Token.record) // positive integers
  bytes.fill(1, 0xe0) // negative integers
  for (const token of [Token.nil, Token.false, Token.true]) bytes[token] = 1
  for (const token of [Token.uint8, Token.int8]) bytes[token] = 2
  for (const token of [Token.uint16, Token.int16]) bytes[token] = 3
  for (const token of [Token.uint32, Token.int32]) bytes[token] = 5
  for (const token of [Token.float64, Token.uint64, Token.int64]) bytes[token] = 9
  return bytes
}

export function isRecord(token: number): boolean {
  return token >= Token.record && token < Token.recordEnd
}

export function isMap(token: number): boolean {
  return (token >= Token.fixmap && token < Token.fixarray) || token === Token.map16 || token === Token.map32
}

export function isArray(token: number): boolean {
  return (
    (token >= Token.fixarray && token < Token.fixstr) || token === Token.array16 || token === Token.array32
  )
}

export function isText(token: number): boolean {
  return (token >= Token.fixstr && token < Token.fixstrEnd) || (token >= Token.str8 && token <= Token.str32)
}

/** Whether the token begins an extension with a payload; fixext 1 stands for prefixes. */
export function isPayload(token: number): boolean {
  return (token >= Token.ext8 && token <= Token.ext32) || (token > Token.fixext1 && token <= Token.fixext16)
}

/** Bytes of the size after a token of text, bytes or a payload: none if the token says it. */
export function sizeWidth(token: number): number {
  if (token >= Token.str8) return 1 << (token - Token.str8)
  if (token >= Token.fixext1 || token < Token.fixstrEnd) return 0
  return 1 << (token - (token >= Token.ext8 ? Token.ext8 : Token.bin8))
}

/** How many bytes of content the text, bytes or payload at `at` claims; infinitely many if its size is cut short. */
export function contentLength(bytes: Uint8Array, at: number, end: number): number {
  const token = u8(bytes, at)
  if (token < Token.fixstrEnd) return token - Token.fixstr
  if (token >= Token.fixext1 && token <= Token.fixext16) return 1 << (token - Token.fixext1)
  return readSize(bytes, at + 1, end, sizeWidth(token))
}

/** Bytes of the count after a token of an array or map: none if the token says it. */
export function countWidth(token: number): number {
  if (token < Token.fixstr) return 0
  return token === Token.array16 || token === Token.map16 ? 2 : 4
}

/** How many items or fields the array or map at `at` claims; infinitely many if its count is cut short. */
export function itemCount(bytes: Uint8Array, at: number, end: number): number {
  const token = u8(bytes, at)
  return token < Token.fixstr ? token & 0x0f : readSize(bytes, at + 1, end, countWidth(token))
}

function readSize(bytes: Uint8Array, at: number, end: number, width: number): number {
  if (width > end - at) return Infinity
  let value = 0
  for (let i = at; i < at + width; i++) value = value * 256 + u8(bytes, i)
  return value
}
