/**
 * The first byte of each part of an encoded key; its order is the order across types.
 *
 * No tag is 0xff: a part that ends in 0x00 is then always below one that goes on with the escape 0x00 0xff.
 */
export const KeyTag = {
  null: 0x05,
  number: 0x10,
  string: 0x20,
  bytes: 0x30,
  uuid: 0x40,
  false: 0x50,
  true: 0x51,
  date: 0x60,
  /** In indexes: a value that has no order, without the value. */
  other: 0x70,
} as const
export type KeyTag = (typeof KeyTag)[keyof typeof KeyTag]

/** Ends a string or byte part. */
export const TERMINATOR = 0x00

/** Stands after a 0x00 that is content. */
export const ESCAPE = 0xff
