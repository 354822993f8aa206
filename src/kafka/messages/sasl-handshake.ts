import { array, int16, string } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

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
