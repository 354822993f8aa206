import type { Delivery, ProtocolLevel, SessionClient } from '../../../../src/broker/sessions/ports.ts'

export interface Got {
  readonly topic: string
  readonly payload: string
  readonly qos: 0 | 1 | 2
  readonly packetId: number
  readonly dup: boolean
  readonly retain: boolean
  readonly ids: readonly number[]
  readonly expiryLeftS: number | undefined
  readonly delivery: Delivery
}

/** The socket's half of a session, as a list of what was sent. */
export class FakeClient implements SessionClient {
  level: ProtocolLevel = 5
  receiveMaximum = 1000
  maximumPacketSize = 2_000_000
  congested = false
  readonly got: Got[] = []
  readonly raw: Uint8Array[] = []
  readonly pubrels: number[] = []
  closed: { reason: number; message: string } | null = null
  /** Called with every PUBLISH. */
  onPublish: ((got: Got) => void) | null = null

  sendPublish(delivery: Delivery, packetId: number, dup: boolean): boolean {
    const { message, topic, qos, retain, subscriptionIds, expiryLeftS } = delivery
    if (message.payload.length > this.maximumPacketSize) return false
    const got = { topic, payload: Buffer.from(message.payload).toString(), qos, packetId, dup, retain, ids: subscriptionIds, expiryLeftS, delivery }
    this.got.push(got)
    this.onPublish?.(got)
    return true
  }

  sendPackets(bytes: Uint8Array): void {
    this.raw.push(bytes)
  }

  sendPubrel(packetId: number): void {
    this.pubrels.push(packetId)
  }

  close(reason: number, message: string): void {
    this.closed = { reason, message }
  }

  /** What came, as `topic=payload`. */
  get texts(): string[] {
    return this.got.map((got) => `${got.topic}=${got.payload}`)
  }
}
