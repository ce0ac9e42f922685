/** A user's first file, checked against the packed declarations. It is compiled only, never run. */
import { VarveError } from 'varve'
import * as tools from 'varve/tools'
import * as nativeFree from 'varve/native-free'

export function codeOf(error: unknown): string | undefined {
  if (VarveError.is(error)) return error.code
  if (nativeFree.VarveError.is(error)) return error.code
  // @ts-expect-error an unknown value has no code
  return error.code
}

// @ts-expect-error the entry exports no such name
export const missing: unknown = tools.noSuchTool
