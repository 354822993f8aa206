import type { ClientConnection, KafkaBroker } from '../handler.ts'
import type { Chunks } from '../wire/chunk-writer.ts'

/**
 * A token that came as a frame of its own, after a handshake of version 0: the challenge goes back the same way, an int32
 * length and its bytes. There is no way to say why it failed: the connection closes after the delay.
 */
export async function answerBareToken(token: Uint8Array, connection: ClientConnection, broker: KafkaBroker): Promise<Chunks | null> {
  const step = await connection.authentication.step(token)
  if (step !== 'illegal' && step.outcome !== 'failure') return [frameOf(step.challenge)]
  await new Promise<void>((resolve) => {
    broker.clock.after(broker.settings.failedAuthenticationDelayMs, resolve)
  })
  connection.close('authentication failed')
  return null
}

function frameOf(token: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(4 + token.length)
  frame.writeInt32BE(token.length, 0)
  frame.set(token, 4)
  return frame
}
