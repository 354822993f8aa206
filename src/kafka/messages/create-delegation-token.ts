import { array, bytes, int16, int32, int64, nullable, since, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/** CreateDelegationToken (key 38, KIP-48). 2 is flexible; 3 has owners other than who asks (KIP-373). */

export const CreateDelegationTokenRequest = message(
  { key: 38, name: 'CreateDelegationTokenRequest', versions: [1, 3], flexible: 2 },
  {
    /** Null or empty: whoever asks. */
    ownerPrincipalType: since(3, nullable(string)),
    ownerPrincipalName: since(3, nullable(string)),
    renewers: array({
      principalType: string,
      principalName: string,
    }),
    /** -1: the broker's. */
    maxLifetimeMs: int64,
  },
)
export type CreateDelegationTokenRequest = Infer<typeof CreateDelegationTokenRequest>

export const CreateDelegationTokenResponse = message(
  { key: 38, name: 'CreateDelegationTokenResponse', versions: [1, 3], flexible: 2 },
  {
    errorCode: int16,
    principalType: string,
    principalName: string,
    tokenRequesterPrincipalType: since(3, string),
    tokenRequesterPrincipalName: since(3, string),
    issueTimestampMs: int64,
    expiryTimestampMs: int64,
    maxTimestampMs: int64,
    tokenId: string,
    hmac: bytes,
    throttleTimeMs: withDefault(int32, 0),
  },
)
export type CreateDelegationTokenResponse = Infer<typeof CreateDelegationTokenResponse>
