/** The machine and the versions that a run was made with. */
import { statfsSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { PEERS, versionOf } from './peers.mjs'

/** The numbers by which Linux tells file systems apart. */
const FILE_SYSTEMS = {
  0xef53: 'ext4',
  0x9123683e: 'btrfs',
  0x58465342: 'xfs',
  0x01021994: 'tmpfs',
  0x794c7630: 'overlay',
}

export function machineFacts(folder) {
  const kind = statfsSync(folder).type
  return {
    date: new Date().toISOString().slice(0, 10),
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    fileSystem: FILE_SYSTEMS[kind] ?? `0x${kind.toString(16)}`,
    node: versionOf({ name: 'node' }),
    versions: Object.fromEntries(PEERS.map((peer) => [peer.name, versionOf(peer)])),
  }
}
