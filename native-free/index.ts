/**
 * The entry `varve/native-free`: the same engine, classes and errors with nothing but the web's standards under it: no
 * native addon, no Node module, no generated code. A database lives in memory, or in a `Storage` that the caller brings.
 */
import { Database as CoreDatabase } from '../src/database.js'
import type { Platform } from '../src/storage/platform.js'
import { nativeFreePlatform } from './platform.js'

/** An open database. As in the entry `varve`, but without a file system of its own: pass a `storage` to `open`. */
export class Database extends CoreDatabase {
  static override platform(): Platform {
    return nativeFreePlatform()
  }
}

export * from '../src/surface.js'
