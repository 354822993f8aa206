import assert from 'node:assert/strict'
import type { ProtocolLevel } from '../../../src/broker/sessions/ports.ts'
import { encodePacket } from '../../../src/mqtt/wire/encode.ts'
import { PacketParser } from '../../../src/mqtt/wire/packet-parser.ts'
import type { Packet } from '../../../src/mqtt/wire/packets.ts'
import type { StreamSocket } from '../../../src/runtime/network.ts'
import { type BrokerStage, MQTT } from './broker-stage.ts'

/** An MQTT client that sends what it is told, and keeps what it sent and was given. */
export class MqttPeer {
  readonly sent: Buffer[] = []
  readonly received: Packet[] = []
  closed = false
  /** Called for what arrives. */
  onPacket: ((packet: Packet) => void) | null = null
  readonly #socket: StreamSocket
  readonly #level: ProtocolLevel

  private constructor(socket: StreamSocket, level: ProtocolLevel) {
    this.#socket = socket
    this.#level = level
    const parser = new PacketParser({ sender: 'server', maximumPacketSize: 64 * 1_048_576 })
    parser.level = level
    socket.start({
      onData: (chunk) => {
        parser.feed(chunk)
        for (let packet = parser.next(); packet !== null; packet = parser.next()) {
          this.received.push(packet)
          this.onPacket?.(packet)
        }
        // A mutated CONNECT may have made the broker speak another level.
        assert.ok(parser.fault === null || this.sent.length === 0 || this.onPacket === null, `the broker sent what is no MQTT: ${parser.fault?.message}`)
      },
      onDrain: () => {},
      onClose: () => {
        this.closed = true
      },
    })
  }

  static async open(stage: BrokerStage, level: ProtocolLevel): Promise<MqttPeer> {
    return new MqttPeer(await stage.connect(MQTT), level)
  }

  send(packet: Packet): void {
    this.write(encodePacket(packet, this.#level))
  }

  write(bytes: Buffer): void {
    this.sent.push(bytes)
    if (!this.closed) this.#socket.write([bytes])
  }

  close(): void {
    this.#socket.destroy()
    this.closed = true
  }
}
