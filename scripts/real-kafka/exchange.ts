import { connect } from 'node:net'
import type { InOfShape, OutOfShape, Shape } from '../../src/kafka/wire/fields.ts'
import { decodeResponse, encodeRequest, readFrameSize, SIZE_BYTES } from '../../src/kafka/wire/frame.ts'
import type { Message } from '../../src/kafka/wire/message.ts'

const TIMEOUT_MS = 10_000
const MAX_RESPONSE_BYTES = 64 << 20

/** One request and its answer over a connection of its own: the same question can be put to Kafka and to Elytra. */
export function exchange<Req extends Shape, Res extends Shape>(
  address: { readonly host: string; readonly port: number },
  request: Message<Req>,
  response: Message<Res>,
  version: number,
  value: InOfShape<Req>,
): Promise<OutOfShape<Res>> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0)
    const socket = connect(address, () => {
      for (const chunk of encodeRequest(request, version, { correlationId: 1, clientId: 'exchange' }, value)) socket.write(chunk)
    })
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`no answer to ${request.name} v${version} within ${TIMEOUT_MS} ms`)))
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`the connection was closed without an answer to ${request.name} v${version}`)))
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      if (received.length < SIZE_BYTES) return
      try {
        const size = readFrameSize(received, 0, MAX_RESPONSE_BYTES)
        if (received.length < SIZE_BYTES + size) return
        resolve(decodeResponse(response, version, received, SIZE_BYTES).value)
      } catch (error) {
        reject(error as Error)
      }
      socket.destroy()
    })
  })
}
