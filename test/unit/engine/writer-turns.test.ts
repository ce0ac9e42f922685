/** Who goes first: the order of calls, and what blocking writes are refused. */
import { describe, expect, it } from 'vitest'
import { WriterTurns } from '../../../src/engine/writer-turns.js'

/** Notes names in the order in which they were performed. */
class Order {
  readonly turns = new WriterTurns()
  readonly names: string[] = []
  readonly #pending: Promise<unknown>[] = []

  write(name: string): void {
    this.#pending.push(this.turns.perform(() => Promise.resolve(this.names.push(name))))
  }

  blockingWrite(name: string): void {
    this.names.push(this.turns.makeWay() ? name : `${name} refused`)
  }

  transaction(name: string, until: Promise<void>): void {
    const run = async (): Promise<void> => {
      await this.turns.take()
      this.names.push(name)
      await until
      this.turns.give()
    }
    this.#pending.push(run())
  }

  async settled(): Promise<void> {
    await Promise.all(this.#pending)
  }
}

describe('turns of writers', () => {
  it('brings what waits for shared work alone before a blocking write', async () => {
    const order = new Order()
    await order.turns.take({ shared: true })
    order.write('a')
    order.write('b')
    order.blockingWrite('c')
    order.write('d')
    expect(order.names).toEqual(['a', 'b', 'c'])
    order.turns.give()
    // The turn is d's by now, which goes on in a moment.
    order.blockingWrite('e')
    order.write('f')
    expect(order.names).toEqual(['a', 'b', 'c', 'd', 'e'])
    await order.settled()
    expect(order.names.join('')).toBe('abcdef')
    expect(order.turns.taken).toBe(false)
  })

  it('refuses a blocking write behind a transaction that is open or waits', async () => {
    const order = new Order()
    let end = (): void => undefined
    const open = new Promise<void>((resolve) => (end = resolve))
    await order.turns.take({ shared: true })
    order.write('a')
    order.transaction('t', open)
    order.write('b')
    order.blockingWrite('c')
    order.turns.give()
    await new Promise((resolve) => setImmediate(resolve))
    order.blockingWrite('d')
    end()
    await order.settled()
    order.blockingWrite('e')
    expect(order.names).toEqual(['c refused', 'a', 't', 'd refused', 'b', 'e'])
  })

  it('goes on when a write fails, whoever performed it', async () => {
    const { turns } = new Order()
    await turns.take({ shared: true })
    const fails = async (): Promise<never> => await Promise.reject(new Error('as meant'))
    const early = turns.perform(fails)
    expect(turns.makeWay()).toBe(true)
    const late = turns.perform(fails)
    turns.give()
    await expect(early).rejects.toThrow('as meant')
    await expect(late).rejects.toThrow('as meant')
    expect(turns.taken).toBe(false)
  })
})
