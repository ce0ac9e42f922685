/**
 * The database on Node: its file system, native checksum and locks.
 */
import { Database as CoreDatabase } from './database.js'
import { nodePlatform } from './storage/node-platform.js'
import type { Platform } from './storage/platform.js'

/** An open database. See {@link CoreDatabase}. */
export class Database extends CoreDatabase {
  static override platform(): Platform {
    return nodePlatform()
  }
}
