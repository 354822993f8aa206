/** Settings of the transaction coordinator; names are Kafka's broker configs with the unit at the end, where Kafka has one. */
export interface TransactionSettings {
  /** `transaction.max.timeout.ms`: InitProducerId that asks for more is refused. */
  readonly maxTimeoutMs: number
  /** `transaction.abort.timed.out.transaction.cleanup.interval.ms`: how often transactions beyond their timeout are looked for. */
  readonly abortCheckIntervalMs: number
  /** `transactional.id.expiration.ms`: an id with nothing open that nobody used for so long is forgotten. */
  readonly idExpirationMs: number
  /** `transaction.remove.expired.transaction.cleanup.interval.ms`. */
  readonly expiryCheckIntervalMs: number
  /** Transactional ids of this broker; a new one beyond is refused with POLICY_VIOLATION. */
  readonly maxIds: number
  /** Offsets of one transaction, over all its groups; a group without any counts as one. TxnOffsetCommit and AddOffsetsToTxn beyond are refused with POLICY_VIOLATION. */
  readonly maxOffsets: number
}

export const DEFAULT_TRANSACTION_SETTINGS: TransactionSettings = {
  maxTimeoutMs: 900_000,
  abortCheckIntervalMs: 10_000,
  idExpirationMs: 604_800_000,
  expiryCheckIntervalMs: 3_600_000,
  maxIds: 100_000,
  maxOffsets: 100_000,
}
