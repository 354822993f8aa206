import { bytes, int16, int32, int64, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/** RenewDelegationToken (key 39, KIP-48). 2 is flexible. */

export const RenewDelegationTokenRequest = message(
  { key: 39, name: 'RenewDelegationTokenRequest', versions: [1, 2], flexible: 2 },
  {
    hmac: bytes,
    /** -1: the broker's. */
    renewPeriodMs: int64,
  },
)
export type RenewDelegationTokenRequest = Infer<typeof RenewDelegationTokenRequest>

export const RenewDelegationTokenResponse = message(
  { key: 39, name: 'RenewDelegationTokenResponse', versions: [1, 2], flexible: 2 },
  {
    errorCode: int16,
    expiryTimestampMs: int64,
    throttleTimeMs: withDefault(int32, 0),
  },
)
export type RenewDelegationTokenResponse = Infer<typeof RenewDelegationTokenResponse>
