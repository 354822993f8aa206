import type { AnyGroup } from './any-group.ts'
import type { CommittedOffset } from './offset-record.ts'

/**
 * Whether offsets of the group expire now, and from when their retention counts (KIP-211): for a simple group from the
 * commit, for an Empty one from when it became Empty, for topics that no member of a Stable consumer group consumes any
 * more from the commit, which goes for all of a group of KIP-848. Null: none of them expires.
 */
export function offsetRetention(group: AnyGroup): ((offset: CommittedOffset) => number) | null {
  if (group.type !== 'classic' || group.generation.protocolType === null) return (offset) => offset.committedAtMs
  if (group.state === 'Empty') return () => group.stateSinceMs
  if (group.state === 'Stable' && group.generation.usesConsumerProtocol && group.generation.knowsSubscriptions) return (offset) => offset.committedAtMs
  return null
}

/** Whether an offset has expired. Its own expiry (OffsetCommit v2 to v4) overrides the broker's retention. */
export function isExpired(offset: CommittedOffset, sinceMs: number, nowMs: number, retentionMs: number): boolean {
  return offset.expiresAtMs >= 0 ? nowMs >= offset.expiresAtMs : nowMs - sinceMs >= retentionMs
}
