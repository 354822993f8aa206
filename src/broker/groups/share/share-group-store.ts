import { STATE_KINDS } from '../../state-kinds.ts'
import { decodeEpochs, decodeTarget, type GroupEpochs, type PartKind } from '../consumer/group-parts.ts'
import { PartStore } from '../part-store.ts'
import { NEW_SHARE_MEMBER, type SavedShareMember } from './share-member.ts'
import { decodeShareAssignment, decodeShareProfile } from './share-parts.ts'

/** A share group as it is on disk. */
export interface SavedShareGroup {
  readonly epochs: GroupEpochs
  readonly members: readonly SavedShareMember[]
}

/** The parts of all share groups. */
export class ShareGroupStore extends PartStore {
  constructor() {
    super(STATE_KINDS.shareGroup)
  }

  /** What is durable of a group; null where nothing is. */
  read(groupId: string): SavedShareGroup | null {
    const epochs = this.durable(groupId, { kind: 'group', memberId: '' })
    if (epochs === null) return null
    const members = [...this.memberIds(groupId)].map((memberId): SavedShareMember => {
      const part = (kind: PartKind) => this.durable(groupId, { kind, memberId })
      const [target, current] = [part('target'), part('current')]
      return {
        id: memberId,
        profile: decodeShareProfile(part('profile') as Uint8Array),
        current: current === null ? NEW_SHARE_MEMBER.current : decodeShareAssignment(current),
        target: target === null ? NEW_SHARE_MEMBER.target : decodeTarget(target),
      }
    })
    return { epochs: decodeEpochs(epochs), members }
  }
}
