import { setTimeout as delay } from 'node:timers/promises'
import { FetchRequest, FetchResponse } from '../../../src/kafka/messages/fetch.ts'
import type { InOfShape, OutOfShape, Shape } from '../../../src/kafka/wire/fields.ts'
import type { Message } from '../../../src/kafka/wire/message.ts'
import type { HostPort } from '../../../src/runtime/network.ts'
import { RawClient } from '../../kafka/lib/raw-client.ts'
import type { GroupLedger, Holder } from './group-ledger.ts'

const FETCH_WAIT_MS = 2_000
const COMMIT_EVERY_MS = 2_000
const RECONNECT_FIRST_MS = 50
const RECONNECT_MOST_MS = 1_000

export interface Subscription {
  readonly groupId: string
  readonly topic: string
  /** As 36 characters. */
  readonly topicId: string
  readonly partitions: number
}

/** The other side closed the connection: try again on a new one. */
class Disconnected extends Error {}

/**
 * One consumer on one connection, in a loop as simple as may be: beat, fetch, commit; whoever is disconnected comes back with the
 * back-off of real clients. What differs between the two protocols of groups is in the classes below this one.
 */
export abstract class Member implements Holder {
  generation: number | null = null
  readonly held = new Set<number>()
  protected readonly subscription: Subscription
  readonly #broker: HostPort
  readonly #ledger: GroupLedger
  readonly #positions = new Map<number, number>()
  readonly #uncommitted = new Set<number>()
  #client: RawClient | null = null
  #committedAt = 0
  #stopped = false
  #ended: Promise<void> | null = null

  constructor(broker: HostPort, subscription: Subscription, ledger: GroupLedger) {
    this.#broker = broker
    this.subscription = subscription
    this.#ledger = ledger
  }

  /** Becomes and stays a member, one step a call: joins, or tells that it lives. */
  protected abstract beat(): Promise<void>
  protected abstract commit(offsets: readonly { readonly partition: number; readonly offset: number }[]): Promise<void>
  protected abstract committed(partitions: readonly number[]): Promise<ReadonlyMap<number, number>>
  protected abstract sayFarewell(): Promise<void>

  start(): void {
    this.#ended = this.#run()
  }

  /** Leaves the group. */
  async leave(): Promise<void> {
    this.#stopped = true
    await this.#ended
  }

  /** Ends without a word, as a process that is killed. */
  async vanish(): Promise<void> {
    this.#stopped = true
    this.generation = null
    this.#client?.socket.destroy()
    await this.#ended
  }

  protected async ask<Q extends Shape, R extends Shape>(
    messages: readonly [Message<Q>, Message<R>],
    version: number,
    value: InOfShape<Q>,
  ): Promise<OutOfShape<R>> {
    const client = this.#client
    if (client === null) throw new Disconnected()
    client.send(messages[0], version, value)
    const frame = await client.answer(messages[1], version).catch(() => null)
    if (frame === null) throw new Disconnected()
    return frame.value
  }

  /** Holds these partitions from now on, and reads the new ones from where the group is. */
  protected async hold(partitions: readonly number[]): Promise<void> {
    const wanted = new Set(partitions)
    if (this.held.size > 0 && [...this.held].some((partition) => !wanted.has(partition))) await this.#commitAll()
    for (const partition of this.held) if (!wanted.has(partition)) this.#drop(partition)
    const added = partitions.filter((partition) => !this.held.has(partition))
    if (added.length === 0) return
    const offsets = await this.committed(added)
    for (const partition of added) {
      this.held.add(partition)
      this.#positions.set(partition, Math.max(0, offsets.get(partition) ?? 0))
    }
  }

  /** Is no member any more. */
  protected lose(): void {
    this.generation = null
    for (const partition of this.held) this.#drop(partition)
  }

  #drop(partition: number): void {
    this.held.delete(partition)
    this.#positions.delete(partition)
    this.#uncommitted.delete(partition)
  }

  async #run(): Promise<void> {
    let failures = 0
    while (!this.#stopped) {
      try {
        if (this.#client === null) {
          if (failures > 0) await delay(Math.random() * Math.min(RECONNECT_MOST_MS, RECONNECT_FIRST_MS * 2 ** failures) + 10)
          this.#client = await RawClient.connect(this.#broker)
        }
        await this.beat()
        failures = 0
        if (this.held.size > 0) await this.#fetch()
        if (performance.now() - this.#committedAt >= COMMIT_EVERY_MS) await this.#commitAll()
      } catch (error) {
        // Refused, reset or closed: come back, whatever was asked.
        if (!(error instanceof Disconnected) && (error as NodeJS.ErrnoException).code === undefined) throw error
        failures += 1
        this.generation = null
        await this.#disconnect()
      }
    }
    if (this.#client !== null && this.generation !== null) {
      await this.#commitAll()
        .then(() => this.sayFarewell())
        .catch(() => undefined)
    }
    this.lose()
    await this.#disconnect()
  }

  async #disconnect(): Promise<void> {
    const client = this.#client
    this.#client = null
    await client?.[Symbol.asyncDispose]()
  }

  async #fetch(): Promise<void> {
    const asked = [...this.#positions]
    const { responses } = await this.ask([FetchRequest, FetchResponse], 12, {
      maxWaitMs: FETCH_WAIT_MS,
      minBytes: 1,
      forgottenTopicsData: [],
      topics: [
        {
          topic: this.subscription.topic,
          topicId: this.subscription.topicId,
          partitions: asked.map(([partition, fetchOffset]) => ({ partition, fetchOffset, partitionMaxBytes: 100_000 })),
        },
      ],
    })
    for (const { partitionIndex, errorCode, records } of responses[0]?.partitions ?? []) {
      const position = this.#positions.get(partitionIndex)
      if (errorCode !== 0 || records === null || position === undefined) continue
      const end = endOfBatches(records)
      if (end <= position) continue
      this.#ledger.read(partitionIndex, position, end)
      this.#positions.set(partitionIndex, end)
      this.#uncommitted.add(partitionIndex)
    }
  }

  async #commitAll(): Promise<void> {
    this.#committedAt = performance.now()
    if (this.#uncommitted.size === 0) return
    const offsets = [...this.#uncommitted].map((partition) => ({ partition, offset: this.#positions.get(partition) ?? 0 }))
    this.#uncommitted.clear()
    await this.commit(offsets)
  }
}

/** The offset after the last record of the last whole batch, -1 where there is none. */
function endOfBatches(slices: readonly Uint8Array[]): number {
  const bytes = Buffer.concat(slices)
  let end = -1
  for (let at = 0; at + 27 <= bytes.length; ) {
    const next = at + 12 + bytes.readInt32BE(at + 8)
    if (next > bytes.length) break
    end = Number(bytes.readBigInt64BE(at)) + bytes.readInt32BE(at + 23) + 1
    at = next
  }
  return end
}
