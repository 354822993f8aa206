import type { StateMachine, StateRecord } from '../../log/ports.ts'
import { STATE_KINDS } from '../state-kinds.ts'
import { DurableCell } from './durable-cell.ts'
import { type CommittedOffset, decodeOffset, encodeOffset, type OffsetKey, parseOffsetKey, printOffsetKey } from './offset-record.ts'

/** One offset that is to change; null deletes it. */
export interface OffsetChange {
  readonly topicName: string
  readonly partition: number
  readonly value: CommittedOffset | null
}

/** Changes that were put in order to be appended: the records, and what to call when their fate is known. */
export interface StagedChange {
  readonly records: readonly StateRecord[]
  settle(ok: boolean): void
}

interface GroupOffsets {
  /** Topic name, partition. */
  readonly topics: Map<string, Map<number, DurableCell<CommittedOffset>>>
  /** Commits that were appended and are not settled, and who waits for them. */
  stagedCount: number
  settledCount: number
  readonly waiting: { readonly until: number; readonly run: () => void }[]
}

/** The committed offsets of all groups, and their state machine. Readers see what is durable. */
export class Offsets implements StateMachine {
  readonly kind = STATE_KINDS.groupOffset
  readonly #groups = new Map<string, GroupOffsets>()
  #size = 0

  /** Offsets that exist or are on their way, over all groups. */
  get size(): number {
    return this.#size
  }

  /** Groups that have any. */
  groupIds(): IterableIterator<string> {
    return this.#groups.keys()
  }

  get(groupId: string, topicName: string, partition: number): CommittedOffset | null {
    return this.#groups.get(groupId)?.topics.get(topicName)?.get(partition)?.durable ?? null
  }

  /** Whether a commit of it would be a new entry. */
  has(groupId: string, topicName: string, partition: number): boolean {
    return this.#groups.get(groupId)?.topics.get(topicName)?.has(partition) ?? false
  }

  /** Whether the group has any offset that is not being deleted. */
  hasAny(groupId: string): boolean {
    for (const partitions of this.#groups.get(groupId)?.topics.values() ?? []) {
      for (const cell of partitions.values()) if (cell.latest !== null) return true
    }
    return false
  }

  /** All durable offsets of a group. */
  *of(groupId: string): Iterable<readonly [topicName: string, partition: number, value: CommittedOffset]> {
    for (const [topicName, partitions] of this.#groups.get(groupId)?.topics ?? []) {
      for (const [partition, cell] of partitions) if (cell.durable !== null) yield [topicName, partition, cell.durable]
    }
  }

  /** Deletions of what a group has, or is about to have, where `select` says so. */
  deletions(groupId: string, select: (topicName: string, value: CommittedOffset) => boolean): OffsetChange[] {
    const changes: OffsetChange[] = []
    for (const [topicName, partitions] of this.#groups.get(groupId)?.topics ?? []) {
      for (const [partition, cell] of partitions) {
        if (cell.latest !== null && select(topicName, cell.latest)) changes.push({ topicName, partition, value: null })
      }
    }
    return changes
  }

  /** Takes changes of one group in; they are seen when `settle(true)` is called. */
  stage(groupId: string, changes: readonly OffsetChange[]): StagedChange {
    const group = this.#groupOf(groupId)
    const settles = changes.map(({ topicName, partition, value }) => this.#cellOf(group, topicName, partition).stage(value))
    const records = changes.map(({ topicName, partition, value }) => ({
      kind: this.kind,
      key: printOffsetKey({ groupId, topicName, partition }),
      value: value === null ? null : encodeOffset(value),
    }))
    group.stagedCount++
    return {
      records,
      settle: (ok) => {
        for (const settle of settles) settle(ok)
        for (const change of changes) this.#forgetVoid(groupId, group, change)
        group.settledCount++
        this.#tellWaiting(group)
      },
    }
  }

  /** Calls `run` when all commits that were appended until now are settled; within the call where there are none. */
  whenSettled(groupId: string, run: () => void): void {
    const group = this.#groups.get(groupId)
    if (group === undefined || group.settledCount === group.stagedCount) run()
    else group.waiting.push({ until: group.stagedCount, run })
  }

  apply(key: string, value: Uint8Array | null): void {
    const { groupId, topicName, partition } = parseOffsetKey(key)
    const group = this.#groupOf(groupId)
    this.#cellOf(group, topicName, partition).replay(value === null ? null : decodeOffset(value))
    this.#forgetVoid(groupId, group, { topicName, partition })
  }

  *entries(): Iterable<readonly [string, Uint8Array]> {
    for (const [groupId, group] of this.#groups) {
      for (const [topicName, partitions] of group.topics) {
        for (const [partition, cell] of partitions) {
          if (cell.latest !== null) yield [printOffsetKey({ groupId, topicName, partition }), encodeOffset(cell.latest)]
        }
      }
    }
  }

  #groupOf(groupId: string): GroupOffsets {
    const known = this.#groups.get(groupId)
    if (known !== undefined) return known
    const group = { topics: new Map(), stagedCount: 0, settledCount: 0, waiting: [] }
    this.#groups.set(groupId, group)
    return group
  }

  #cellOf(group: GroupOffsets, topicName: string, partition: number): DurableCell<CommittedOffset> {
    let partitions = group.topics.get(topicName)
    if (partitions === undefined) {
      partitions = new Map()
      group.topics.set(topicName, partitions)
    }
    let cell = partitions.get(partition)
    if (cell === undefined) {
      cell = new DurableCell<CommittedOffset>()
      partitions.set(partition, cell)
      this.#size++
    }
    return cell
  }

  #forgetVoid(groupId: string, group: GroupOffsets, { topicName, partition }: Omit<OffsetKey, 'groupId'>): void {
    const partitions = group.topics.get(topicName)
    if (partitions?.get(partition)?.isVoid !== true) return
    partitions.delete(partition)
    this.#size--
    if (partitions.size === 0) group.topics.delete(topicName)
    if (group.topics.size === 0 && this.#groups.get(groupId) === group) this.#groups.delete(groupId)
  }

  #tellWaiting(group: GroupOffsets): void {
    while (group.waiting[0] !== undefined && group.waiting[0].until <= group.settledCount) group.waiting.shift()?.run()
  }
}
