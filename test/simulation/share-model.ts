import type { World } from './world.ts'

/** `group.share.record.lock.duration.ms` of the simulated broker. */
export const LOCK_MS = 4_000
/** `group.share.delivery.count.limit` of the simulated broker. */
export const DELIVERY_LIMIT = 5

/** What became of a record: what ShareAcknowledge calls 1, 2, 3, 4. */
export type Verdict = 'accept' | 'release' | 'reject' | 'renew'

/** A share session: it lives on one connection of one member, to one process of the broker. */
export class ShareLife {
  readonly member: string
  readonly boot: number
  /** The member knows that its connection, and with it the session, is gone. */
  ended = false
  /** Records of it that others were given, and when they were told. */
  readonly usurpedMs = new Map<string, number>()

  constructor(member: string, boot: number) {
    this.member = member
    this.boot = boot
  }
}

interface Hold {
  readonly life: ShareLife
  /** Its lock cannot end before. */
  safeUntilMs: number
}

interface ShareRecord {
  hold: Hold | null
  /** An acknowledgement of it that ends its life was answered. */
  isDone: boolean
  /** Nobody knows whether one was taken. */
  isDoubtful: boolean
  deliveries: number
  /** The delivery count that was seen last, and in which process. */
  seenCount: number
  seenBoot: number
  /** A release of it was answered, with this delivery count. */
  durableCount: number
}

/** A record that a member has, as it was given. */
export interface GivenRecord {
  readonly partition: string
  readonly offset: number
  readonly deliveryCount: number
  /** When the request that brought it was sent. */
  readonly sentMs: number
}

/**
 * What the members of a share group know of its records: a record is its member's from the answer that gives it until the member says
 * what became of it, its lock may have ended, or its session is gone; what was accepted or rejected is never given again; delivery
 * counts rise.
 */
export class ShareModel {
  readonly groupId: string
  readonly #world: World
  readonly #partitions = new Map<string, Map<number, ShareRecord>>()
  /** Fetches whose answer nobody got: they may have delivered anything. */
  readonly #lostFetches = new Map<string, number>()
  readonly #starts = new Map<string, number>()

  constructor(world: World, groupId: string) {
    this.#world = world
    this.groupId = groupId
  }

  /** A ShareFetch of `life` brought a record. */
  given(life: ShareLife, { partition, offset, deliveryCount, sentMs }: GivenRecord): void {
    const { boots, time } = this.#world
    // A late word of a process that is gone, or that comes when the lock may have ended: what it gave may be another's, or dealt with, by now.
    if (life.boot !== boots || time.nowMs >= sentMs + LOCK_MS) {
      this.fetchLost([partition])
      return
    }
    const record = this.#record(partition, offset)
    const name = `${partition} offset ${offset}`
    if (record.isDone) this.#violate(`${name} was given to ${life.member} after it was accepted or rejected`)
    const floor = record.seenBoot === boots ? record.seenCount : record.durableCount
    if (deliveryCount <= floor) this.#violate(`${name} was given to ${life.member} with delivery count ${deliveryCount}, after ${floor}`)
    this.#checkHold(record, life, name)
    record.hold = { life, safeUntilMs: sentMs + LOCK_MS }
    record.deliveries++
    record.seenCount = deliveryCount
    record.seenBoot = boots
    life.usurpedMs.delete(name)
    this.#world.count(deliveryCount === 1 ? 'shared records given' : 'shared records given again')
    if (deliveryCount > DELIVERY_LIMIT) this.#violate(`${name} was given for the ${deliveryCount}th time`)
    if (time.nowMs < sentMs) throw new Error('an answer came before its request')
  }

  /** A fetch of these partitions may have been answered, but nobody heard it. */
  fetchLost(partitions: Iterable<string>): void {
    for (const partition of partitions) this.#lostFetches.set(partition, (this.#lostFetches.get(partition) ?? 0) + 1)
  }

  /** A request of `life` that was sent at `sentMs` was answered: its session was alive then. */
  heard(life: ShareLife, sentMs: number): void {
    if (life.boot !== this.#world.boots) return
    for (const [name, usurpedMs] of life.usurpedMs) {
      if (usurpedMs < sentMs) this.#violate(`${name} was given to another although ${life.member} has it and its session lives`)
    }
  }

  /** `life` is about to say what became of a record; whether it must be believed. */
  acknowledging(life: ShareLife, { partition, offset }: GivenRecord, verdict: Verdict): boolean {
    const record = this.#record(partition, offset)
    if (record.hold?.life !== life) return false
    const isSafe = this.#world.time.nowMs < record.hold.safeUntilMs
    if (verdict === 'accept' || verdict === 'reject') record.isDoubtful = true
    if (verdict !== 'renew') record.hold = null
    return isSafe
  }

  /** The answer came: it holds. */
  acknowledged(life: ShareLife, given: GivenRecord, verdict: Verdict, sentMs: number): void {
    const record = this.#record(given.partition, given.offset)
    const name = `${given.partition} offset ${given.offset}`
    const isUsurped = life.boot === this.#world.boots && (life.usurpedMs.get(name) ?? Number.POSITIVE_INFINITY) < sentMs
    if (isUsurped) this.#violate(`${life.member} may ${verdict} ${name}, which was given to another`)
    switch (verdict) {
      case 'accept':
      case 'reject':
        record.isDone = true
        break
      case 'release':
        record.durableCount = Math.max(record.durableCount, given.deliveryCount)
        break
      case 'renew':
        if (record.hold?.life === life) record.hold.safeUntilMs = Math.max(record.hold.safeUntilMs, sentMs + LOCK_MS)
        break
    }
  }

  /** Everything was refused: nothing became of it. */
  refused(life: ShareLife, { partition, offset, sentMs }: GivenRecord): void {
    const record = this.#record(partition, offset)
    if (!record.isDone && record.hold === null) record.hold = { life, safeUntilMs: sentMs + LOCK_MS }
  }

  /** Until when at least a record is the life's own. */
  safeUntilMs(life: ShareLife, { partition, offset }: GivenRecord): number {
    const { hold } = this.#record(partition, offset)
    return hold?.life === life ? hold.safeUntilMs : 0
  }

  /** DescribeShareGroupOffsets said where the group is. */
  startSeen(partition: string, startOffset: number): void {
    const before = this.start(partition)
    if (startOffset < before) this.#violate(`${partition} starts at ${startOffset}, after ${before} was shown`)
    this.#starts.set(partition, Math.max(startOffset, before))
  }

  /** Below it everything is dealt with; -1 where nobody knows. */
  start(partition: string): number {
    return this.#starts.get(partition) ?? -1
  }

  /** All of the partition is behind the group: nothing was passed over. */
  verify(partition: string, endOffset: number): void {
    const lost = this.#lostFetches.get(partition) ?? 0
    for (let offset = 0; offset < endOffset; offset++) {
      const { isDone, isDoubtful, deliveries } = this.#record(partition, offset)
      // Whoever counts more deliveries than were heard of counts those that were lost on their way.
      if (isDone || isDoubtful || deliveries + lost >= DELIVERY_LIMIT) continue
      this.#violate(`${partition} offset ${offset} is behind the group, but nobody accepted or rejected it; it was given ${deliveries} times`)
    }
  }

  #checkHold({ hold }: ShareRecord, life: ShareLife, name: string): void {
    const { nowMs } = this.#world.time
    if (hold === null || hold.life.boot !== life.boot || nowMs >= hold.safeUntilMs) return
    if (hold.life === life) this.#violate(`${name} was given to ${life.member}, which has it until ${(hold.safeUntilMs / 1000).toFixed(3)} s`)
    // Its session may be gone, and it does not know yet.
    else if (!hold.life.ended) hold.life.usurpedMs.set(name, nowMs)
  }

  #record(partition: string, offset: number): ShareRecord {
    const records = this.#partitions.get(partition) ?? new Map<number, ShareRecord>()
    this.#partitions.set(partition, records)
    const known = records.get(offset)
    if (known !== undefined) return known
    const record: ShareRecord = { hold: null, isDone: false, isDoubtful: false, deliveries: 0, seenCount: 0, seenBoot: 0, durableCount: 0 }
    records.set(offset, record)
    return record
  }

  #violate(what: string): void {
    this.#world.violate(`share group ${this.groupId}: ${what}`)
  }
}
