/**
 * A clock that never goes back.
 */

/** Milliseconds since the process began. Unlike `performance`, this is there without loading anything. */
export function monotonicMs(): number {
  return process.uptime() * 1000
}
