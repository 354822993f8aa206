import type { SimulatedSocket } from '../../../src/testing/simulated-network.ts'
import { MqttConnection } from '../mqtt-client.ts'
import type { World } from '../world.ts'

const KEEP_ALIVE_TIMEOUT = 0x8d
const KEEP_ALIVE_S = 2
/** One and a half times [MQTT-3.1.2-22]. */
const ALLOWED_MS = KEEP_ALIVE_S * 1500
/** Deadlines are looked at every half second, and the last bytes may be under way when the client falls silent. */
const SLACK_MS = 1_500

/**
 * Clients with a short keep alive that fall silent or go on pinging: a silent one is dropped after one and a half times the interval, one
 * that the broker hears is not, whatever the clock on the wall says.
 */
export class KeepAliveClient {
  readonly #world: World
  readonly #name: string
  idle = false

  constructor(world: World, name: string) {
    this.#world = world
    this.#name = name
  }

  async run(): Promise<void> {
    const world = this.#world
    while (!world.stopping) {
      await world.sleep(world.random.below(500))
      // The client's own pings would be those of a well-behaved one: these here are sent by hand.
      const connection = await MqttConnection.open(world, {
        clientId: this.#name,
        level: 5,
        cleanStart: true,
        sessionExpiryS: 0,
        keepAliveS: KEEP_ALIVE_S,
        pings: false,
        will: null,
      })
      if (connection === null) continue
      const socket = connection.socket as SimulatedSocket
      const server = socket.peer
      if (server === null) continue
      connection.listen(
        (packet) => {
          if (packet.type === 'DISCONNECT' && packet.reason === KEEP_ALIVE_TIMEOUT) this.#judgeDrop(server)
        },
        () => {},
      )
      if (world.random.chance(0.6)) await this.#ping(connection)
      else await this.#keepSilent(connection, server)
      connection.drop()
    }
    this.idle = true
  }

  /** The broker must have heard nothing for long enough before it said so. */
  #judgeDrop(server: SimulatedSocket): void {
    const world = this.#world
    world.count('keep alives timed out')
    // It said so at some moment before now: a silence that is too short even now was so then.
    const silentMs = world.time.nowMs - server.lastDataMs
    if (silentMs < ALLOWED_MS) world.violate(`${this.#name} was dropped ${Math.round(silentMs)} ms after the broker heard of it; ${ALLOWED_MS} ms are allowed`)
  }

  async #ping(connection: MqttConnection): Promise<void> {
    const { random } = this.#world
    for (let i = random.below(8); i >= 0 && !connection.closed && !this.#world.stopping; i--) {
      connection.send({ type: 'PINGREQ' })
      // Now and then later than its interval, but within what is allowed.
      await this.#world.sleep(KEEP_ALIVE_S * random.between(300, 1_450))
    }
  }

  async #keepSilent(connection: MqttConnection, server: SimulatedSocket): Promise<void> {
    const world = this.#world
    const { broker } = world
    let pausedMs = broker.pausedUntilMs
    const beganMs = world.time.nowMs
    while (!connection.closed && !server.closed && !server.ending && world.broker === broker && broker.alive) {
      await world.sleep(200)
      pausedMs = Math.max(pausedMs, broker.pausedUntilMs)
      const silentMs = world.time.nowMs - Math.max(server.lastDataMs, beganMs, pausedMs)
      if (silentMs <= ALLOWED_MS + SLACK_MS) continue
      world.violate(`${this.#name} has said nothing for ${Math.round(silentMs)} ms and is still connected; its keep alive is ${KEEP_ALIVE_S} s`)
      return
    }
    world.count('silent clients dropped')
  }
}
