import type { AssignorMember } from './assignors/assignor.ts'
import { ASSIGNORS } from './assignors/assignors.ts'
import { NO_PARTITIONS, type Partitions, samePartitions } from './partitions.ts'
import type { Roster } from './roster.ts'

/** Where a group is heading: what each member shall have at an epoch. */
export class Target {
  /** The group epoch it was computed for. */
  epoch: number
  /** Milliseconds since the epoch; 0 where nobody knows. */
  computedAtMs: number
  readonly #parts = new Map<string, Partitions>()

  constructor(epoch: number, computedAtMs: number) {
    this.epoch = epoch
    this.computedAtMs = computedAtMs
  }

  of(memberId: string): Partitions {
    return this.#parts.get(memberId) ?? NO_PARTITIONS
  }

  set(memberId: string, part: Partitions): void {
    this.#parts.set(memberId, part)
  }

  remove(memberId: string): void {
    this.#parts.delete(memberId)
  }

  /** Computes it anew for the members there are; the ids of those whose part changed. */
  compute(roster: Roster, partitionCount: (topicId: string) => number): string[] {
    const alike = roster.subscriptions.areAlike(roster.size)
    let shared: ReadonlySet<string> | null = null
    const members: AssignorMember[] = [...roster.all()].map(({ id, profile }) => {
      const topicIds = (alike ? shared : null) ?? roster.subscriptions.topicIdsOf(profile)
      shared = topicIds
      return { id, instanceId: profile.instanceId, topicIds, current: this.of(id) }
    })
    if (members.length === 0) return []
    const assignment = ASSIGNORS[roster.assignor]({ members, homogeneous: alike, partitionCount })
    const changed: string[] = []
    for (const { id, current } of members) {
      const part = assignment.get(id) ?? NO_PARTITIONS
      if (samePartitions(part, current)) continue
      this.#parts.set(id, part)
      changed.push(id)
    }
    return changed
  }
}
