/**
 * A process that takes a lock and gives it up, and kills itself at one of the file system calls it makes on the way:
 * `step-taker <path> <writer|reader> <number of the call>`. It ends with 0 if it makes fewer calls.
 */
import { createFileLockManager } from '../../../src/storage/lock/manager.js'
import { interceptFiles } from './files.js'

const [path = '', kind, last] = process.argv.slice(2)
let calls = 0

const files = interceptFiles(() => {
  calls += 1
  if (calls === Number(last)) process.kill(process.pid, 'SIGKILL')
})
const locks = createFileLockManager({ files })
locks.acquireSync(path, { kind: kind === 'reader' ? 'reader' : 'writer', waitMs: 0 }).release()
