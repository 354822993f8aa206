import type { BrokerContext } from '../broker.ts'
import { ERRORS } from '../errors.ts'
import type { StagedChange } from '../groups/offsets.ts'
import type { Partition } from '../topics/partition.ts'
import { doneCount, type KeptShare, type ShareChange } from './kept-share.ts'
import type { ShareGroupConfigs, ShareGroupPolicy, ShareOffsets, ShareReset, ShareStart, ShareSummary } from './ports.ts'
import type { ShareLimits } from './share-limits.ts'
import { type AckFault, type Acknowledgement, SharePartition } from './share-partition.ts'
import { ShareSlot } from './share-slot.ts'
import { type ShareKey, ShareStore } from './share-store.ts'

/** Where a share partition begins is not known yet. */
const UNRESOLVED = -1

/**
 * All share partitions: those that somebody fetches from are in memory, what is kept of all of them is in the state log. Registers its
 * state machine with the log, so it is made before `LogStore.open`; `open` comes after the topics were opened.
 */
export class SharePartitions implements ShareOffsets {
  readonly #context: BrokerContext
  readonly #policy: ShareGroupPolicy
  readonly #store = new ShareStore()
  /** Group id to topic id to partition. */
  readonly #slots = new Map<string, Map<string, ShareSlot>>()

  constructor(context: BrokerContext, policy: ShareGroupPolicy) {
    this.#context = context
    this.#policy = policy
    context.log.register(this.#store)
    context.topics.addListener({ onTopicDeleted: (topic) => this.#forgetTopics((topicId) => topicId === topic.id) })
  }

  /** Forgets what was kept of topics that are gone. */
  open(): void {
    this.#forgetTopics((topicId) => this.#context.topics.getById(topicId) === undefined)
  }

  /** Stops all timers. */
  close(): void {
    for (const groupId of [...this.#slots.keys()]) for (const slot of this.#slotsOf(groupId)) this.#drop(slot)
  }

  /** Share partitions in memory. */
  get size(): number {
    let size = 0
    for (const slots of this.#slots.values()) size += slots.size
    return size
  }

  /** Whether a share partition was ever made known, by a member of the group or an administrator, or is about to be. */
  isKnown(key: ShareKey): boolean {
    return this.#store.has(key)
  }

  /** The share partition of a group, which is loaded where it is not in memory. */
  slot(groupId: string, partition: Partition): ShareSlot {
    const slots = this.#slots.get(groupId) ?? new Map<string, ShareSlot>()
    this.#slots.set(groupId, slots)
    const found = slots.get(slotKey(partition.topic.id, partition.index))
    if (found !== undefined) return found
    const slot = new ShareSlot(groupId, partition, (gone) => this.#drop(gone))
    slots.set(slotKey(partition.topic.id, partition.index), slot)
    this.#store.whenSettled(keyOf(slot), () => this.#load(slot))
    return slot
  }

  /** What a member says of records that it has: all of it holds, or nothing. `onDone` is called once, when it is durable. */
  acknowledge(key: ShareKey, member: string, acknowledgements: readonly Acknowledgement[], onDone: (fault: AckFault | null) => void): void {
    const share = this.#slots.get(key.groupId)?.get(slotKey(key.topicId, key.partition))?.share
    if (share === undefined || share === null) onDone({ reason: 'gone', message: ERRORS.unknownTopicOrPartition.message })
    else share.acknowledge(member, acknowledgements, onDone)
  }

  /** Gives back all that a member of a group has. */
  release(groupId: string, member: string): void {
    for (const slot of this.#slotsOf(groupId)) slot.share?.release(member)
  }

  /** Nobody fetches for the group any more: what somebody has is given back, and what the disk knows need not stay in memory. */
  releaseGroup(groupId: string): void {
    for (const slot of this.#slotsOf(groupId)) slot.share?.release(null, () => this.#dropIdle(slot))
  }

  configsOf(groupId: string): ShareGroupConfigs {
    return this.#policy.of(groupId)
  }

  // ---- ShareOffsets

  summary(groupId: string, topicId: string, partition: number): ShareSummary | null {
    const kept = this.#store.get({ groupId, topicId, partition })
    const log = this.#context.topics.getById(topicId)?.partitions[partition]?.log
    if (kept === null || log === undefined) return null
    const { startOffset } = kept
    const lag = startOffset === UNRESOLVED ? -1 : Math.max(0, log.highWatermark - Math.max(startOffset, log.logStartOffset) - doneCount(kept))
    return { startOffset, leaderEpoch: log.leaderEpoch, lag }
  }

  partitionsOf(groupId: string): Iterable<readonly [topicId: string, partitions: readonly number[]]> {
    return this.#store.of(groupId)
  }

  hasState(groupId: string): boolean {
    return this.#store.hasAny(groupId)
  }

  groupIds(): Iterable<string> {
    return this.#store.groupIds()
  }

  stageStarts(groupId: string, starts: readonly ShareStart[]): StagedChange {
    return this.#stage(
      starts.map(({ topicId, partition }) => ({ groupId, topicId, partition })),
      (_key, index) => ({ startOffset: (starts[index] as ShareStart).startOffset, batches: [] }),
    )
  }

  stageFirst(groupId: string, places: readonly Omit<ShareStart, 'startOffset'>[]): StagedChange {
    const reset = this.#policy.of(groupId).autoOffsetReset
    return this.#stage(
      places.map(({ topicId, partition }) => ({ groupId, topicId, partition })).filter((key) => !this.#store.has(key)),
      (key) => ({ startOffset: this.#edge(key, reset), batches: [] }),
    )
  }

  stageDeletion(groupId: string, topicIds: readonly string[] | null): StagedChange {
    return this.#stage(
      this.#store.keys(groupId, (topicId) => topicIds === null || topicIds.includes(topicId)),
      () => null,
    )
  }

  // ----

  #slotsOf(groupId: string): ShareSlot[] {
    return [...(this.#slots.get(groupId)?.values() ?? [])]
  }

  /** Puts something else in the place of share partitions: those in memory end, since what they say is no longer so. */
  #stage(keys: readonly ShareKey[], wholeOf: (key: ShareKey, index: number) => KeptShare | null): StagedChange {
    const changes = keys.map((key, index) => this.#store.stageWhole(key, wholeOf(key, index)))
    for (const { groupId, topicId, partition } of keys) {
      const slot = this.#slots.get(groupId)?.get(slotKey(topicId, partition))
      if (slot !== undefined) this.#drop(slot)
    }
    return {
      records: changes.flatMap(({ records }) => records),
      settle: (ok) => {
        for (const change of changes) change.settle(ok)
      },
    }
  }

  #forgetTopics(isGone: (topicId: string) => boolean): void {
    const keys = [...this.#store.groupIds()].flatMap((groupId) => this.#store.keys(groupId, isGone))
    if (keys.length > 0)
      this.#append(
        this.#stage(keys, () => null),
        () => {},
      )
  }

  #append(change: StagedChange, onDone: (ok: boolean) => void): void {
    this.#context.log.append({
      batches: [],
      state: change.records,
      durability: 'durable',
      onDone: (failed) => {
        change.settle(failed === null)
        onDone(failed === null)
      },
    })
  }

  #dropIdle(slot: ShareSlot): void {
    if (!slot.isWatched && slot.share?.isIdle === true) this.#drop(slot)
  }

  #drop(slot: ShareSlot): void {
    const slots = this.#slots.get(slot.groupId)
    const key = slotKey(slot.partition.topic.id, slot.partition.index)
    if (slots?.get(key) !== slot) return
    slots.delete(key)
    if (slots.size === 0) this.#slots.delete(slot.groupId)
    slot.close()
  }

  #isCurrent(slot: ShareSlot): boolean {
    return this.#slots.get(slot.groupId)?.get(slotKey(slot.partition.topic.id, slot.partition.index)) === slot
  }

  #load(slot: ShareSlot): void {
    if (!this.#isCurrent(slot)) return
    const kept = this.#store.get(keyOf(slot))
    if (kept !== null && kept.startOffset !== UNRESOLVED) {
      this.#loaded(slot, kept)
      return
    }
    const reset = this.#policy.of(slot.groupId).autoOffsetReset
    const edge = this.#edge(keyOf(slot), reset)
    if (edge !== UNRESOLVED) this.#begin(slot, edge)
    else void this.#beginAtTime(slot, reset)
  }

  /** A duration back from now; where nothing is so young, at the end. */
  async #beginAtTime(slot: ShareSlot, reset: ShareReset): Promise<void> {
    const { log } = slot.partition
    const durationMs = typeof reset === 'object' ? reset.durationMs : 0
    const found = await log.offsetForTime(Math.max(0, this.#context.clock.now() - durationMs))
    if (found !== null && 'code' in found) this.#failed(slot)
    else this.#begin(slot, found?.offset ?? log.highWatermark)
  }

  /** From now on it is known where it begins, also after a restart: `latest` means the moment when it was first fetched. */
  #begin(slot: ShareSlot, startOffset: number): void {
    if (!this.#isCurrent(slot)) return
    const kept: KeptShare = { startOffset, batches: [] }
    this.#append(this.#store.stageWhole(keyOf(slot), kept), (ok) => {
      if (ok) this.#loaded(slot, kept)
      else this.#failed(slot)
    })
  }

  #failed(slot: ShareSlot): void {
    if (!this.#isCurrent(slot)) return
    slot.fault = ERRORS.kafkaStorageError
    this.#drop(slot)
  }

  #loaded(slot: ShareSlot, kept: KeptShare): void {
    if (!this.#isCurrent(slot)) return
    const { log } = slot.partition
    slot.share = new SharePartition(within(kept, log.logEndOffset), {
      clock: this.#context.clock,
      limits: () => this.#limits(slot.groupId),
      save: (change, onDone) => this.#save(slot, change, onDone),
      keptStart: () => this.#store.get(keyOf(slot))?.startOffset ?? UNRESOLVED,
      onFree: () => slot.wake(),
    })
    slot.share.raiseStart(log.logStartOffset)
    slot.wake()
  }

  #save(slot: ShareSlot, change: ShareChange, onDone: (ok: boolean) => void): void {
    this.#append(this.#store.stageChange(keyOf(slot), change), onDone)
  }

  #limits(groupId: string): ShareLimits {
    const { recordLockDurationMs, deliveryCountLimit, partitionMaxRecordLocks, renewAcknowledgeEnable } = this.#policy.of(groupId)
    return { maxDeliveries: deliveryCountLimit, maxInFlight: partitionMaxRecordLocks, lockMs: recordLockDurationMs, mayRenew: renewAcknowledgeEnable }
  }

  /** Where a partition begins or ends now; unresolved where the log must be searched. */
  #edge({ topicId, partition }: ShareKey, reset: ShareReset): number {
    const log = this.#context.topics.getById(topicId)?.partitions[partition]?.log
    if (log === undefined || typeof reset === 'object') return UNRESOLVED
    return reset === 'earliest' ? log.logStartOffset : log.highWatermark
  }
}

function keyOf({ groupId, partition }: ShareSlot): ShareKey {
  return { groupId, topicId: partition.topic.id, partition: partition.index }
}

function slotKey(topicId: string, partition: number): string {
  return `${topicId}:${partition}`
}

/** What was kept of offsets that an unclean end of the log took away is about other records by now. */
function within({ startOffset, batches }: KeptShare, endOffset: number): KeptShare {
  if ((batches.at(-1)?.last ?? startOffset - 1) < endOffset) return { startOffset, batches }
  return {
    startOffset: Math.min(startOffset, endOffset),
    batches: batches.filter(({ first }) => first < endOffset).map((batch) => ({ ...batch, last: Math.min(batch.last, endOffset - 1) })),
  }
}
