/// <reference lib="es2024.string" />
/** Whether text can be UTF-8. The compiler's settings stop at ES2023; every runtime supported has this method. */

/** Whether `text` has no lone surrogate. */
export function isWellFormed(text: string): boolean {
  return text.isWellFormed()
}
