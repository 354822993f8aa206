import {
  atEpoch,
  type EpochedPartitions,
  includesAny,
  NO_EPOCHED_PARTITIONS,
  type Partitions,
  sameEpochedPartitions,
  type TopicPartitions,
} from './partitions.ts'

export type MemberState =
  /** It has what it was told at its epoch. */
  | 'Stable'
  /** It was asked to give partitions up and has not said yet that it did. */
  | 'UnrevokedPartitions'
  /** It waits for partitions that others have not given up yet. */
  | 'UnreleasedPartitions'

/** What a member has, as it was told: it may consume `assigned`, and must give up `pendingRevocation`. Both are its own. */
export interface CurrentAssignment {
  readonly state: MemberState
  readonly epoch: number
  /** The one before: a member that did not get the last answer still has it. */
  readonly previousEpoch: number
  readonly assigned: EpochedPartitions
  readonly pendingRevocation: EpochedPartitions
}

/** Of a member that just came. */
export const NO_CURRENT_ASSIGNMENT: CurrentAssignment = {
  state: 'Stable',
  epoch: 0,
  previousEpoch: 0,
  assigned: NO_EPOCHED_PARTITIONS,
  pendingRevocation: NO_EPOCHED_PARTITIONS,
}

/** Where a member shall come to, and what it and the others have. */
export interface ReconcileSurroundings {
  readonly target: Partitions
  readonly targetEpoch: number
  isSubscribed(topicId: string): boolean
  /** Whether this very heartbeat changed its subscription: topics that it no longer wants are taken at once. */
  readonly subscriptionChanged: boolean
  /** Whether nobody has the partition. */
  isFree(topicId: string, partition: number): boolean
  /** What the member says it has; null where it says nothing. */
  readonly owned: readonly TopicPartitions[] | null
}

export function isReconciledTo(current: CurrentAssignment, targetEpoch: number): boolean {
  return current.state === 'Stable' && current.epoch === targetEpoch
}

/**
 * The next step of a member towards its target (KIP-848): it gives up first, and says so, before it is given anything;
 * what others have not given up yet waits. The same object where there is no step to take.
 */
export function reconcile(current: CurrentAssignment, around: ReconcileSurroundings): CurrentAssignment {
  const next = step(current, around)
  return sameAssignment(current, next) ? current : next
}

function step(current: CurrentAssignment, around: ReconcileSurroundings): CurrentAssignment {
  switch (current.state) {
    case 'Stable':
      if (current.epoch !== around.targetEpoch) return approach(current, around)
      return around.subscriptionChanged ? dropUnsubscribed(current, around) : current
    case 'UnrevokedPartitions':
      if (!stillOwns(current.pendingRevocation, around)) return approach(current, around)
      return around.subscriptionChanged ? dropUnsubscribed(current, around) : current
    case 'UnreleasedPartitions':
      return approach(current, around)
    default:
      return current.state satisfies never
  }
}

/** A member that says nothing of its partitions still has them. */
function stillOwns(partitions: EpochedPartitions, { owned }: ReconcileSurroundings): boolean {
  return owned === null || includesAny(partitions, owned)
}

/** Takes away topics that the member is not subscribed to, without going to another epoch. */
function dropUnsubscribed(current: CurrentAssignment, around: ReconcileSurroundings): CurrentAssignment {
  const assigned = new Map(current.assigned)
  const pendingRevocation = new Map(current.pendingRevocation)
  for (const [topicId, epochs] of current.assigned) {
    if (around.isSubscribed(topicId)) continue
    assigned.delete(topicId)
    pendingRevocation.set(topicId, new Map([...(pendingRevocation.get(topicId) ?? []), ...epochs]))
  }
  if (assigned.size === current.assigned.size) return current
  const previousEpoch = current.epoch
  if (pendingRevocation.size > 0 && stillOwns(pendingRevocation, around)) {
    return { ...current, state: 'UnrevokedPartitions', previousEpoch, assigned, pendingRevocation }
  }
  return { ...current, previousEpoch, assigned }
}

function approach(current: CurrentAssignment, around: ReconcileSurroundings): CurrentAssignment {
  const { kept, revoked, given, waits } = compare(current, around)
  const previousEpoch = current.epoch
  if (revoked.size > 0 && stillOwns(revoked, around)) {
    return { state: 'UnrevokedPartitions', epoch: current.epoch, previousEpoch, assigned: kept, pendingRevocation: revoked }
  }
  return {
    state: waits ? 'UnreleasedPartitions' : 'Stable',
    epoch: around.targetEpoch,
    previousEpoch,
    assigned: given.size === 0 ? kept : merge(kept, atEpoch(given, around.targetEpoch)),
    pendingRevocation: NO_EPOCHED_PARTITIONS,
  }
}

interface Difference {
  readonly kept: EpochedPartitions
  readonly revoked: EpochedPartitions
  readonly given: Partitions
  /** Whether something of the target still belongs to another member. */
  readonly waits: boolean
}

function compare(current: CurrentAssignment, around: ReconcileSurroundings): Difference {
  const kept = new Map<string, ReadonlyMap<number, number>>()
  const revoked = new Map<string, ReadonlyMap<number, number>>()
  const given = new Map<string, ReadonlySet<number>>()
  let waits = false
  for (const topicId of new Set([...around.target.keys(), ...current.assigned.keys()])) {
    const target = around.isSubscribed(topicId) ? around.target.get(topicId) : undefined
    const assigned = current.assigned.get(topicId)
    const keptHere = new Map<number, number>()
    const revokedHere = new Map<number, number>()
    for (const [partition, epoch] of assigned ?? []) (target?.has(partition) ? keptHere : revokedHere).set(partition, epoch)
    const givenHere = new Set<number>()
    for (const partition of target ?? []) {
      if (keptHere.has(partition)) continue
      // What it gives up itself right now is nobody else's.
      if (around.isFree(topicId, partition) || current.pendingRevocation.get(topicId)?.has(partition)) givenHere.add(partition)
      else waits = true
    }
    if (keptHere.size > 0) kept.set(topicId, keptHere)
    if (revokedHere.size > 0) revoked.set(topicId, revokedHere)
    if (givenHere.size > 0) given.set(topicId, givenHere)
  }
  return { kept, revoked, given, waits }
}

function merge(left: EpochedPartitions, right: EpochedPartitions): EpochedPartitions {
  const merged = new Map(left)
  for (const [topicId, epochs] of right) merged.set(topicId, new Map([...(merged.get(topicId) ?? []), ...epochs]))
  return merged
}

function sameAssignment(left: CurrentAssignment, right: CurrentAssignment): boolean {
  if (left === right) return true
  return (
    left.state === right.state &&
    left.epoch === right.epoch &&
    left.previousEpoch === right.previousEpoch &&
    sameEpochedPartitions(left.assigned, right.assigned) &&
    sameEpochedPartitions(left.pendingRevocation, right.pendingRevocation)
  )
}

/** All that is the member's. */
export function ownedPartitions({ assigned, pendingRevocation }: CurrentAssignment): EpochedPartitions {
  return merge(assigned, pendingRevocation)
}
