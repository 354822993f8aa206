import type { StoredMessage } from '../topics/mapping/record-to-message.ts'

/** Seconds a message may still live, rounded up; undefined where it has no expiry, 0 where it is over [MQTT-3.3.2-5]. */
export function expiryLeftS(stored: StoredMessage, nowMs: () => number): number | undefined {
  const expiryS = stored.message.properties?.messageExpiryS
  if (expiryS === undefined) return undefined
  const leftMs = stored.timestampMs + expiryS * 1000 - nowMs()
  // A record stamped in the future lives no longer than it was given.
  return Math.min(expiryS, Math.max(0, Math.ceil(leftMs / 1000)))
}
