/**
 * The name of a file, as users give it.
 */
import { ArgumentError } from './errors.js'
import type { Platform } from './storage/platform.js'

/** A path as it is, or that of a file URL. */
export function pathOf(path: string | URL, platform: Platform): string {
  if (typeof path === 'string') return path
  if (platform.pathOf === undefined) throw new ArgumentError('This entry of Varve takes a name, not a URL.')
  return platform.pathOf(path)
}
