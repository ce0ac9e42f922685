/**
 * Which file systems are shared between machines, as far as the system tells.
 *
 * Varve's locks hold between the processes of one machine. On storage that other machines have mounted too, takers
 * there are recognised only by their heartbeats, and caches on either side may show old listings.
 */
import { dirname } from 'node:path'
import { systemFiles, type LockFiles } from './files.js'

/** By the number that statfs(2) gives on Linux. */
const SHARED_TYPES: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'SMB'],
  [0xfe534d42, 'SMB'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2'],
  [0x47504653, 'GPFS'],
])

/** The name of the shared file system that holds the directory of `path`; undefined for a local or unknown one. */
export function sharedFileSystem(path: string, files: LockFiles = systemFiles): string | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    // Some of these numbers have their highest bit set, which some platforms return as a sign.
    return SHARED_TYPES.get(files.statfsSync(dirname(path)).type >>> 0)
  } catch {
    return undefined
  }
}
