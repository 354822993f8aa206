import type { LogStore, StateMachine } from '../../../log/ports.ts'
import { STATE_KINDS } from '../../state-kinds.ts'

const NOTHING = new Uint8Array(0)

/**
 * The names of topics that publishing made, durable: a restart must not let more of them arise, or an MQTT topic that went
 * to `mqtt` would from then on be in two places.
 */
export class AutoTopics implements StateMachine {
  readonly kind = STATE_KINDS.autoTopic
  readonly #log: LogStore
  readonly #names = new Set<string>()

  constructor(log: LogStore) {
    this.#log = log
    log.register(this)
  }

  get size(): number {
    return this.#names.size
  }

  /** Before the topic is made, so that no crash leaves it uncounted. */
  add(name: string): void {
    this.#names.add(name)
    this.#save(name, NOTHING)
  }

  /** The topic is gone, or was never made. */
  delete(name: string): void {
    if (this.#names.delete(name)) this.#save(name, null)
  }

  /** After replay: forgets names of which there is no topic. */
  prune(exists: (name: string) => boolean): void {
    for (const name of [...this.#names]) if (!exists(name)) this.delete(name)
  }

  apply(name: string, value: Uint8Array | null): void {
    if (value === null) this.#names.delete(name)
    else this.#names.add(name)
  }

  *entries(): Iterable<readonly [string, Uint8Array]> {
    for (const name of this.#names) yield [name, NOTHING]
  }

  #save(name: string, value: Uint8Array | null): void {
    // A failure needs no answer: the count is then too high or too low by one until the next start, and the disk says so itself.
    this.#log.append({ batches: [], state: [{ kind: this.kind, key: name, value }], durability: 'durable', onDone: () => {} })
  }
}
