import type { Clock } from '../../../runtime/clock.ts'
import { ConnectionWatch } from '../connection-watch.ts'
import { sameNames } from '../consumer/consumer-member.ts'
import { NO_PARTITIONS, type Partitions } from '../consumer/partitions.ts'
import type { Subscription } from '../consumer/subscriptions.ts'
import { Deadline } from '../deadline.ts'

/** Who a member of a share group is and what it wants. */
export interface ShareProfile {
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** Without repeats. */
  readonly topicNames: readonly string[]
}

/** Where a member stands: what it was told last. */
export interface ShareAssignment {
  readonly epoch: number
  readonly previousEpoch: number
  readonly assigned: Partitions
}

export interface SavedShareMember {
  readonly id: string
  readonly profile: ShareProfile
  readonly current: ShareAssignment
  readonly target: Partitions
}

/** Of a member that is about to come. */
export const NEW_SHARE_MEMBER: Omit<SavedShareMember, 'id'> = {
  profile: { rackId: null, clientId: '', clientHost: '', topicNames: [] },
  current: { epoch: 0, previousEpoch: 0, assigned: NO_PARTITIONS },
  target: NO_PARTITIONS,
}

/** One member of a share group, with the end of its session. */
export class ShareMember {
  readonly id: string
  profile: ShareProfile
  current: ShareAssignment
  /** What it shall have. */
  target: Partitions
  /** Moved by every sign of life. */
  readonly session: Deadline
  readonly connection = new ConnectionWatch()

  constructor({ id, profile, current, target }: SavedShareMember, clock: Clock, onLate: (member: ShareMember) => void) {
    this.id = id
    this.profile = profile
    this.current = current
    this.target = target
    this.session = new Deadline(clock, () => onLate(this))
  }

  get subscription(): Subscription {
    return { topicNames: this.profile.topicNames, topicRegex: null }
  }

  /** It is out, or its group ends. */
  release(): void {
    this.connection.forget()
    this.session.cancel()
  }
}

export function sameShareProfile(left: ShareProfile, right: ShareProfile): boolean {
  return (
    left.rackId === right.rackId && left.clientId === right.clientId && left.clientHost === right.clientHost && sameNames(left.topicNames, right.topicNames)
  )
}
