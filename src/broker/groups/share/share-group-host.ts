import type { Clock } from '../../../runtime/clock.ts'
import type { ErrorRow } from '../../errors.ts'
import type { ShareStart } from '../../shares/ports.ts'
import type { TopicRegistry } from '../../topics/topic-registry.ts'
import type { PartChange } from '../consumer/group-parts.ts'
import type { GroupSettings, GroupTimings } from '../group-settings.ts'
import type { ShareGroup } from './share-group.ts'

/** Share partitions that begin somewhere. */
export interface ShareStarts {
  /** Somebody is subscribed to them; those that are known already stay as they are. */
  readonly first: readonly Omit<ShareStart, 'startOffset'>[]
  /** An administrator said where. */
  readonly altered: readonly ShareStart[]
}

/** What a share group asks of its surroundings. */
export interface ShareGroupHost {
  readonly clock: Clock
  readonly topics: TopicRegistry
  readonly settings: GroupSettings
  readonly timings: GroupTimings
  /** Appends; calls back when durable or refused, never within the call. */
  saveShareParts(groupId: string, changes: readonly PartChange[], starts: ShareStarts, onDone: (failed: ErrorRow | null) => void): void
  /** What was appended is lost: the group must be what is on disk. */
  lostShareGroup(group: ShareGroup): void
  /** For people: something happened to the group. */
  happenedToShareGroup(group: ShareGroup, reason: string): void
}
