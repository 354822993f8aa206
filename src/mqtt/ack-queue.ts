import type { Failure } from '../broker/errors.ts'

/** A PUBLISH of QoS 1 or 2 whose acknowledgement has not left. */
export interface PendingAck {
  readonly packetId: number
  readonly qos: 1 | 2
  done: boolean
  failure: Failure | null
  matched: boolean
}

/**
 * Acknowledgements leave in the order their PUBLISHes came in [MQTT-4.6.0-2] [MQTT-4.6.0-3], whatever order the partitions
 * commit in.
 */
export class AckQueue {
  #queue: PendingAck[] = []
  #head = 0
  #qos1 = 0

  /** Those of QoS 1 among them. */
  get qos1Length(): number {
    return this.#qos1
  }

  /** PUBLISHes not yet acknowledged. */
  get length(): number {
    return this.#queue.length - this.#head
  }

  add(packetId: number, qos: 1 | 2): PendingAck {
    const pending: PendingAck = { packetId, qos, done: false, failure: null, matched: true }
    this.#queue.push(pending)
    if (qos === 1) this.#qos1++
    return pending
  }

  /** The next one whose turn it is to leave; undefined where it is not done. */
  takeDone(): PendingAck | undefined {
    const first = this.#queue[this.#head]
    if (first?.done !== true) return undefined
    this.#head++
    if (first.qos === 1) this.#qos1--
    if (this.#head === this.#queue.length) {
      this.#queue = []
      this.#head = 0
    } else if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
    return first
  }
}
