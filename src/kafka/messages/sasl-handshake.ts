import { array, int16, string } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * SaslHandshake (key 17): chooses the mechanism. After version 0 the tokens follow as bare frames, after version 1 in
 * SaslAuthenticate (KIP-152). Never flexible.
 */

export const SaslHandshakeRequest = message(
  { key: 17, name: 'SaslHandshakeRequest', versions: [0, 1] },
  {
    mechanism: string,
  },
)
export type SaslHandshakeRequest = Infer<typeof SaslHandshakeRequest>

export const SaslHandshakeResponse = message(
  { key: 17, name: 'SaslHandshakeResponse', versions: [0, 1] },
  {
    errorCode: int16,
    mechanisms: array(string),
  },
)
export type SaslHandshakeResponse = Infer<typeof SaslHandshakeResponse>
