import type { Partitions } from '../consumer/partitions.ts'

/** A member as the assignor sees it. */
interface ShareAssignorMember {
  readonly id: string
  /** Ids of topics that exist and that it is subscribed to. */
  readonly topicIds: ReadonlySet<string>
  /** Its part until now; empty for a new member. */
  readonly current: Partitions
}

export interface ShareAssignorGroup {
  readonly members: readonly ShareAssignorMember[]
  /** Whether all of them want the same. */
  readonly homogeneous: boolean
  /** Of a topic that some member is subscribed to. */
  partitionCount(topicId: string): number
}

/** One partition that is given out, and who has it now. */
interface Slot {
  readonly topicId: string
  readonly partition: number
  readonly holders: Set<string>
}

/**
 * The assignor `simple` of KIP-932. Every partition of a topic has a member that is subscribed to it, and every such member
 * has a partition: where there are more members than partitions, they share them evenly. Members keep what they have as far
 * as that allows. Members that want the same are served at once; else each topic goes by itself.
 */
export function assignSimply({ members, homogeneous, partitionCount }: ShareAssignorGroup): ReadonlyMap<string, Partitions> {
  const parts = new Map(members.map(({ id }) => [id, new Map<string, Set<number>>()]))
  const distribute = (topicIds: readonly string[]): void => {
    const wanting = members.filter((member) => topicIds.some((topicId) => member.topicIds.has(topicId)))
    const slots = topicIds.flatMap((topicId) =>
      Array.from({ length: partitionCount(topicId) }, (_, partition): Slot => ({ topicId, partition, holders: new Set() })),
    )
    for (const { topicId, partition, holders } of share(wanting, slots)) {
      for (const id of holders) addTo(parts.get(id) as Map<string, Set<number>>, topicId, partition)
    }
  }
  const topicIds = new Set(members.flatMap((member) => [...member.topicIds]))
  if (homogeneous) distribute([...topicIds])
  else for (const topicId of topicIds) distribute([topicId])
  return parts
}

/** Distributes slots among members, which want all of them. */
function share(members: readonly ShareAssignorMember[], slots: readonly Slot[]): readonly Slot[] {
  if (members.length === 0 || slots.length === 0) return slots
  const holdersMax = Math.ceil(members.length / slots.length)
  const quotas = quotasOf(members, holdersMax * slots.length)
  keep(members, slots, quotas, holdersMax)
  fill(members, slots, quotas, holdersMax)
  return slots
}

/** How many slots each member gets: as many as the others, or one more. */
function quotasOf(members: readonly ShareAssignorMember[], total: number): Map<string, number> {
  const upTo = (index: number): number => Math.ceil((total * index) / members.length)
  return new Map(members.map(({ id }, index) => [id, upTo(index + 1) - upTo(index)]))
}

/** Members keep what they had, up to their quota and that of the slot; `quotas` becomes what they still lack. */
function keep(members: readonly ShareAssignorMember[], slots: readonly Slot[], quotas: Map<string, number>, holdersMax: number): void {
  // Slots are made in the order of partitions.
  const byTopic = Map.groupBy(slots, ({ topicId }) => topicId)
  for (const { id, current } of members) {
    let left = quotas.get(id) as number
    for (const [topicId, partitions] of current) {
      for (const partition of partitions) {
        const holders = byTopic.get(topicId)?.[partition]?.holders
        if (left === 0 || holders === undefined || holders.size === holdersMax) continue
        holders.add(id)
        left--
      }
    }
    quotas.set(id, left)
  }
}

/**
 * Gives out what is left, a slot after the other, to the members that lack some, in turn. A slot that everybody who lacks one
 * has already stays a little short of holders. None stays without any, and no member either: what all lack together is what
 * all slots lack together.
 */
function fill(members: readonly ShareAssignorMember[], slots: readonly Slot[], quotas: Map<string, number>, holdersMax: number): void {
  const lacking = members.filter(({ id }) => (quotas.get(id) as number) > 0).map(({ id }) => id)
  for (const { holders } of [...slots].sort((left, right) => left.holders.size - right.holders.size)) {
    for (let turns = lacking.length; turns > 0 && holders.size < holdersMax; turns--) {
      const id = lacking.shift() as string
      const isNew = !holders.has(id)
      holders.add(id)
      const left = (quotas.get(id) as number) - (isNew ? 1 : 0)
      quotas.set(id, left)
      if (left > 0) lacking.push(id)
    }
  }
}

function addTo(part: Map<string, Set<number>>, topicId: string, partition: number): void {
  const partitions = part.get(topicId)
  if (partitions === undefined) part.set(topicId, new Set([partition]))
  else partitions.add(partition)
}
