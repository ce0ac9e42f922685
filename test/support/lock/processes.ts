/** Real processes that take locks for a test. Every one started here is ended by `end`, by its own id. */
import { spawn, type ChildProcess } from 'node:child_process'
import type { TakerOrder, TakerReply } from './protocol.js'

export class TakerProcess {
  readonly pid: number
  /** Settles when the process has ended and was collected. */
  readonly ended: Promise<void>
  readonly #child: ChildProcess
  #answer: ((reply: TakerReply) => void) | undefined

  private constructor(child: ChildProcess) {
    this.#child = child
    this.pid = child.pid ?? 0
    this.ended = new Promise((resolve) => {
      child.once('exit', () => {
        resolve()
      })
    })
    child.on('message', (reply) => {
      this.#answer?.(reply as TakerReply)
    })
  }

  /** Starts the program (`taker.ts`, bundled), by a command such as `['unshare', '--pid']` if one is given. */
  static async start(program: string, by: readonly string[] = []): Promise<TakerProcess> {
    const [command, ...parameters] = [...by, process.execPath, program]
    const taker = new TakerProcess(
      spawn(command, parameters, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }),
    )
    await taker.#nextAnswer()
    return taker
  }

  async tell(order: TakerOrder): Promise<TakerReply> {
    const answer = this.#nextAnswer()
    this.#child.send(order)
    return await answer
  }

  async take(
    path: string,
    options: Partial<Extract<TakerOrder, { order: 'take' }>> = {},
  ): Promise<TakerReply> {
    return await this.tell({ order: 'take', path, kind: 'writer', waitMs: 0, blocking: true, ...options })
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Kills it and waits until the system has forgotten it. */
  async end(): Promise<void> {
    this.signal('SIGKILL')
    await this.ended
  }

  async #nextAnswer(): Promise<TakerReply> {
    return await new Promise((resolve, reject) => {
      this.#answer = resolve
      void this.ended.then(() => {
        reject(new Error(`Process ${this.pid} ended without an answer`))
      })
    })
  }
}
