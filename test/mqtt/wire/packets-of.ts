import type { ProtocolLevel } from '../../../src/broker/sessions/ports.ts'
import { PacketParser } from '../../../src/mqtt/wire/packet-parser.ts'
import type { Packet } from '../../../src/mqtt/wire/packets.ts'
import type { Fault } from '../../../src/mqtt/wire/wire-reader.ts'

/** What a parser makes of bytes that come in these chunks. */
export function packetsOf(
  chunks: readonly Uint8Array[],
  options: { sender?: 'client' | 'server'; level?: ProtocolLevel | undefined; maximumPacketSize?: number } = {},
): { packets: Packet[]; fault: Fault | null; pendingBytes: number } {
  const parser = new PacketParser({ sender: options.sender ?? 'client', maximumPacketSize: options.maximumPacketSize ?? 2_000_000 })
  if (options.level !== undefined) parser.level = options.level
  const packets: Packet[] = []
  for (const chunk of chunks) {
    parser.feed(Buffer.from(chunk))
    for (let packet = parser.next(); packet !== null; packet = parser.next()) {
      if (packet.type === 'CONNECT') parser.level = packet.level
      packets.push(packet)
    }
  }
  return { packets, fault: parser.fault, pendingBytes: parser.pendingBytes }
}
