import type { Assignment, AssignorGroup, AssignorMember } from './assignor.ts'

/**
 * Kafka's `range`: the partitions of each topic are cut into ranges, one per subscriber, in the order of the members' ids
 * (static members first, by instance id). Topics with equally many partitions and the same subscribers are so assigned
 * alike: partition n of each goes to the same member.
 */
export function assignRanges(group: AssignorGroup): Assignment {
  const members = [...group.members].sort(compareMembers)
  const cuts = new Map<string, TopicCut>()
  for (const { topicIds } of members) {
    for (const topicId of topicIds) {
      const cut = cuts.get(topicId)
      if (cut === undefined) cuts.set(topicId, new TopicCut(group.partitionCount(topicId)))
      else cut.subscriberCount++
    }
  }
  return new Map(
    members.map(({ id, topicIds }) => {
      const ranges = new Map<string, ReadonlySet<number>>()
      for (const topicId of topicIds) {
        const range = (cuts.get(topicId) as TopicCut).next()
        if (range.size > 0) ranges.set(topicId, range)
      }
      return [id, ranges]
    }),
  )
}

/** Gives out one topic's partitions from the first to the last. */
class TopicCut {
  subscriberCount = 1
  readonly #partitionCount: number
  #taken = 0
  #servedCount = 0

  constructor(partitionCount: number) {
    this.#partitionCount = partitionCount
  }

  /** The first members get one more where it does not come out even. */
  next(): ReadonlySet<number> {
    const extra = this.#servedCount++ < this.#partitionCount % this.subscriberCount ? 1 : 0
    const end = this.#taken + Math.floor(this.#partitionCount / this.subscriberCount) + extra
    const range = new Set<number>()
    while (this.#taken < end) range.add(this.#taken++)
    return range
  }
}

function compareMembers(left: AssignorMember, right: AssignorMember): number {
  if (left.instanceId !== null && right.instanceId !== null) return compareText(left.instanceId, right.instanceId)
  if (left.instanceId !== null) return -1
  if (right.instanceId !== null) return 1
  return compareText(left.id, right.id)
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
