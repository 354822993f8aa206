import type { LogFailure, StateRecord } from '../../log/ports.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { randomUuid } from '../../util/uuid.ts'
import type { BrokerContext } from '../broker.ts'
import { ERRORS, type ErrorRow } from '../errors.ts'
import type { ShareOffsets } from '../shares/ports.ts'
import type { TopicRegistry } from '../topics/topic-registry.ts'
import type { AnyGroup } from './any-group.ts'
import { ClassicGroup } from './classic/classic-group.ts'
import type { GroupChange, GroupHost } from './classic/group-host.ts'
import { encodeGroupRecord, type GroupRecord } from './classic/group-record.ts'
import { GroupStore } from './classic/group-store.ts'
import { ConsumerGroup } from './consumer/consumer-group.ts'
import type { ConsumerGroupHost, Downgrade } from './consumer/consumer-group-host.ts'
import { ConsumerGroupStore } from './consumer/consumer-group-store.ts'
import type { PartChange } from './consumer/group-parts.ts'
import type { GroupSettings, GroupTimings } from './group-settings.ts'
import { newMemberId } from './member-id.ts'
import { downgrade } from './migration.ts'
import { Offsets, type StagedChange } from './offsets.ts'
import type { PartStore } from './part-store.ts'
import { ShareGroup } from './share/share-group.ts'
import type { ShareGroupHost, ShareStarts } from './share/share-group-host.ts'
import { ShareGroupStore } from './share/share-group-store.ts'

type WhenSaved = (failed: ErrorRow | null) => void

/**
 * All groups by id, of every type, and what is saved of them. A group that changes its protocol is deleted as the one
 * and saved as the other in one append.
 */
export class GroupRegistry implements GroupHost, ConsumerGroupHost, ShareGroupHost {
  readonly settings: GroupSettings
  readonly timings: GroupTimings
  readonly offsets = new Offsets()
  readonly shares: ShareOffsets
  readonly #context: BrokerContext
  readonly #logger: Logger
  readonly #groups = new Map<string, AnyGroup>()
  readonly #classicStore = new GroupStore()
  readonly #consumerStore = new ConsumerGroupStore()
  readonly #shareStore = new ShareGroupStore()
  /** Groups that are being saved as classic ones after they were of KIP-848, and who waits for that. */
  readonly #downgrades = new Map<string, WhenSaved[]>()
  #closed = false

  /** Registers its state machines: made before `LogStore.open`. */
  constructor(context: BrokerContext, settings: GroupSettings, timings: GroupTimings, shares: ShareOffsets, logger: Logger) {
    this.#context = context
    this.shares = shares
    this.#logger = logger
    this.settings = settings
    this.timings = timings
    context.log.register(this.#classicStore)
    context.log.register(this.#consumerStore)
    context.log.register(this.#shareStore)
    context.log.register(this.offsets)
  }

  get clock(): Clock {
    return this.#context.clock
  }

  get topics(): TopicRegistry {
    return this.#context.topics
  }

  get size(): number {
    return this.#groups.size
  }

  get isClosed(): boolean {
    return this.#closed
  }

  get isFull(): boolean {
    return this.#groups.size >= this.settings.maxGroups
  }

  all(): IterableIterator<AnyGroup> {
    return this.#groups.values()
  }

  get(groupId: string): AnyGroup | undefined {
    return this.#groups.get(groupId)
  }

  /** Brings the replayed groups to life: sessions run from now. */
  open(): void {
    const stored = [this.#consumerStore, this.#shareStore, this.#classicStore, this.offsets]
    for (const groupId of stored.flatMap((store) => [...store.groupIds()])) {
      if (!this.#groups.has(groupId)) this.#restore(groupId)
    }
    for (const group of this.#groups.values()) if (group.type === 'classic') group.opened()
    // Somebody fetched for a group that nobody was ever in: nobody could delete it.
    const strays = [...this.shares.groupIds()].filter((groupId) => this.#groups.get(groupId)?.type !== 'share')
    if (strays.length === 0) return
    this.append(
      strays.map((groupId) => this.shares.stageDeletion(groupId, null)),
      () => undefined,
    )
  }

  /** Stops all timers; whoever waits is told to look for the coordinator again. */
  close(): void {
    this.#closed = true
    for (const group of this.#groups.values()) group.die(ERRORS.coordinatorNotAvailable)
    this.#groups.clear()
  }

  /** The group, or a new classic one without members. */
  getOrMake(groupId: string): AnyGroup {
    const known = this.#groups.get(groupId)
    if (known !== undefined) return known
    const group = new ClassicGroup(groupId, this, null)
    this.#groups.set(groupId, group)
    return group
  }

  /** Puts a group in the place of the one of its id, whose members are told `error`. */
  put(group: AnyGroup, error: ErrorRow): void {
    const before = this.#groups.get(group.id)
    if (before === group) return
    before?.die(error)
    // What the one before had not written down yet is not written any more: there may be members that are long gone.
    if (group.type === 'consumer') group.overwrite(this.#consumerStore.parts(group.id))
    if (group.type === 'share') group.overwrite(this.#shareStore.parts(group.id))
    this.#groups.set(group.id, group)
  }

  /** Takes a group away, with the changes that delete what is saved of it; offsets are not among them. */
  take(group: AnyGroup): StagedChange[] {
    this.#groups.delete(group.id)
    group.die(ERRORS.unknownMemberId)
    return this.#stageDeletion(group.id)
  }

  /** Its deletion failed: it is what is on disk. */
  revive(groupId: string): void {
    const group = this.#groups.get(groupId)
    this.#groups.delete(groupId)
    group?.die(ERRORS.notCoordinator)
    if (this.#closed) return
    this.#restore(groupId)
    const revived = this.#groups.get(groupId)
    if (revived?.type === 'classic') revived.opened()
  }

  /** The same, unless one of that name was made meanwhile. */
  reviveMissing(groupId: string): void {
    if (!this.#groups.has(groupId)) this.revive(groupId)
  }

  /** Calls `run` when what a group of KIP-848 or a share group has become until now is on disk, or will never be. */
  whenSaved(groupId: string, run: WhenSaved): void {
    const group = this.#groups.get(groupId)
    const waiting = this.#downgrades.get(groupId)
    // It may be one again by now.
    if (group !== undefined && group.type !== 'classic') group.journal.whenSaved(run)
    else if (waiting !== undefined) waiting.push(run)
    else run(null)
  }

  /** Appends staged changes together; `onDone` after they are settled. */
  append(staged: readonly StagedChange[], onDone: WhenSaved): void {
    const state: StateRecord[] = staged.flatMap((change) => change.records)
    this.#context.log.append({
      batches: [],
      state,
      durability: 'durable',
      onDone: (failure: LogFailure | null) => {
        if (failure !== null) this.#logger.error({ reason: failure.message }, 'state of consumer groups could not be saved')
        for (const change of staged) change.settle(failure === null)
        // Kafka's word to clients for a failed disk of the coordinator: look for another one.
        onDone(failure === null ? null : ERRORS.notCoordinator)
      },
    })
  }

  // ---- GroupHost

  newMemberId(prefix: string): string {
    return newMemberId(prefix, this.#context.random)
  }

  save(groupId: string, record: GroupRecord, onDone: WhenSaved): void {
    const value = encodeGroupRecord(record)
    if (value.length > this.settings.maxStateBytes) {
      this.clock.endOfTurn(() => onDone(ERRORS.unknownServerError))
      return
    }
    this.append([...this.#stageOthers(groupId, null), this.#classicStore.stage(groupId, value)], onDone)
  }

  entered(change: GroupChange): void {
    this.#logger.debug(change, 'a group changed its state')
  }

  // ---- ConsumerGroupHost

  newConsumerMemberId(): string {
    return randomUuid(this.#context.random)
  }

  saveParts(groupId: string, changes: readonly PartChange[], onDone: WhenSaved): void {
    this.append([...this.#stageOthers(groupId, this.#consumerStore), this.#consumerStore.stage(groupId, changes)], onDone)
  }

  lost(group: ConsumerGroup): void {
    if (this.#groups.get(group.id) === group) this.revive(group.id)
  }

  becomeClassic(group: ConsumerGroup, how: Downgrade): void {
    const record = downgrade(group, how, this)
    const classic = new ClassicGroup(group.id, this, record)
    this.put(classic, ERRORS.notCoordinator)
    if (how.rebalance !== null) classic.beginRebalance(how.rebalance)
    const waiting: WhenSaved[] = []
    this.#downgrades.set(group.id, waiting)
    this.save(group.id, record, (failed) => {
      if (this.#downgrades.get(group.id) === waiting) this.#downgrades.delete(group.id)
      if (failed !== null && this.#groups.get(group.id) === classic) this.revive(group.id)
      for (const run of waiting) run(failed)
    })
  }

  happened(group: ConsumerGroup, reason: string): void {
    this.#logger.debug({ group: group.id, epoch: group.epoch, members: group.roster.size, reason }, 'a consumer group goes to another epoch')
  }

  // ---- ShareGroupHost

  saveShareParts(groupId: string, changes: readonly PartChange[], { first, altered }: ShareStarts, onDone: WhenSaved): void {
    const staged = [...this.#stageOthers(groupId, this.#shareStore), this.#shareStore.stage(groupId, changes)]
    if (first.length > 0) staged.push(this.shares.stageFirst(groupId, first))
    if (altered.length > 0) staged.push(this.shares.stageStarts(groupId, altered))
    this.append(staged, onDone)
  }

  lostShareGroup(group: ShareGroup): void {
    if (this.#groups.get(group.id) === group) this.revive(group.id)
  }

  happenedToShareGroup(group: ShareGroup, reason: string): void {
    this.#logger.debug({ group: group.id, epoch: group.epoch, members: group.size, reason }, 'a share group goes to another epoch')
  }

  // ----

  /** What is durable of a group; nothing where nothing is. */
  #restore(groupId: string): void {
    const consumer = this.#consumerStore.read(groupId)
    const share = this.#shareStore.read(groupId)
    const classic = this.#classicStore.read(groupId)
    if (consumer !== null) this.#groups.set(groupId, new ConsumerGroup(groupId, this, consumer))
    else if (share !== null) this.#groups.set(groupId, new ShareGroup(groupId, this, share))
    else if (classic !== null || this.offsets.hasAny(groupId)) this.#groups.set(groupId, new ClassicGroup(groupId, this, classic))
  }

  #stageDeletion(groupId: string): StagedChange[] {
    const classic = this.#classicStore.has(groupId) ? [this.#classicStore.stage(groupId, null)] : []
    return [...this.#stageOthers(groupId, null), ...classic]
  }

  /** Deletes what is saved of a group as another type than the one it is now: it had that before, and its deletion may have failed. */
  #stageOthers(groupId: string, own: PartStore | null): StagedChange[] {
    const staged: StagedChange[] = []
    for (const store of [this.#consumerStore, this.#shareStore]) {
      const change = store === own ? null : store.stageDeletion(groupId)
      if (change !== null) staged.push(change)
    }
    if (own !== null && this.#classicStore.has(groupId)) staged.push(this.#classicStore.stage(groupId, null))
    if (own !== this.#shareStore && this.shares.hasState(groupId)) staged.push(this.shares.stageDeletion(groupId, null))
    return staged
  }
}
