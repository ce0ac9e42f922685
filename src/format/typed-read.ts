/**
 * Element reads of typed arrays for hot loops, without the `undefined` that an indexed access has in the type system.
 *
 * The caller guarantees `0 <= i < a.length`; nothing is checked here, and the engine inlines the calls.
 */
/* oxlint-disable typescript/no-unsafe-type-assertion -- an index in range, which the caller guarantees, has a number */

/** The byte at `i`. */
export function u8(a: Uint8Array, i: number): number {
  return a[i] as number
}

/** The 32-bit element at `i`. */
export function u32(a: Uint32Array | Int32Array, i: number): number {
  return a[i] as number
}
