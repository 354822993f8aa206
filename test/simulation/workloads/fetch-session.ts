import type { World } from '../world.ts'

/** A partition as a Fetch names it. */
export interface SessionAsk {
  readonly topic: string
  readonly index: number
  readonly offset: number
}

/** What a request says of the session: epoch 0 begins one; then only changes are asked for. */
export interface SessionRequest {
  readonly sessionId: number
  readonly sessionEpoch: number
  /** Those of the partitions asked for that the broker does not know of yet, or at another offset. */
  readonly changed: (ask: SessionAsk) => boolean
  readonly forgotten: readonly SessionAsk[]
}

const keyOf = ({ topic, index }: SessionAsk): string => `${topic}/${index}`

/** The client's side of an incremental fetch session (KIP-227); it lives as long as its connection. */
export class FetchSession {
  readonly #world: World
  #id = 0
  #epoch = 0
  #asked = new Map<string, SessionAsk>()

  constructor(world: World) {
    this.#world = world
  }

  /** What to send so that exactly these partitions are read. */
  request(asks: readonly SessionAsk[]): SessionRequest {
    const before = this.#asked
    this.#asked = new Map(asks.map((ask) => [keyOf(ask), ask]))
    return {
      sessionId: this.#id,
      sessionEpoch: this.#epoch,
      changed: (ask) => before.get(keyOf(ask))?.offset !== ask.offset,
      forgotten: [...before.values()].filter((ask) => !this.#asked.has(keyOf(ask))),
    }
  }

  /** There is room for every session here, and nobody else uses it: it is made, and goes on. */
  answered(errorCode: number, sessionId: number): void {
    if (errorCode !== 0 || sessionId === 0 || (this.#id !== 0 && sessionId !== this.#id)) {
      this.#world.violate(`the fetch session ${this.#id} at epoch ${this.#epoch} was answered ${errorCode}, with session ${sessionId}`)
    }
    this.#id = sessionId
    this.#epoch += 1
    this.#world.count('requests of fetch sessions')
  }
}
