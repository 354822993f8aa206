import { STATE_KINDS } from '../../state-kinds.ts'
import { PartStore } from '../part-store.ts'
import type { MemberProfile } from './consumer-member.ts'
import { decodeCurrent, decodeEpochs, decodeProfile, decodeTarget, type GroupEpochs, type PartKind } from './group-parts.ts'
import type { Partitions } from './partitions.ts'
import type { CurrentAssignment } from './reconcile.ts'

/** A consumer group as it is on disk. */
export interface SavedConsumerGroup {
  /** `fingerprint` null: of the topics as they are now, since the group was not of KIP-848 until now. */
  readonly epochs: Omit<GroupEpochs, 'fingerprint'> & { readonly fingerprint: string | null }
  readonly members: readonly SavedMember[]
}

interface SavedMember {
  readonly id: string
  readonly profile: MemberProfile
  readonly target: Partitions | null
  readonly current: CurrentAssignment | null
}

/** The parts of all consumer groups. */
export class ConsumerGroupStore extends PartStore {
  constructor() {
    super(STATE_KINDS.consumerGroup)
  }

  /** What is durable of a group; null where nothing is. */
  read(groupId: string): SavedConsumerGroup | null {
    const epochs = this.durable(groupId, { kind: 'group', memberId: '' })
    if (epochs === null) return null
    const members = [...this.memberIds(groupId)].map((memberId): SavedMember => {
      const part = (kind: PartKind) => this.durable(groupId, { kind, memberId })
      const [target, current] = [part('target'), part('current')]
      return {
        id: memberId,
        profile: decodeProfile(part('profile') as Uint8Array),
        target: target === null ? null : decodeTarget(target),
        current: current === null ? null : decodeCurrent(current),
      }
    })
    return { epochs: decodeEpochs(epochs), members }
  }
}
