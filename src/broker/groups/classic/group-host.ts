import type { Clock } from '../../../runtime/clock.ts'
import type { ErrorRow } from '../../errors.ts'
import type { GroupSettings } from '../group-settings.ts'
import type { GroupRecord } from './group-record.ts'
import type { GroupState } from './group-state.ts'

/** What a group asks of its surroundings. */
export interface GroupHost {
  readonly clock: Clock
  readonly settings: GroupSettings
  /** `prefix-UUID`. */
  newMemberId(prefix: string): string
  /** Saves the group's state; calls back when durable or refused, never within the call. */
  save(groupId: string, record: GroupRecord, onDone: (failed: ErrorRow | null) => void): void
  /** A group went into another state. */
  entered(change: GroupChange): void
}

/** A change of state, for the log. */
export interface GroupChange {
  readonly group: string
  readonly state: GroupState
  readonly generation: number
  readonly members: number
  /** For people. */
  readonly reason: string
}
