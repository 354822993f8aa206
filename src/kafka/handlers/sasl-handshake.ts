import { ERRORS } from '../../broker/errors.ts'
import type { Handler } from '../handler.ts'
import type { SaslHandshakeRequest, SaslHandshakeResponse } from '../messages/sasl-handshake.ts'
import type { Input } from '../wire/message.ts'

/**
 * SaslHandshake (17): the client names its mechanism.
 *
 * v0: the tokens that follow are frames without a request header.
 * v1: the tokens follow in SaslAuthenticate requests (KIP-152).
 * A mechanism that is not offered gets 33 with the list, and the connection closes; a handshake amid another, or one on a
 * listener without SASL, gets 34 (rule 6). Of a client that is known it begins the re-authentication (KIP-368).
 */
export const saslHandshake: Handler<SaslHandshakeRequest, Input<typeof SaslHandshakeResponse>> = (request, context) => {
  const { connection } = context
  switch (connection.authentication.begin(request.mechanism, context.version === 0)) {
    case 'accepted':
      return { errorCode: 0, mechanisms: connection.authentication.mechanisms }
    case 'illegal':
      return { errorCode: ERRORS.illegalSaslState.kafka, mechanisms: [] }
    case 'unsupported':
      connection.closeAfterAnswer('SASL mechanism not offered')
      return { errorCode: ERRORS.unsupportedSaslMechanism.kafka, mechanisms: connection.authentication.mechanisms }
  }
}
