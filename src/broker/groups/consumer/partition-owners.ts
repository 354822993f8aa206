import type { EpochedPartitions } from './partitions.ts'
import type { CurrentAssignment } from './reconcile.ts'

/** Which member has a partition, assigned or not yet given up. The reason why none ever has two owners. */
export class PartitionOwners {
  readonly #topics = new Map<string, Map<number, string>>()

  isFree(topicId: string, partition: number): boolean {
    return this.#topics.get(topicId)?.has(partition) !== true
  }

  add(memberId: string, { assigned, pendingRevocation }: CurrentAssignment): void {
    this.#add(memberId, assigned)
    this.#add(memberId, pendingRevocation)
  }

  /** Takes back what is still that member's. */
  remove(memberId: string, { assigned, pendingRevocation }: CurrentAssignment): void {
    this.#remove(memberId, assigned)
    this.#remove(memberId, pendingRevocation)
  }

  #add(memberId: string, partitions: EpochedPartitions): void {
    for (const [topicId, epochs] of partitions) {
      let owners = this.#topics.get(topicId)
      if (owners === undefined) {
        owners = new Map()
        this.#topics.set(topicId, owners)
      }
      for (const partition of epochs.keys()) owners.set(partition, memberId)
    }
  }

  #remove(memberId: string, partitions: EpochedPartitions): void {
    for (const [topicId, epochs] of partitions) {
      const owners = this.#topics.get(topicId)
      if (owners === undefined) continue
      for (const partition of epochs.keys()) if (owners.get(partition) === memberId) owners.delete(partition)
      if (owners.size === 0) this.#topics.delete(topicId)
    }
  }
}
