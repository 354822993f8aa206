import type { Partitions } from '../partitions.ts'
import type { Assignment, AssignorGroup } from './assignor.ts'
import { assignUniformMixed } from './uniform-mixed.ts'

/**
 * Kafka's `uniform`: members have equally many partitions, give or take one, and keep of theirs what they can. Members that
 * do not want the same go another way (`uniform-mixed.ts`).
 */
export function assignUniform(group: AssignorGroup): Assignment {
  return group.homogeneous ? assignUniformAlike(group) : assignUniformMixed(group)
}

interface Place {
  readonly partitions: Map<string, Set<number>>
  free: number
}

function assignUniformAlike({ members, partitionCount }: AssignorGroup): Assignment {
  const topicIds = members[0]?.topicIds ?? new Set<string>()
  if (topicIds.size === 0) return new Map()
  const owned = new Map<string, Set<number>>([...topicIds].map((topicId) => [topicId, new Set()]))
  for (const { current } of members) for (const [topicId, partitions] of current) for (const partition of partitions) owned.get(topicId)?.add(partition)
  const unassigned: [topicId: string, partition: number][] = []
  let total = 0
  for (const [topicId, taken] of owned) {
    const count = partitionCount(topicId)
    total += count
    for (let partition = 0; partition < count; partition++) if (!taken.has(partition)) unassigned.push([topicId, partition])
  }

  const quota = Math.floor(total / members.length)
  let extras = total % members.length
  const assignment = new Map<string, Partitions>()
  const unfilled: Place[] = []
  for (const [index, { id, current }] of members.entries()) {
    let free = quota + (extras > 0 ? 1 : 0)
    let hasExtra = extras > 0
    const partitions = new Map<string, Set<number>>()
    for (const [topicId, ofTopic] of current) {
      if (!topicIds.has(topicId)) continue
      const kept = new Set<number>()
      for (const partition of ofTopic) {
        if (free > 0) {
          free--
          kept.add(partition)
        } else {
          unassigned.push([topicId, partition])
        }
      }
      if (kept.size > 0) partitions.set(topicId, kept)
    }
    // The place for one more is left to a later member that has one more already, as long as there are enough of them.
    if (free > 0 && hasExtra && members.length - index > extras) {
      free--
      hasExtra = false
    }
    if (hasExtra) extras--
    if (free > 0) unfilled.push({ partitions, free })
    assignment.set(id, partitions)
  }

  let next = 0
  for (const { partitions, free } of unfilled) {
    for (let left = free; left > 0 && next < unassigned.length; left--) {
      const [topicId, partition] = unassigned[next++] as [string, number]
      const ofTopic = partitions.get(topicId)
      if (ofTopic === undefined) partitions.set(topicId, new Set([partition]))
      else ofTopic.add(partition)
    }
  }
  if (next < unassigned.length) throw new Error('partitions were left unassigned')
  return assignment
}
