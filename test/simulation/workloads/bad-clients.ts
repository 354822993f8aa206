import { encodePacket } from '../../../src/mqtt/wire/encode.ts'
import type { StreamSocket } from '../../../src/runtime/network.ts'
import { KAFKA, MQTT } from '../addresses.ts'
import { NO_PROPERTIES } from '../mqtt-client.ts'
import type { World } from '../world.ts'

/** What `mqtt-settings.ts` allows from the connection to an accepted CONNECT. */
const CONNECT_TIMEOUT_MS = 10_000
/** Deadlines are looked at every half second; a goodbye takes its way. */
const SLACK_MS = 2_000
/** Until a client with half a frame gives up by itself. */
const PATIENCE_MS = 25_000
const BURST = 12

const CONNECT = encodePacket(
  {
    type: 'CONNECT',
    level: 5,
    cleanStart: true,
    keepAliveS: 60,
    clientId: 'storm',
    will: null,
    username: undefined,
    password: undefined,
    properties: NO_PROPERTIES,
  },
  5,
)
/** A request that says it has 1,000 bytes. */
const HALF_REQUEST = Buffer.from([0, 0, 3, 0xe8, 0, 3, 0, 9, 0, 0])

/** Connections that nobody needs: such that never complete a frame, bursts of them, storms of one client id. Everybody else goes on meanwhile. */
export class BadClient {
  readonly #world: World
  idle = false

  constructor(world: World) {
    this.#world = world
  }

  async run(): Promise<void> {
    const world = this.#world
    const { random } = world
    while (!world.stopping) {
      await world.sleep(random.below(4_000))
      switch (random.pick(['half a CONNECT', 'half a request', 'nothing', 'burst', 'storm'] as const)) {
        case 'half a CONNECT':
          await this.#waitForTheEnd(CONNECT.subarray(0, random.between(1, CONNECT.length - 1)))
          break
        case 'nothing':
          await this.#waitForTheEnd(Buffer.alloc(0))
          break
        case 'half a request':
          await this.#halfARequest()
          break
        case 'burst':
          await this.#burst()
          break
        case 'storm':
          await this.#storm()
          break
      }
    }
    this.idle = true
  }

  /** The broker closes what does not become a connection in time. */
  async #waitForTheEnd(bytes: Buffer): Promise<void> {
    const world = this.#world
    const socket = await this.#open(MQTT)
    if (socket === null) return
    world.count('connections without a CONNECT')
    if (bytes.length > 0) socket.write([bytes])
    const { broker } = world
    const beganMs = world.time.nowMs
    while (!isOver(socket) && world.time.nowMs - beganMs < PATIENCE_MS) await world.sleep(500)
    // A broker that was stopped for a while, and then was gone, proves nothing.
    const waitedMs = world.time.nowMs - Math.max(beganMs, broker.pausedUntilMs)
    if (!isOver(socket) && world.broker === broker && broker.alive && world.calmSinceMs <= beganMs && waitedMs > CONNECT_TIMEOUT_MS + SLACK_MS) {
      world.violate(`a connection without a CONNECT is open after ${Math.round(waitedMs)} ms`)
    }
    socket.destroy()
  }

  async #halfARequest(): Promise<void> {
    const { random } = this.#world
    const socket = await this.#open(KAFKA)
    if (socket === null) return
    socket.write([HALF_REQUEST.subarray(0, random.between(1, HALF_REQUEST.length))])
    await this.#world.sleep(random.below(6_000))
    if (random.chance(0.5)) socket.end()
    else socket.destroy()
  }

  /** Many at once, gone at once. */
  async #burst(): Promise<void> {
    const { random } = this.#world
    const sockets = await Promise.all(Array.from({ length: BURST }, () => this.#open(random.pick([MQTT, KAFKA]))))
    this.#world.count('bursts of connections')
    for (const socket of sockets) {
      if (random.chance(0.3)) await this.#world.sleep(random.below(50))
      if (random.chance(0.5)) socket?.end()
      else socket?.destroy()
    }
  }

  /** One client id again and again, each connection the end of the one before. */
  async #storm(): Promise<void> {
    const { random } = this.#world
    const sockets: (StreamSocket | null)[] = []
    for (let i = 0; i < BURST; i++) {
      const socket = await this.#open(MQTT)
      socket?.write([CONNECT])
      sockets.push(socket)
      await this.#world.sleep(random.below(20))
    }
    this.#world.count('storms of connections')
    await this.#world.sleep(random.below(1_000))
    for (const socket of sockets) socket?.destroy()
  }

  async #open(address: typeof MQTT): Promise<(StreamSocket & { readonly closed?: boolean }) | null> {
    const socket = await this.#world.clientNetwork.connect(address).catch(() => null)
    socket?.start({ onData: () => {}, onDrain: () => {}, onClose: () => {} })
    return socket
  }
}

function isOver(socket: { readonly closed?: boolean }): boolean {
  return socket.closed === true
}
