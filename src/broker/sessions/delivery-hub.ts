/**
 * Live delivery: hears of every batch that becomes visible in any topic and offers its messages to the sessions at the
 * tail. Messages published by MQTT clients come along as objects; what Kafka clients produced is decoded only where some subscription could
 * match. What cannot be told at once (compressed batches, an open transaction) is read back from the log, in order:
 * the log is the queue.
 */
import type { VisibleBatch } from '../../log/ports.ts'
import { batchCompression } from '../../log/record-batch.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { StoredMessage } from '../topics/mapping/record-to-message.ts'
import type { TopicMapping } from '../topics/mapping/topic-mapping.ts'
import type { Partition, PartitionReader } from '../topics/partition.ts'
import type { Topic } from '../topics/topic.ts'
import { isInternalTopic } from '../topics/topic-name.ts'
import type { TopicListener, TopicRegistry } from '../topics/topic-registry.ts'
import { TurnAttachment } from '../topics/turn-batch.ts'
import type { Block, LogBlocks } from './log-blocks.ts'
import { PartitionTail } from './partition-tail.ts'
import type { Message } from './ports.ts'
import type { Route, RouteTable, Subscriber, Target } from './route-table.ts'
import type { SessionCounters } from './session-counters.ts'
import type { Subscription } from './subscription.ts'

/** Told of partitions that come and go. */
export interface TailListener {
  onChanged(tail: PartitionTail): void
  onDeleted(tail: PartitionTail): void
}

export interface HubSettings {
  readonly catchUpReadBytes: number
}

/** Milliseconds until a read that failed for the disk's sake is tried again. */
const READ_RETRY_MS = 1000

export class DeliveryHub implements PartitionReader, TopicListener {
  readonly #topics: TopicRegistry
  readonly #mapping: TopicMapping
  readonly #routes: RouteTable
  readonly #blocks: LogBlocks
  readonly #clock: Clock
  readonly #counters: SessionCounters
  readonly #listener: TailListener
  readonly #settings: HubSettings
  readonly #tails = new Map<Partition, PartitionTail>()
  /** Live subscriptions that can match records of a log topic; those that can match any are counted apart. */
  readonly #interest = new Map<string, number>()
  #interestInAll = 0

  constructor(
    topics: TopicRegistry,
    mapping: TopicMapping,
    routes: RouteTable,
    blocks: LogBlocks,
    clock: Clock,
    counters: SessionCounters,
    listener: TailListener,
    settings: HubSettings,
  ) {
    this.#topics = topics
    this.#mapping = mapping
    this.#routes = routes
    this.#blocks = blocks
    this.#clock = clock
    this.#counters = counters
    this.#listener = listener
    this.#settings = settings
  }

  /** After the topics were opened. */
  open(): void {
    for (const topic of this.#topics.all()) this.onTopicCreated(topic)
    this.#topics.addListener(this)
  }

  close(): void {
    this.#topics.removeListener(this)
    for (const partition of this.#tails.keys()) partition.removeReader(this)
    this.#tails.clear()
  }

  tail(partition: Partition): PartitionTail | undefined {
    return this.#tails.get(partition) ?? this.#discover(partition)
  }

  /** All partitions whose records the filter could match. */
  *tailsOf(filter: string): Iterable<PartitionTail> {
    const names = this.#mapping.logTopicsOf(filter)
    for (const topic of names === 'all' ? this.#topics.all() : this.#named(names)) {
      if (!topic.settings.mqttDeliver) continue
      for (const partition of topic.partitions) {
        const tail = this.tail(partition)
        if (tail !== undefined) yield tail
      }
    }
  }

  allTails(): Iterable<PartitionTail> {
    return this.#tails.values()
  }

  /** A connected session's subscription counts from now on. */
  subscribe(subscriber: Subscriber, subscription: Subscription): void {
    this.#routes.add(subscriber, subscription)
    this.#count(subscription, 1)
  }

  unsubscribe(subscription: Subscription): void {
    this.#routes.remove(subscription)
    this.#count(subscription, -1)
  }

  /** Who may read what has changed. */
  rightsChanged(): void {
    this.#routes.invalidate()
  }

  /** Whether anybody connected gets messages of this topic. */
  hasReceivers(topic: string): boolean {
    return this.#routes.route(topic).targets.length > 0
  }

  /** Delivers a message that is in no log, within the call. */
  deliverTransient(message: Message, publisher: string | null): void {
    this.#dispatch(null, [0], [{ message, publisher, timestampMs: this.#clock.now() }])
  }

  onTopicCreated(topic: Topic): void {
    if (isInternalTopic(topic.name)) return
    for (const partition of topic.partitions) this.#discover(partition)
  }

  onTopicGrown(topic: Topic): void {
    this.onTopicCreated(topic)
  }

  onDeleted(partition: Partition): void {
    const tail = this.#tails.get(partition)
    if (tail === undefined) return
    this.#tails.delete(partition)
    this.#blocks.forget(tail)
    this.#listener.onDeleted(tail)
  }

  onVisible(partition: Partition, batches: readonly VisibleBatch[]): void {
    const tail = this.#tails.get(partition) as PartitionTail
    this.#listener.onChanged(tail)
    if (tail.busy) return
    const { log } = partition
    for (const batch of batches) {
      const inOrder = batch.baseOffset === tail.dispatched && log.lastStableOffset >= batch.baseOffset + batch.offsetCount
      if (!inOrder || !this.#tell(tail, batch)) {
        tail.busy = true
        void this.#readBack(tail)
        return
      }
      tail.dispatched = batch.baseOffset + batch.offsetCount
    }
  }

  /** False where it cannot be told at once. */
  #tell(tail: PartitionTail, batch: VisibleBatch): boolean {
    if (!this.#isWanted(tail)) return true
    const { attachment } = batch
    if (attachment instanceof TurnAttachment) {
      this.#dispatch(tail, batch.baseOffset, attachment.messages)
      return true
    }
    if (batchCompression(batch.bytes) !== 0) return false
    // Receivers keep views until the end of the turn, the log lends its own for this call only.
    const bytes = Buffer.from(batch.bytes)
    const block = this.#blocks.decode(tail, batch.baseOffset, { batches: [bytes], sizeBytes: bytes.length }) as Block
    this.#dispatch(tail, block.offsets, block.messages)
    return true
  }

  /** Reads from the log what could not be told at once, up to the last stable offset. */
  async #readBack(tail: PartitionTail): Promise<void> {
    const { log } = tail.partition
    while (tail.dispatched < log.lastStableOffset && !tail.partition.deleted && this.#tails.has(tail.partition)) {
      if (!this.#isWanted(tail)) {
        tail.dispatched = log.lastStableOffset
        break
      }
      const from = tail.dispatched
      const limits = { maxBytes: this.#settings.catchUpReadBytes, atLeastOne: true, endOffset: log.lastStableOffset }
      const read = await log.read(from, limits)
      if ('code' in read) {
        if (read.code === 'gone') break
        if (read.code === 'storage-error') {
          this.#clock.after(READ_RETRY_MS, () => void this.#readBack(tail))
          return
        }
        this.#counters.unreadable++
        tail.dispatched = Math.max(from + 1, log.logStartOffset)
        continue
      }
      const block = await this.#blocks.decode(tail, from, read)
      this.#dispatch(tail, block.offsets, block.messages)
      tail.dispatched = Math.max(block.end, from + 1)
    }
    tail.busy = false
    this.#listener.onChanged(tail)
  }

  /**
   * Offers messages to whoever matches. Consecutive QoS 0 packets for the same receivers are passed on as one slice of
   * the bytes that came in.
   */
  #dispatch(tail: PartitionTail | null, offsets: number | readonly number[], messages: readonly StoredMessage[]): void {
    const offsetOf = (index: number) => (typeof offsets === 'number' ? offsets + index : (offsets[index] as number))
    let topic: string | null = null
    let route: Route | null = null
    const count = messages.length
    for (let index = 0; index < count; index++) {
      const { message, publisher } = messages[index] as StoredMessage
      if (message.topic !== topic || route === null) {
        topic = message.topic
        route = this.#routes.route(topic)
      }
      const { targets } = route
      if (targets.length === 0) continue
      if (message.packet !== null && message.qos === 0 && !message.retain) {
        const end = this.#endOfRun(messages, index, route)
        this.#dispatchRun(tail, offsetOf, messages, index, end, targets)
        index = end - 1
        continue
      }
      const stored = messages[index] as StoredMessage
      for (const target of targets) offer(tail, offsetOf(index), stored, publisher, target)
    }
  }

  /** Behind the last message of a run: packets that lie one behind the other, for the same receivers. */
  #endOfRun(messages: readonly StoredMessage[], begin: number, route: Route): number {
    let last = (messages[begin] as StoredMessage).message
    let index = begin + 1
    for (; index < messages.length; index++) {
      const { message } = messages[index] as StoredMessage
      const { packet } = message
      const before = last.packet as Uint8Array
      if (packet === null || message.qos !== 0 || message.retain || message.packetLevel !== last.packetLevel) break
      if (packet.buffer !== before.buffer || packet.byteOffset !== before.byteOffset + before.length) break
      if (message.topic !== last.topic && this.#routes.route(message.topic) !== route) break
      last = message
    }
    return index
  }

  #dispatchRun(
    tail: PartitionTail | null,
    offsetOf: (index: number) => number,
    messages: readonly StoredMessage[],
    begin: number,
    end: number,
    targets: readonly Target[],
  ): void {
    const first = (messages[begin] as StoredMessage).message
    const firstPacket = first.packet as Uint8Array
    const lastPacket = (messages[end - 1] as StoredMessage).message.packet as Uint8Array
    const length = lastPacket.byteOffset + lastPacket.length - firstPacket.byteOffset
    const bytes = new Uint8Array(firstPacket.buffer, firstPacket.byteOffset, length)
    let largest = 0
    for (let index = begin; index < end; index++) {
      const size = ((messages[index] as StoredMessage).message.packet as Uint8Array).length
      if (size > largest) largest = size
    }
    for (const target of targets) {
      if (target.raw && target.subscriber.forward(bytes, end - begin, largest, first.packetLevel)) continue
      for (let index = begin; index < end; index++) {
        const stored = messages[index] as StoredMessage
        offer(tail, offsetOf(index), stored, stored.publisher, target)
      }
    }
  }

  #isWanted(tail: PartitionTail): boolean {
    const { topic } = tail.partition
    return (this.#interestInAll > 0 || this.#interest.has(topic.name)) && topic.settings.mqttDeliver
  }

  #count(subscription: Subscription, change: 1 | -1): void {
    const names = this.#mapping.logTopicsOf(subscription.filter)
    if (names === 'all') {
      this.#interestInAll += change
      return
    }
    for (const name of names) {
      const count = (this.#interest.get(name) ?? 0) + change
      if (count === 0) this.#interest.delete(name)
      else this.#interest.set(name, count)
    }
  }

  #discover(partition: Partition): PartitionTail | undefined {
    if (isInternalTopic(partition.topic.name) || partition.deleted) return undefined
    const known = this.#tails.get(partition)
    if (known !== undefined) return known
    const tail = new PartitionTail(partition)
    this.#tails.set(partition, tail)
    partition.addReader(this)
    return tail
  }

  *#named(names: readonly string[]): Iterable<Topic> {
    for (const name of names) {
      const topic = this.#topics.get(name)
      if (topic !== undefined) yield topic
    }
  }
}

function offer(tail: PartitionTail | null, offset: number, stored: StoredMessage, publisher: string | null, to: Target): void {
  const target = publisher !== null && publisher === to.subscriber.clientId ? to.whenOwn : to
  if (target !== null) target.subscriber.deliver(tail, offset, stored, target)
}
