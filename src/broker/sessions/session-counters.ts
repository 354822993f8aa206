/** What sessions count, for metrics and `$SYS`; each only rises. */
export class SessionCounters {
  /** Messages given to clients, every copy. */
  delivered = 0
  /** QoS 0 messages not given to a client whose socket was congested. */
  droppedQos0 = 0
  /** Messages larger than the client's maximum packet size, dropped as if sent [MQTT-3.1.2-25]. */
  droppedTooLarge = 0
  /** Messages whose expiry passed before they could be sent. */
  droppedExpired = 0
  /** Messages of rules with `store: false` for clients whose window was full. */
  droppedTransient = 0
  /** Records that retention deleted before a session had read them (some may not have matched its filters). */
  overtaken = 0
  /** Batches that are damaged, or too large when decompressed, and were left out. */
  unreadable = 0
  /** Positions beyond the log's end after an unclean start, moved back to it. */
  clamped = 0
}
