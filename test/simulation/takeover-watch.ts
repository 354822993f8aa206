import { PacketParser } from '../../src/mqtt/wire/packet-parser.ts'
import type { Network, StreamSocket } from '../../src/runtime/network.ts'
import type { SimulatedSocket } from '../../src/testing/simulated-network.ts'
import { MQTT } from './addresses.ts'
import type { World } from './world.ts'

/** The client hears of it within this time when nothing goes wrong meanwhile: what went wrong before may delay it, or keep the client from reading. */
const SOON_MS = 9_000
/** And whatever goes wrong with connections, as long as the process lives. */
const LATEST_MS = 18_000
const MAX_PACKET_BYTES = 1_048_576
const CONNACK = 0x20
/** Of a CONNACK: type, length, flags, reason. */
const REASON_AT = 3

interface Client {
  readonly socket: SimulatedSocket
  readonly boots: number
}

/**
 * The network as clients see it, with an eye on who they are: once a second connection of a client id is accepted, the first one
 * ends [MQTT-3.1.4-3].
 */
export function watchTakeovers(world: World, network: Network): Network {
  const accepted = new Map<string, Client[]>()
  return {
    listen: (address, onSocket) => network.listen(address, onSocket),
    connect: async (address) => {
      const socket = await network.connect(address)
      if (address.port === MQTT.port)
        watch(socket as SimulatedSocket, (clientId) => onAccepted(clientId, { socket: socket as SimulatedSocket, boots: world.boots }))
      return socket
    },
  }

  function onAccepted(clientId: string, client: Client): void {
    const older = (accepted.get(clientId) ?? []).filter(({ socket, boots }) => !socket.closed && boots === client.boots)
    const acceptedAtMs = world.time.nowMs
    accepted.set(clientId, [...older, client])
    for (const { socket } of older) {
      world.time.after(SOON_MS, null, () => {
        if (world.calmSinceMs <= acceptedAtMs) mustBeClosed(clientId, socket, SOON_MS)
      })
      world.time.after(LATEST_MS, null, () => {
        if (world.boots === client.boots) mustBeClosed(clientId, socket, LATEST_MS)
      })
    }
  }

  function mustBeClosed(clientId: string, socket: SimulatedSocket, afterMs: number): void {
    if (!socket.closed && world.up) world.violate(`${clientId} was taken over ${afterMs / 1000} s ago, and its old connection is open`)
  }
}

/** Calls `onAccepted` with the client id of the CONNECT that was sent, when its CONNACK comes. */
function watch(socket: StreamSocket, onAccepted: (clientId: string) => void): void {
  const { start, write } = socket
  const parser = new PacketParser({ sender: 'client', maximumPacketSize: MAX_PACKET_BYTES })
  let clientId: string | null = null
  let head = Buffer.alloc(0)
  socket.write = (chunks) => {
    if (clientId === null) {
      for (const chunk of chunks) parser.feed(Buffer.from(chunk))
      const packet = parser.next()
      if (packet?.type === 'CONNECT') clientId = packet.clientId
    }
    return write.call(socket, chunks)
  }
  socket.start = (events) =>
    start.call(socket, {
      onDrain: () => events.onDrain(),
      onClose: (error) => events.onClose(error),
      onData: (chunk) => {
        if (head.length <= REASON_AT) {
          head = Buffer.concat([head, chunk])
          if (head.length > REASON_AT && head[0] === CONNACK && head[REASON_AT] === 0 && clientId !== null) onAccepted(clientId)
        }
        events.onData(chunk)
      },
    })
}
