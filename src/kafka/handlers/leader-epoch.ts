import { ERRORS, type ErrorRow } from '../../broker/errors.ts'

/** KIP-320: what a client believes to be the leader epoch, -1 for no belief, against what it is; null where they agree. Fetch takes every negative one for none. */
export function leaderEpochFault(believed: number, actual: number): ErrorRow | null {
  if (believed === -1 || believed === actual) return null
  return believed < actual ? ERRORS.fencedLeaderEpoch : ERRORS.unknownLeaderEpoch
}
