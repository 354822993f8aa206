import type { Partitions } from '../partitions.ts'
import type { Assignment, AssignorGroup } from './assignor.ts'
import { LoadBalancer } from './load-balancer.ts'

/** Rounds over all topics in search of balance: each about halves what is left of the imbalance. */
const MAX_ROUNDS = 16
const NOBODY = -1

/**
 * Kafka's `uniform` for members that do not want the same: everybody keeps what it still wants; what is free goes to the
 * least loaded subscribers; then partitions move from the most to the least loaded subscribers of each topic until no move
 * helps, or for `MAX_ROUNDS`.
 */
export function assignUniformMixed(group: AssignorGroup): Assignment {
  const distribution = new Distribution(group)
  distribution.keep()
  distribution.giveOut()
  distribution.balance()
  return distribution.result()
}

class Distribution {
  readonly #group: AssignorGroup
  /** Topic id to the indices of its subscribers, ascending. */
  readonly #subscribers = new Map<string, number[]>()
  /** Topic id to the index of each partition's owner. */
  readonly #owners = new Map<string, number[]>()
  /** Partitions of each member. */
  readonly #loads: number[]
  readonly #balancer: LoadBalancer

  constructor(group: AssignorGroup) {
    this.#group = group
    this.#loads = group.members.map(() => 0)
    this.#balancer = new LoadBalancer(this.#loads)
    for (const [index, { topicIds }] of group.members.entries()) {
      for (const topicId of topicIds) {
        const subscribers = this.#subscribers.get(topicId)
        if (subscribers !== undefined) {
          subscribers.push(index)
          continue
        }
        this.#subscribers.set(topicId, [index])
        this.#owners.set(topicId, new Array<number>(group.partitionCount(topicId)).fill(NOBODY))
      }
    }
  }

  keep(): void {
    for (const [index, { topicIds, current }] of this.#group.members.entries()) {
      for (const [topicId, partitions] of current) {
        if (!topicIds.has(topicId)) continue
        const owners = this.#owners.get(topicId) as number[]
        for (const partition of partitions) if (owners[partition] === NOBODY) this.#move(topicId, partition, index)
      }
    }
  }

  giveOut(): void {
    for (const topicId of this.#sorted(this.#owners.keys())) {
      this.#balancer.begin(this.#subscribers.get(topicId) as number[])
      for (const [partition, owner] of (this.#owners.get(topicId) as number[]).entries()) {
        if (owner === NOBODY) this.#move(topicId, partition, this.#balancer.takeLeastLoaded())
      }
    }
  }

  balance(): void {
    const topicIds = this.#sorted([...this.#subscribers].filter(([, subscribers]) => subscribers.length > 1).map(([topicId]) => topicId))
    let lastMoved: string | null = null
    for (let round = 0; round < MAX_ROUNDS; round++) {
      for (const topicId of topicIds) {
        // Once around without a move.
        if (topicId === lastMoved) return
        if (this.#balanceTopic(topicId) || lastMoved === null) lastMoved = topicId
      }
    }
  }

  result(): Assignment {
    const parts = this.#group.members.map(() => new Map<string, Set<number>>())
    for (const [topicId, owners] of this.#owners) {
      for (const [partition, owner] of owners.entries()) {
        const part = parts[owner] as Map<string, Set<number>>
        const ofTopic = part.get(topicId)
        if (ofTopic === undefined) part.set(topicId, new Set([partition]))
        else ofTopic.add(partition)
      }
    }
    return new Map<string, Partitions>(this.#group.members.map(({ id }, index) => [id, parts[index] as Partitions]))
  }

  /** Topics with most partitions per subscriber first, then those with few subscribers: they leave least choice. */
  #sorted(topicIds: Iterable<string>): string[] {
    const subscriberCount = (topicId: string) => (this.#subscribers.get(topicId) as number[]).length
    const density = (topicId: string) => this.#group.partitionCount(topicId) / subscriberCount(topicId)
    return [...topicIds].sort((left, right) => density(right) - density(left) || subscriberCount(left) - subscriberCount(right) || (left < right ? -1 : 1))
  }

  /** Whether anything moved. */
  #balanceTopic(topicId: string): boolean {
    if (this.#balancer.begin(this.#subscribers.get(topicId) as number[]) <= 1) return false
    const spare = new Map<number, number[]>()
    for (const [partition, owner] of (this.#owners.get(topicId) as number[]).entries()) {
      const ofOwner = spare.get(owner)
      if (ofOwner === undefined) spare.set(owner, [partition])
      else ofOwner.push(partition)
    }
    let moved = false
    for (;;) {
      const partition = this.#takeFromMostLoaded(spare)
      if (partition === null) return moved
      const receiver = this.#balancer.takeLeastLoaded()
      if (this.#balancer.isBalanced) return moved
      this.#move(topicId, partition, receiver)
      moved = true
    }
  }

  #takeFromMostLoaded(spare: ReadonlyMap<number, number[]>): number | null {
    for (;;) {
      const giver = this.#balancer.takeMostLoaded()
      if (giver === null) return null
      const partition = spare.get(giver)?.pop()
      if (partition !== undefined) return partition
      this.#balancer.excludeMostLoaded()
    }
  }

  #move(topicId: string, partition: number, to: number): void {
    const owners = this.#owners.get(topicId) as number[]
    const from = owners[partition] as number
    if (from !== NOBODY) (this.#loads[from] as number)--
    owners[partition] = to
    ;(this.#loads[to] as number)++
  }
}
