import { ERRORS } from '../../broker/errors.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { SaslAuthenticateRequest, SaslAuthenticateResponse } from '../messages/sasl-authenticate.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof SaslAuthenticateResponse>

const NOTHING = new Uint8Array(0)

/**
 * SaslAuthenticate (36): one token of the exchange that SaslHandshake began.
 *
 * A refusal is answered with 58 after `connection.failed.authentication.delay.ms`, then the connection closes; a token
 * after it succeeded, or without a handshake where no login is asked for, gets 34 (rule 6). `sessionLifetimeMs` (v1) says when the client must have
 * authenticated anew (KIP-368); 0: never.
 */
export const saslAuthenticate: Handler<SaslAuthenticateRequest, Response> = async (request, context) => {
  const step = await context.connection.authentication.step(request.authBytes)
  if (step === 'illegal') {
    const { kafka, message } = ERRORS.illegalSaslState
    return { errorCode: kafka, errorMessage: message, authBytes: NOTHING }
  }
  if (step.outcome !== 'failure') return { errorCode: 0, errorMessage: null, authBytes: step.challenge, sessionLifetimeMs: step.lifetimeMs ?? 0 }
  await failureDelay(context)
  context.connection.closeAfterAnswer('authentication failed')
  return { errorCode: ERRORS.saslAuthenticationFailed.kafka, errorMessage: step.message, authBytes: NOTHING }
}

/** Makes guessing slow. */
function failureDelay({ broker }: RequestContext): Promise<void> {
  return new Promise((resolve) => {
    broker.clock.after(broker.settings.failedAuthenticationDelayMs, resolve)
  })
}
