import type { LogFailure, StateRecord } from '../../log/ports.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { randomUuid } from '../../util/uuid.ts'
import type { BrokerContext } from '../broker.ts'
import { ERRORS, type ErrorRow } from '../errors.ts'
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

type WhenSaved = (failed: ErrorRow | null) => void

/**
 * All groups by id, of either protocol, and what is saved of them. A group that changes its protocol is deleted as the one
 * and saved as the other in one append.
 */
export class GroupRegistry implements GroupHost, ConsumerGroupHost {
  readonly settings: GroupSettings
  readonly timings: GroupTimings
  readonly offsets = new Offsets()
  readonly #context: BrokerContext
  readonly #logger: Logger
  readonly #groups = new Map<string, AnyGroup>()
  readonly #classicStore = new GroupStore()
  readonly #consumerStore = new ConsumerGroupStore()
  /** Groups that are being saved as classic ones after they were of KIP-848, and who waits for that. */
  readonly #downgrades = new Map<string, WhenSaved[]>()
  #closed = false

  /** Registers its state machines: made before `LogStore.open`. */
  constructor(context: BrokerContext, settings: GroupSettings, timings: GroupTimings, logger: Logger) {
    this.#context = context
    this.#logger = logger
    this.settings = settings
    this.timings = timings
    context.log.register(this.#classicStore)
    context.log.register(this.#consumerStore)
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
    for (const groupId of [...this.#consumerStore.groupIds(), ...this.#classicStore.groupIds(), ...this.offsets.groupIds()]) {
      if (!this.#groups.has(groupId)) this.#restore(groupId)
    }
    for (const group of this.#groups.values()) if (group.type === 'classic') group.opened()
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

  /** Calls `run` when what a group of KIP-848 has become until now is on disk, or will never be. */
  whenSaved(groupId: string, run: WhenSaved): void {
    const group = this.#groups.get(groupId)
    const waiting = this.#downgrades.get(groupId)
    // It may be one again by now.
    if (group?.type === 'consumer') group.journal.whenSaved(run)
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
    const formerly = this.#consumerStore.stageDeletion(groupId)
    const classic = this.#classicStore.stage(groupId, value)
    this.append(formerly === null ? [classic] : [formerly, classic], onDone)
  }

  entered(change: GroupChange): void {
    this.#logger.debug(change, 'a group changed its state')
  }

  // ---- ConsumerGroupHost

  newConsumerMemberId(): string {
    return randomUuid(this.#context.random)
  }

  saveParts(groupId: string, changes: readonly PartChange[], onDone: WhenSaved): void {
    const consumer = this.#consumerStore.stage(groupId, changes)
    this.append(this.#classicStore.has(groupId) ? [this.#classicStore.stage(groupId, null), consumer] : [consumer], onDone)
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

  // ----

  /** What is durable of a group; nothing where nothing is. */
  #restore(groupId: string): void {
    const consumer = this.#consumerStore.read(groupId)
    const classic = this.#classicStore.read(groupId)
    if (consumer !== null) this.#groups.set(groupId, new ConsumerGroup(groupId, this, consumer))
    else if (classic !== null || this.offsets.hasAny(groupId)) this.#groups.set(groupId, new ClassicGroup(groupId, this, classic))
  }

  #stageDeletion(groupId: string): StagedChange[] {
    const consumer = this.#consumerStore.stageDeletion(groupId)
    const classic = this.#classicStore.has(groupId) ? [this.#classicStore.stage(groupId, null)] : []
    return consumer === null ? classic : [consumer, ...classic]
  }
}
