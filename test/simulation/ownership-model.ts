import type { World } from './world.ts'

/** `group.consumer.session.timeout.ms` of the simulated broker. */
export const SESSION_MS = 6_000
/** What members say they need to give partitions up; longer than a session, so that only who was asked can run out of it. */
export const REBALANCE_MS = 8_000

/** What one member of a group of KIP-848, of one life of it, was told and said. */
export class Holder {
  readonly name: string
  /** When its last heartbeat that was answered without an error was sent: its session cannot end before that and a session. */
  lastHeardMs: number
  /** Since when it may be asked to give a partition up: the deadline for that cannot end before. */
  readonly askedMs = new Map<string, number>()
  /** Partitions that others were given although it has not said that it gave them up, and when they were told. */
  readonly usurpedMs = new Map<string, number>()

  constructor(name: string, nowMs: number) {
    this.name = name
    this.lastHeardMs = nowMs
  }

  /** Until when nobody else may be given the partition. */
  safeUntilMs(partition: string): number {
    const askedMs = this.askedMs.get(partition)
    return Math.min(this.lastHeardMs + SESSION_MS, askedMs === undefined ? Number.POSITIVE_INFINITY : askedMs + REBALANCE_MS)
  }
}

/**
 * Who has which partition of a group of KIP-848, as its members know it: a partition is its member's from the answer that gives it until the
 * member says in a heartbeat that it has it no more, says goodbye, or was silent for so long that it may be taken for dead. What such a
 * member says afterwards is refused.
 */
export class OwnershipModel {
  readonly groupId: string
  readonly #world: World
  readonly #owners = new Map<string, Holder>()
  readonly #committed = new Map<string, number>()

  constructor(world: World, groupId: string) {
    this.#world = world
    this.groupId = groupId
  }

  owns(holder: Holder, partition: string): boolean {
    return this.#owners.get(partition) === holder
  }

  /** The name of the member that has it; undefined where none has. */
  ownerOf(partition: string): string | undefined {
    return this.#owners.get(partition)?.name
  }

  given(holder: Holder, partition: string): void {
    const { nowMs } = this.#world.time
    const owner = this.#owners.get(partition)
    if (owner !== undefined && owner !== holder) {
      const safeUntilMs = owner.safeUntilMs(partition)
      if (nowMs < safeUntilMs) {
        this.#violate(`${partition} was given to ${holder.name}, but ${owner.name} has it until ${(safeUntilMs / 1000).toFixed(3)} s at least`)
      }
      owner.usurpedMs.set(partition, nowMs)
    }
    holder.usurpedMs.delete(partition)
    this.#owners.set(partition, holder)
  }

  /** Before the member says so. */
  released(holder: Holder, partition: string): void {
    if (this.#owners.get(partition) === holder) this.#owners.delete(partition)
    holder.askedMs.delete(partition)
    holder.usurpedMs.delete(partition)
  }

  /** A heartbeat that was sent at `sentMs` was answered without an error. */
  heard(holder: Holder, sentMs: number): void {
    for (const [partition, usurpedMs] of holder.usurpedMs) {
      if (usurpedMs < sentMs) this.#violate(`a heartbeat of ${holder.name} was accepted, but ${partition}, which it has not given up, was given to another`)
    }
    holder.lastHeardMs = Math.max(holder.lastHeardMs, sentMs)
  }

  /** The largest offset whose commit was acknowledged or that was shown; -1 for none. */
  committed(partition: string): number {
    return this.#committed.get(partition) ?? -1
  }

  /** A commit that was sent at `sentMs`, when `floor` was committed, was acknowledged. */
  commitAccepted(holder: Holder, partition: string, offset: number, { sentMs, floor }: { readonly sentMs: number; readonly floor: number }): void {
    const usurpedMs = holder.usurpedMs.get(partition)
    if (usurpedMs !== undefined && usurpedMs < sentMs) this.#violate(`a commit of ${holder.name} for ${partition} was accepted after it was given to another`)
    if (offset < floor) this.#violate(`${holder.name} committed ${offset} of ${partition} after ${floor} was`)
    this.#committed.set(partition, Math.max(offset, this.committed(partition)))
  }

  /** OffsetFetch said `offset`; `floor` was committed before it was asked. */
  fetched(partition: string, offset: number, floor: number): void {
    if (offset < floor) this.#violate(`the committed offset of ${partition} is ${offset}, but ${floor} was acknowledged`)
    this.#committed.set(partition, Math.max(offset, this.committed(partition)))
  }

  #violate(what: string): void {
    this.#world.violate(`group ${this.groupId}: ${what}`)
  }
}
