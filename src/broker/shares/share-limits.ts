/** What a share partition is held to; asked anew at each use. */
export interface ShareLimits {
  /** A record that was delivered so often is archived when it comes back; Infinity: never. */
  readonly maxDeliveries: number
  /** Offsets between the start and the end, at most, but for the rest of a record batch. */
  readonly maxInFlight: number
  /** How long a member has a record, in milliseconds; Infinity: until it says so or is gone. */
  readonly lockMs: number
  /** Whether a member may ask for more time. */
  readonly mayRenew: boolean
}

/** Records that a member has now, and how often they were delivered with this time. */
export interface AcquiredRange {
  readonly first: number
  /** Inclusive. */
  readonly last: number
  readonly deliveryCount: number
}
