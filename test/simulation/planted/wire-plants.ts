import { FrameReader } from '../../../src/kafka/frame-reader.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from '../../../src/kafka/messages/offset-commit.ts'
import { SyncGroupRequest, SyncGroupResponse } from '../../../src/kafka/messages/sync-group.ts'
import { decodeRequestStart, decodeResponse, encodeResponse } from '../../../src/kafka/wire/frame.ts'
import { encodePacket } from '../../../src/mqtt/wire/encode.ts'
import { PacketParser } from '../../../src/mqtt/wire/packet-parser.ts'
import type { Packet } from '../../../src/mqtt/wire/packets.ts'
import type { Network, StreamSocket } from '../../../src/runtime/network.ts'
import { KAFKA, MQTT } from '../addresses.ts'
import type { PlantedFault } from './planted-fault.ts'

const MAX_BYTES = 64 * 1024 * 1024
export const SIZE_BYTES = 4
const TAKEN_OVER = 0x8e

/** What may get lost or come too early on a connection. */
export const WIRE_PLANTS: Readonly<Record<string, PlantedFault>> = {
  'an answer to SyncGroup is never sent': {
    withinSeeds: 20,
    wrapNetwork: (network) => {
      let answers = 0
      return withAnswers(network, (frame, { key }) => (key === SyncGroupRequest.key && ++answers % 4 === 0 ? null : frame))
    },
  },
  'two members are given the same partitions': { withinSeeds: 20, wrapNetwork: giveTwice },
  'a commit that is refused is answered as if it were kept': {
    withinSeeds: 60,
    wrapNetwork: (network) =>
      withAnswers(network, (frame, { key, version, correlationId }) => {
        if (key !== OffsetCommitRequest.key) return frame
        const { value } = decodeResponse(OffsetCommitResponse, version, frame.subarray(SIZE_BYTES))
        const topics = value.topics.map((topic) => ({ ...topic, partitions: topic.partitions.map((partition) => ({ ...partition, errorCode: 0 })) }))
        return Buffer.concat(encodeResponse(OffsetCommitResponse, version, correlationId, { ...value, topics }))
      }),
  },
  'a packet id is used for two messages at once': {
    withinSeeds: 20,
    wrapNetwork: (network) =>
      withPackets(network, {
        incoming: () => {},
        outgoing: (packet) => (packet.type === 'PUBLISH' && packet.qos > 0 ? { ...packet, packetId: packet.packetId + (packet.packetId % 2) } : packet),
      }),
  },
  'PUBACK comes before the commit': {
    withinSeeds: 20,
    wrapNetwork: (network) =>
      withPackets(network, {
        incoming: (packet, { send }) => {
          if (packet.type === 'PUBLISH' && packet.qos === 1) send({ type: 'PUBACK', packetId: packet.packetId, reason: 0, properties: {} })
        },
        outgoing: (packet) => (packet.type === 'PUBACK' ? null : packet),
      }),
  },
  'a delivery counts as acknowledged when it is sent': {
    withinSeeds: 20,
    wrapNetwork: (network) =>
      withPackets(network, {
        incoming: () => {},
        outgoing: (packet, { receive }) => {
          if (packet.type === 'PUBLISH' && packet.qos === 1) receive({ type: 'PUBACK', packetId: packet.packetId, reason: 0, properties: {} })
          return packet
        },
      }),
  },
  'a session that is taken over keeps its old connection': {
    withinSeeds: 20,
    seconds: 20,
    wrapNetwork: (network) => {
      const takenOver = new Set<StreamSocket>()
      const clients = new Map<string, StreamSocket>()
      return withPackets(network, {
        incoming: (packet, { socket }) => {
          if (packet.type !== 'CONNECT') return
          const before = clients.get(packet.clientId)
          if (before !== undefined) takenOver.add(before)
          clients.set(packet.clientId, socket)
        },
        outgoing: (packet) => (packet.type === 'DISCONNECT' && packet.reason === TAKEN_OVER ? null : packet),
        mayClose: (socket) => !takenOver.has(socket),
      })
    },
  },
}

interface Tap {
  readonly incoming: (chunk: Buffer) => void
  readonly outgoing: (chunks: readonly Uint8Array[]) => readonly Uint8Array[]
  readonly mayClose?: () => boolean
}

/** Stands on every connection that the broker accepts on `port`. */
function withSockets(network: Network, port: number, tapOf: (socket: StreamSocket, events: { receive: (chunk: Buffer) => void }) => Tap): Network {
  return {
    connect: (address) => network.connect(address),
    listen: (address, onSocket) =>
      network.listen(address, (socket) => {
        if (address.port === port) tap(socket, tapOf)
        onSocket(socket)
      }),
  }
}

function tap(socket: StreamSocket, tapOf: (socket: StreamSocket, events: { receive: (chunk: Buffer) => void }) => Tap): void {
  const { start, write, end, destroy } = socket
  const owner = { receive: (_chunk: Buffer): void => {} }
  const plain = Object.create(socket, { write: { value: (chunks: readonly Uint8Array[]) => write.call(socket, chunks) } }) as StreamSocket
  const { incoming, outgoing, mayClose = () => true } = tapOf(plain, owner)
  socket.start = (events) => {
    owner.receive = (chunk) => events.onData(chunk)
    start.call(socket, {
      onDrain: () => events.onDrain(),
      onClose: (error) => events.onClose(error),
      onData: (chunk) => {
        incoming(Buffer.from(chunk))
        events.onData(chunk)
      },
    })
  }
  socket.write = (chunks) => write.call(socket, outgoing(chunks))
  socket.end = () => {
    if (mayClose()) end.call(socket)
  }
  socket.destroy = () => {
    if (mayClose()) destroy.call(socket)
  }
}

interface Asked {
  readonly key: number
  readonly version: number
  readonly correlationId: number
}

/** `change` is given each answer of the Kafka listener with its size in front; null: it is never sent. */
export function withAnswers(network: Network, change: (frame: Buffer, asked: Asked) => Buffer | null): Network {
  return withSockets(network, KAFKA.port, () => {
    const requests = new FrameReader(MAX_BYTES)
    const answers = new FrameReader(MAX_BYTES)
    const asked = new Map<number, Asked>()
    return {
      incoming: (chunk) =>
        requests.push(chunk, (frame) => {
          const { apiKey, apiVersion, correlationId } = decodeRequestStart(frame)
          asked.set(correlationId, { key: apiKey, version: apiVersion, correlationId })
        }),
      outgoing: (chunks) => {
        const changed: Buffer[] = []
        answers.push(Buffer.concat(chunks), (answer) => {
          const frame = Buffer.alloc(SIZE_BYTES + answer.length)
          frame.writeInt32BE(answer.length)
          frame.set(answer, SIZE_BYTES)
          const request = asked.get(answer.readInt32BE(0))
          const kept = request === undefined ? frame : change(frame, request)
          if (kept !== null) changed.push(kept)
        })
        return changed
      },
    }
  })
}

/** Who comes second is answered with what the first was given. */
function giveTwice(network: Network): Network {
  let given: Uint8Array = Buffer.alloc(0)
  return withAnswers(network, (frame, { key, version, correlationId }) => {
    if (key !== SyncGroupRequest.key) return frame
    const { value } = decodeResponse(SyncGroupResponse, version, frame.subarray(SIZE_BYTES))
    if (value.errorCode !== 0) return frame
    const assignment = given.length > 0 ? given : value.assignment
    given = given.length > 0 ? Buffer.alloc(0) : Buffer.from(value.assignment)
    return Buffer.concat(encodeResponse(SyncGroupResponse, version, correlationId, { ...value, assignment }))
  })
}

interface Ends {
  readonly socket: StreamSocket
  /** Past the broker, to the client. */
  readonly send: (packet: Packet) => void
  /** To the broker, as if the client had sent it. */
  readonly receive: (packet: Packet) => void
}

interface PacketTap {
  readonly incoming: (packet: Packet, ends: Ends) => void
  /** Null: it is never sent. */
  readonly outgoing: (packet: Packet, ends: Ends) => Packet | null
  readonly mayClose?: (socket: StreamSocket) => boolean
}

/** The same for the packets of the MQTT listener. */
export function withPackets(network: Network, { incoming, outgoing, mayClose }: PacketTap): Network {
  return withSockets(network, MQTT.port, (socket, owner) => {
    const fromClient = new PacketParser({ sender: 'client', maximumPacketSize: MAX_BYTES })
    const fromBroker = new PacketParser({ sender: 'server', maximumPacketSize: MAX_BYTES })
    let level: 4 | 5 = 4
    const ends: Ends = {
      socket,
      send: (packet) => socket.write([encodePacket(packet, level)]),
      receive: (packet) => queueMicrotask(() => owner.receive(encodePacket(packet, level))),
    }
    return {
      incoming: (chunk) => {
        for (const packet of packetsOf(fromClient, chunk)) {
          if (packet.type === 'CONNECT') {
            level = packet.level === 5 ? 5 : 4
            fromClient.level = level
            fromBroker.level = level
          }
          incoming(packet, ends)
        }
      },
      outgoing: (chunks) =>
        [...packetsOf(fromBroker, Buffer.concat(chunks))].flatMap((packet) => {
          const kept = outgoing(packet, ends)
          return kept === null ? [] : [encodePacket(kept, level)]
        }),
      ...(mayClose === undefined ? {} : { mayClose: () => mayClose(socket) }),
    }
  })
}

function* packetsOf(parser: PacketParser, chunk: Buffer): Generator<Packet> {
  parser.feed(chunk)
  for (let packet = parser.next(); packet !== null; packet = parser.next()) yield packet
}
