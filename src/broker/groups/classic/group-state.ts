/** Kafka's names, as DescribeGroups and ListGroups say them. */
export type GroupState =
  /** No members; committed offsets may wait here until they expire. */
  | 'Empty'
  /** Waiting for all members to join. */
  | 'PreparingRebalance'
  /** A generation was formed; waiting for the leader's assignment. */
  | 'CompletingRebalance'
  /** Every member can have its assignment. */
  | 'Stable'
  /** Deleted: nothing happens any more. */
  | 'Dead'

const ENTERED_FROM: Readonly<Record<GroupState, readonly GroupState[]>> = {
  Empty: ['PreparingRebalance'],
  PreparingRebalance: ['Empty', 'Stable', 'CompletingRebalance'],
  CompletingRebalance: ['PreparingRebalance'],
  Stable: ['CompletingRebalance'],
  Dead: ['Empty', 'PreparingRebalance', 'CompletingRebalance', 'Stable'],
}

/** Whether a group may go from one state to the other. */
export function mayEnter(next: GroupState, from: GroupState): boolean {
  return ENTERED_FROM[next].includes(from)
}
