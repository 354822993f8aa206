import { array, bytes, int16, int32, int64, nullable, since, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/** DescribeDelegationToken (key 41, KIP-48). 2 is flexible; 3 tells who asked for a token (KIP-373). */

export const DescribeDelegationTokenRequest = message(
  { key: 41, name: 'DescribeDelegationTokenRequest', versions: [1, 3], flexible: 2 },
  {
    /** Null: all; none: none. */
    owners: nullable(
      array({
        principalType: string,
        principalName: string,
      }),
    ),
  },
)
export type DescribeDelegationTokenRequest = Infer<typeof DescribeDelegationTokenRequest>

export const DescribeDelegationTokenResponse = message(
  { key: 41, name: 'DescribeDelegationTokenResponse', versions: [1, 3], flexible: 2 },
  {
    errorCode: int16,
    tokens: array({
      principalType: string,
      principalName: string,
      tokenRequesterPrincipalType: since(3, string),
      tokenRequesterPrincipalName: since(3, string),
      issueTimestamp: int64,
      expiryTimestamp: int64,
      maxTimestamp: int64,
      tokenId: string,
      hmac: bytes,
      renewers: array({
        principalType: string,
        principalName: string,
      }),
    }),
    throttleTimeMs: withDefault(int32, 0),
  },
)
export type DescribeDelegationTokenResponse = Infer<typeof DescribeDelegationTokenResponse>
