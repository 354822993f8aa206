import { bytes, int16, int32, int64, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/** ExpireDelegationToken (key 40, KIP-48). 2 is flexible. */

export const ExpireDelegationTokenRequest = message(
  { key: 40, name: 'ExpireDelegationTokenRequest', versions: [1, 2], flexible: 2 },
  {
    hmac: bytes,
    /** Negative: at once, and for good. */
    expiryTimePeriodMs: int64,
  },
)
export type ExpireDelegationTokenRequest = Infer<typeof ExpireDelegationTokenRequest>

export const ExpireDelegationTokenResponse = message(
  { key: 40, name: 'ExpireDelegationTokenResponse', versions: [1, 2], flexible: 2 },
  {
    errorCode: int16,
    expiryTimestampMs: int64,
    throttleTimeMs: withDefault(int32, 0),
  },
)
export type ExpireDelegationTokenResponse = Infer<typeof ExpireDelegationTokenResponse>
