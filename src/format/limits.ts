/**
 * The limits of the format, each enforced on write with a typed error and on read before anything is allocated.
 * Sizes are bytes.
 */

/** Largest encoded primary or index key. */
export const MAX_KEY_BYTES = 4096

/** Largest encoded row. */
export const MAX_ROW_BYTES: number = 16 * 1024 * 1024

/** Deepest nesting of objects, arrays, maps and sets in a row; the row itself is level 1. */
export const MAX_NESTING = 100

/** Most fields of one object. */
export const MAX_FIELDS = 65_535

/** Most record structures of one collection; further shapes are stored as plain maps. */
export const MAX_STRUCTURES = 32

/** Largest frame payload: room for the largest row, its key and its record's head. */
export const MAX_FRAME_PAYLOAD_BYTES: number = 32 * 1024 * 1024

/** A transaction up to this size is one frame; a larger one is split into frames of about this size. */
export const TRANSACTION_FRAME_BYTES: number = 4 * 1024 * 1024

/** Default of `maxTransactionBytes`: what one transaction may hold in memory until its commit. */
export const DEFAULT_MAX_TRANSACTION_BYTES: number = 512 * 1024 * 1024

/** Default of `cacheBytes`: memory for tree nodes and log pages together. */
export const DEFAULT_CACHE_BYTES: number = 64 * 1024 * 1024

/** Most collections of one database. */
export const MAX_COLLECTIONS = 65_536

/** Most secondary indexes of one collection. */
export const MAX_INDEXES = 64

/** Most fields of one compound index. */
export const MAX_INDEX_PARTS = 16

/** Most entries that one row may have in one index: a list is indexed by each of its elements. */
export const MAX_ROW_ENTRIES = 10_000

/** Longest collection or field name, in UTF-8 bytes. */
export const MAX_NAME_BYTES = 1024
