import type { Partitions } from '../partitions.ts'

/** A member as assignors see it. */
export interface AssignorMember {
  readonly id: string
  readonly instanceId: string | null
  /** Ids of topics that exist and that it is subscribed to. */
  readonly topicIds: ReadonlySet<string>
  /** Its part of the target until now; empty for a new member. */
  readonly current: Partitions
}

/** What is to be distributed among whom. */
export interface AssignorGroup {
  /** At least one; in the order in which they joined. */
  readonly members: readonly AssignorMember[]
  /** Whether all of them want the same. */
  readonly homogeneous: boolean
  /** Of a topic that some member is subscribed to. */
  partitionCount(topicId: string): number
}

/** Member id to its new part; a member that is left out gets nothing. Every partition of every topic goes to exactly one subscriber. */
export type Assignment = ReadonlyMap<string, Partitions>

export type Assignor = (group: AssignorGroup) => Assignment
