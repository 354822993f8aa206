import { array, int8, int16, int32, nullable, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * DescribeUserScramCredentials (key 50): which SCRAM credentials users have (KIP-554). No users or null mean all. Mechanism 1 is
 * SCRAM-SHA-256, 2 SCRAM-SHA-512.
 */

export const DescribeUserScramCredentialsRequest = message(
  { key: 50, name: 'DescribeUserScramCredentialsRequest', versions: [0, 0], flexible: 0 },
  {
    users: nullable(
      array({
        name: string,
      }),
    ),
  },
)
export type DescribeUserScramCredentialsRequest = Infer<typeof DescribeUserScramCredentialsRequest>

export const DescribeUserScramCredentialsResponse = message(
  { key: 50, name: 'DescribeUserScramCredentialsResponse', versions: [0, 0], flexible: 0 },
  {
    throttleTimeMs: withDefault(int32, 0),
    errorCode: int16,
    errorMessage: nullable(string),
    results: array({
      user: string,
      errorCode: int16,
      errorMessage: nullable(string),
      credentialInfos: array({
        mechanism: int8,
        iterations: int32,
      }),
    }),
  },
)
export type DescribeUserScramCredentialsResponse = Infer<typeof DescribeUserScramCredentialsResponse>
