import { ERRORS } from '../../broker/errors.ts'
import type { Handler } from '../handler.ts'
import type { SaslHandshakeRequest, SaslHandshakeResponse } from '../messages/sasl-handshake.ts'
import { SASL_MECHANISMS } from '../sasl/authentication.ts'
import type { Input } from '../wire/message.ts'

/**
 * SaslHandshake (17): the client names its mechanism.
 *
 * v0: the tokens that follow are frames without a request header.
 * v1: the tokens follow in SaslAuthenticate requests (KIP-152).
 * A mechanism that is not offered gets 33 with the list, and the connection closes; a second handshake, or one on a
 * listener without SASL, gets 34 (rule 6). Re-authentication (KIP-368) is not offered: sessions have no lifetime.
 */
export const saslHandshake: Handler<SaslHandshakeRequest, Input<typeof SaslHandshakeResponse>> = (request, context) => {
  const { connection } = context
  switch (connection.authentication.begin(request.mechanism, context.version === 0)) {
    case 'accepted':
      return { errorCode: 0, mechanisms: SASL_MECHANISMS }
    case 'illegal':
      return { errorCode: ERRORS.illegalSaslState.kafka, mechanisms: [] }
    case 'unsupported':
      connection.closeAfterAnswer('SASL mechanism not offered')
      return { errorCode: ERRORS.unsupportedSaslMechanism.kafka, mechanisms: SASL_MECHANISMS }
  }
}
