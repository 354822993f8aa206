import { DAMAGED } from './damage.ts'
import { NO_VALUE } from './workloads/kafka-producers.ts'
import type { World } from './world.ts'

/** What clients were told of one partition. */
class PartitionModel {
  readonly values = new Map<number, string>()
  /** Everything below is on disk: it was acknowledged with acks=all or a QoS, or shown although it waited for the disk. */
  durableEnd = 0
  /** Everything below was acknowledged, or shown. */
  writtenEnd = 0
}

/** What was sent as one record. */
export interface Sent {
  readonly value: string
  readonly topic: string
  /** Whoever sent it; order is per sender and key. */
  readonly sender: string
  /** 0, 1, 2, …: the sender's own order within the partition or MQTT topic. */
  readonly number: number
  /** How often it was put on the wire. */
  sends: number
  readonly guarantee: 'at-most-once' | 'at-least-once' | 'exactly-once'
  /** Readers may see it only once it is on disk. */
  readonly durable: boolean
  acknowledged: boolean
  /** It must not be there: a will of a client that said goodbye. */
  forbidden: boolean
  /** The MQTT topic that it is delivered under; null where none of the subscribers is concerned. */
  readonly mqttTopic: string | null
  /** When it was first sent. */
  readonly atMs: number
}

/**
 * The log as clients know it: which value stands at which offset. An offset that was told durably keeps its value whatever
 * happens; one that was only written keeps it unless the power fails, and then everything behind it goes too.
 */
export class LogModel {
  readonly #world: World
  readonly #partitions = new Map<string, PartitionModel>()
  readonly sent = new Map<string, Sent>()

  constructor(world: World) {
    this.#world = world
    world.onCrash.push((kind) => {
      if (kind === 'power') this.forgetUnsynced()
    })
  }

  send(sent: Omit<Sent, 'sends' | 'acknowledged' | 'forbidden' | 'atMs' | 'mqttTopic'> & { readonly mqttTopic?: string }): Sent {
    const entry: Sent = { mqttTopic: null, ...sent, sends: 0, acknowledged: false, forbidden: false, atMs: this.#world.time.nowMs }
    this.sent.set(sent.value, entry)
    return entry
  }

  /** What was never synced may be lost: it proves nothing any more. */
  forgetUnsynced(): void {
    for (const partition of this.#partitions.values()) {
      for (const offset of [...partition.values.keys()]) if (offset >= partition.durableEnd) partition.values.delete(offset)
      partition.writtenEnd = partition.durableEnd
    }
  }

  of(topic: string, index: number): PartitionModel {
    const key = `${topic}-${index}`
    let partition = this.#partitions.get(key)
    if (partition === undefined) {
      partition = new PartitionModel()
      this.#partitions.set(key, partition)
    }
    return partition
  }

  /** The broker said, or showed, that `value` stands at `offset`. */
  note(topic: string, index: number, offset: number, value: string, durable: boolean): void {
    const partition = this.of(topic, index)
    const known = partition.values.get(offset)
    if (known !== undefined && known !== value) {
      this.#world.violate(`${topic}-${index} offset ${offset} was ${known} and is ${value} (durable below ${partition.durableEnd})`)
    }
    partition.values.set(offset, value)
    partition.writtenEnd = Math.max(partition.writtenEnd, offset + 1)
    if (durable && offset >= partition.durableEnd) this.#world.trace('durable', `${topic}-${index} ${offset} ${value}`)
    if (durable) partition.durableEnd = Math.max(partition.durableEnd, offset + 1)
  }

  /** All records of a partition as the end of the run finds them, from offset 0. */
  verifyWhole(topic: string, index: number, values: readonly string[]): void {
    const partition = this.of(topic, index)
    if (values.length < partition.durableEnd) this.#world.violate(`${topic}-${index} ends at ${values.length}, ${partition.durableEnd} were told to be durable`)
    for (const [offset, value] of partition.values) {
      if (values[offset] === value || values[offset] === DAMAGED) continue
      const now = values.indexOf(value)
      const where = now < 0 ? 'is nowhere' : `stands at ${now}`
      this.#world.violate(
        `${topic}-${index}: ${value}, told at offset ${offset}, ${where}; ${values[offset] ?? 'nothing'} is there (log end ${values.length}, durable below ${partition.durableEnd})`,
      )
      return
    }
  }

  /** Counts and order over a whole topic: its partitions' values, each from offset 0. */
  verifyTopic(topic: string, partitions: readonly (readonly string[])[]): void {
    const seen = new Map<string, number>()
    for (const values of partitions) {
      const last = new Map<string, number>()
      for (const value of values) {
        if (value === NO_VALUE || value === DAMAGED) continue
        const sent = this.sent.get(value)
        if (sent === undefined) {
          this.#world.violate(`${topic} holds ${value}, which nobody sent`)
          return
        }
        if (sent.forbidden) {
          this.#world.violate(`${topic} holds ${value}, the will of a client that said goodbye`)
          return
        }
        const times = (seen.get(value) ?? 0) + 1
        seen.set(value, times)
        if (times > (sent.guarantee === 'at-least-once' ? sent.sends : 1)) {
          this.#world.violate(`${topic} holds ${value} ${times} times; it was sent ${sent.sends} times, ${sent.guarantee}`)
          return
        }
        if (times > 1) continue
        const before = last.get(sent.sender) ?? -1
        // What was refused and sent again may stand behind what was sent after it, but where sequence numbers forbid it.
        const mayPass = (sent.guarantee === 'at-least-once' && sent.sends > 1) || (sent.mqttTopic !== null && this.#world.diskFaults > 0)
        if (sent.number < before && !mayPass) {
          this.#world.violate(`${topic}: ${value} of ${sent.sender} stands behind its number ${before}`)
          return
        }
        last.set(sent.sender, sent.number)
      }
    }
    for (const sent of this.sent.values()) {
      if (sent.topic === topic && sent.acknowledged && sent.durable && !seen.has(sent.value) && !this.#world.damage.values.has(sent.value)) {
        this.#world.violate(`${topic}: ${sent.value} was acknowledged and is not there`)
        return
      }
    }
  }
}
