import { bytes, int16, int64, nullable, since, string } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * SaslAuthenticate (key 36): one token of the SASL exchange (KIP-152). 1 tells how long the session lasts (KIP-368); 2 is flexible.
 */

export const SaslAuthenticateRequest = message(
  { key: 36, name: 'SaslAuthenticateRequest', versions: [0, 2], flexible: 2 },
  {
    authBytes: bytes,
  },
)
export type SaslAuthenticateRequest = Infer<typeof SaslAuthenticateRequest>

export const SaslAuthenticateResponse = message(
  { key: 36, name: 'SaslAuthenticateResponse', versions: [0, 2], flexible: 2 },
  {
    errorCode: int16,
    errorMessage: nullable(string),
    authBytes: bytes,
    sessionLifetimeMs: since(1, int64, 0),
  },
)
export type SaslAuthenticateResponse = Infer<typeof SaslAuthenticateResponse>
