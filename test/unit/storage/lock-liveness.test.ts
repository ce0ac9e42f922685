import { describe, expect, it } from 'vitest'
import { readThreadIdentity, type ThreadIdentity } from '../../../src/storage/lock/identity.js'
import { judge, type Observer } from '../../../src/storage/lock/liveness.js'
import {
  parseTaskStat,
  systemProcesses,
  type ProcessTable,
  type TaskStat,
} from '../../../src/storage/lock/process-table.js'
import { LockState } from '../../../src/storage/lock/record.js'
import { recordOf } from '../../support/lock/forge.js'

const here: ThreadIdentity = {
  host: 'home',
  bootId: 'boot',
  namespace: 'pid:[1]',
  pid: 10,
  processStart: '100',
  threadId: 0,
  task: { id: 10, start: '100' },
}
const owner: ThreadIdentity = {
  ...here,
  pid: 20,
  processStart: '200',
  threadId: 3,
  task: { id: 25, start: '250' },
}
const mainThread: ThreadIdentity = { ...owner, threadId: 0, task: { id: 20, start: '200' } }

const running = (startTime: string): TaskStat => ({ state: 'S', exiting: false, startTime })

/** A system with process 20 and its threads 20 and 25, with changes. `20/25` is thread 25. */
function table(changes: Record<string, TaskStat | undefined> = {}): ProcessTable {
  const all = { '20': running('200'), '20/20': running('200'), '20/25': running('250'), ...changes }
  const existing = new Map(Object.entries(all).filter(([, stat]) => stat !== undefined))
  return {
    exists: (pid) => [...existing.keys()].some((key) => key.split('/')[0] === String(pid)),
    stat: (pid, taskId) => existing.get(taskId === undefined ? String(pid) : `${pid}/${taskId}`),
    tasks: (pid) =>
      [...existing.keys()].filter((key) => key.startsWith(`${pid}/`)).map((key) => Number(key.split('/')[1])),
  }
}

function verdict(who: ThreadIdentity, processes: ProcessTable, changes: Partial<Observer> = {}): string {
  const observer = { here, processes, sharedStorage: false, isOpenHere: () => false, ...changes }
  return judge(recordOf({ owner: who }), observer).owner
}

const zombie = (startTime: string): TaskStat => ({ state: 'Z', exiting: true, startTime })
const exiting = (startTime: string): TaskStat => ({ state: 'R', exiting: true, startTime })
const onlyExists: ProcessTable = { exists: () => true, stat: () => undefined, tasks: () => [] }
const nothing: ProcessTable = { exists: () => false, stat: () => undefined, tasks: () => [] }

describe('the owner of a lock record on this machine', () => {
  it.each<[string, string, ThreadIdentity, ProcessTable]>([
    ['runs', 'alive', owner, table()],
    ['is stopped', 'alive', owner, table({ '20': { ...running('200'), state: 'T' } })],
    ['has ended', 'dead', owner, nothing],
    ['has another start time: its number was reused', 'dead', owner, table({ '20': running('201') })],
    [
      'is not collected by its parent',
      'dead',
      mainThread,
      table({ '20': zombie('200'), '20/20': zombie('200'), '20/25': undefined }),
    ],
    [
      'is killed, and one thread still finishes',
      'ending',
      mainThread,
      table({ '20': zombie('200'), '20/20': zombie('200') }),
    ],
    ['is a thread that ended', 'dead', owner, table({ '20/25': undefined })],
    ['is a thread that is being taken down', 'dead', owner, table({ '20/25': exiting('250') })],
    ['is a thread whose number was reused', 'dead', owner, table({ '20/25': running('251') })],
    [
      'is a main thread whose process is being taken down',
      'ending',
      mainThread,
      table({ '20': exiting('200'), '20/20': exiting('200') }),
    ],
    ['exists, and nothing else is known', 'alive', owner, onlyExists],
    [
      'does not say when it started',
      'alive',
      { ...owner, processStart: undefined, task: undefined },
      table(),
    ],
  ])('%s: %s', (_, expected, who, processes) => {
    expect(verdict(who, processes)).toBe(expected)
  })

  it('is dead once it says so itself', () => {
    const observer = { here, processes: table(), sharedStorage: false, isOpenHere: () => true }
    expect(judge(recordOf({ owner, state: LockState.released }), observer).owner).toBe('dead')
  })

  it('is known by its descriptor where the system tells nothing of threads', () => {
    const inThisProcess = { ...owner, pid: here.pid, task: undefined }
    expect(verdict(inThisProcess, onlyExists, { isOpenHere: () => true })).toBe('alive')
    expect(verdict(inThisProcess, onlyExists, { isOpenHere: () => false })).toBe('dead')
    expect(verdict({ ...owner, task: undefined }, onlyExists, { isOpenHere: () => false })).toBe('alive')
  })
})

describe('the owner of a lock record elsewhere', () => {
  it.each<[string, string, ThreadIdentity, Partial<Observer>]>([
    ['another boot of this host', 'dead', { ...owner, bootId: 'earlier' }, {}],
    [
      'another boot of a host of this name, on shared storage',
      'foreign',
      { ...owner, bootId: 'earlier' },
      { sharedStorage: true },
    ],
    ['another host', 'foreign', { ...owner, host: 'away', bootId: 'other' }, {}],
    ['this boot under an earlier host name', 'alive', { ...owner, host: 'away' }, {}],
    ['another namespace', 'foreign', { ...owner, namespace: 'pid:[2]' }, {}],
    ['an unknown namespace', 'foreign', { ...owner, namespace: undefined }, {}],
    [
      'unknown namespaces on both sides',
      'foreign',
      { ...owner, namespace: undefined },
      { here: { ...here, namespace: undefined } },
    ],
    ['no boot id on this side', 'foreign', owner, { here: { ...here, bootId: undefined } }],
    [
      'no boot id on either side, same host',
      'alive',
      { ...owner, bootId: undefined },
      { here: { ...here, bootId: undefined } },
    ],
    [
      'no boot id on either side, another host',
      'foreign',
      { ...owner, bootId: undefined, host: 'away' },
      { here: { ...here, bootId: undefined } },
    ],
  ])('%s: %s', (_, expected, who, changes) => {
    expect(verdict(who, table(), changes)).toBe(expected)
  })
})

describe('the table of processes', () => {
  it('reads a line whose program name holds spaces and parentheses', () => {
    const line = '7 (a) b) (c) S 1 7 7 0 -1 4194308 5 0 0 0 1 1 0 0 20 0 7 0 8899 1 2 3\n'
    expect(parseTaskStat(line)).toEqual({ state: 'S', exiting: true, startTime: '8899' })
    expect(parseTaskStat(line.replace('4194308', '4194304'))).toMatchObject({ exiting: false })
  })

  it.each(['', 'x', '7 (a) S', '7 (a) S 1 2 3 4 5 flags 5 0 0 0 1 1 0 0 20 0 7 0 8899'])(
    'reads nothing into %j',
    (line) => {
      expect(parseTaskStat(line)).toBeUndefined()
    },
  )

  it.runIf(process.platform === 'linux')('finds this very thread alive', () => {
    const identity = readThreadIdentity()
    expect(identity).toMatchObject({ pid: process.pid })
    expect(identity.processStart).toMatch(/^\d+$/u)
    expect(identity.task?.start).toMatch(/^\d+$/u)
    expect(identity.namespace).toMatch(/^pid:\[\d+\]/u)
    const observer = {
      here: identity,
      processes: systemProcesses,
      sharedStorage: false,
      isOpenHere: () => false,
    }
    expect(judge(recordOf({ owner: identity }), observer).owner).toBe('alive')
  })
})
