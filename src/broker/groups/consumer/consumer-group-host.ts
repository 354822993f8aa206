import type { Clock } from '../../../runtime/clock.ts'
import type { ErrorRow } from '../../errors.ts'
import type { TopicRegistry } from '../../topics/topic-registry.ts'
import type { GroupSettings, GroupTimings } from '../group-settings.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { ConsumerMember } from './consumer-member.ts'
import type { PartChange } from './group-parts.ts'

/** What a consumer group asks of its surroundings. */
export interface ConsumerGroupHost {
  readonly clock: Clock
  readonly topics: TopicRegistry
  readonly settings: GroupSettings
  readonly timings: GroupTimings
  /** For a member that has none. */
  newConsumerMemberId(): string
  /** Appends; calls back when durable or refused, never within the call. */
  saveParts(groupId: string, changes: readonly PartChange[], onDone: (failed: ErrorRow | null) => void): void
  /** What was appended is lost: the group must be what is on disk. */
  lost(group: ConsumerGroup): void
  /** Only classic members stay: puts a classic group in the group's place (KIP-848, online downgrade). */
  becomeClassic(group: ConsumerGroup, downgrade: Downgrade): void
  /** For people: something happened to the group. */
  happened(group: ConsumerGroup, reason: string): void
}

export interface Downgrade {
  /** Who goes. */
  readonly leaving: ReadonlySet<ConsumerMember>
  /** Why the classic members must rejoin; null where they need not, since what they have is what they shall have. */
  readonly rebalance: string | null
}
