import type { LogModel } from '../log-model.ts'
import { MqttConnection } from '../mqtt-client.ts'
import type { World } from '../world.ts'
import { Outbox, type OutboxOptions } from './mqtt-outbox.ts'

export interface PublisherOptions extends OutboxOptions {
  readonly level: 4 | 5
}

/** A publisher with a session that outlives its connections; now and then it vanishes, or comes again while it is still connected. */
export class Publisher {
  readonly #world: World
  readonly #options: PublisherOptions
  readonly #outbox: Outbox
  #connection: MqttConnection | null = null
  /** The broker confirmed a session of this client. */
  #hasSession = false
  #finished = false

  constructor(world: World, model: LogModel, options: PublisherOptions) {
    this.#world = world
    this.#options = options
    this.#outbox = new Outbox(world, model, options)
  }

  get idle(): boolean {
    return this.#finished && this.#outbox.isEmpty
  }

  async run(): Promise<void> {
    const { random } = this.#world
    for (;;) {
      if (this.#world.stopping) this.#finished = true
      if (this.idle) break
      // Now and then a second connection while the first lives, with exchanges under way.
      if (this.#connection === null || this.#connection.closed || (!this.#finished && random.chance(0.003))) await this.#connect()
      if (this.#connection !== null && !this.#finished) for (let i = random.below(4); i >= 0; i--) this.#outbox.publish(this.#connection)
      await this.#world.sleep(random.chance(0.1) ? random.below(1_000) : random.below(100))
      if (random.chance(0.005)) this.#connection?.drop()
    }
    this.#connection?.leave()
  }

  async #connect(): Promise<void> {
    const world = this.#world
    const { name, level } = this.#options
    await world.sleep(world.random.below(200))
    const connection = await MqttConnection.open(world, { clientId: name, level, cleanStart: false, sessionExpiryS: 100_000, keepAliveS: 10, will: null })
    this.#connection = connection
    if (connection === null) return
    if (this.#hasSession && !connection.connack.sessionPresent) world.violate(`the session of ${name} was acknowledged and is gone`)
    this.#hasSession = true
    this.#outbox.resume(connection, connection.connack.sessionPresent ? 'same' : 'new')
    connection.listen(
      (packet) => {
        if (connection === this.#connection) this.#outbox.receive(connection, packet)
      },
      () => {},
    )
  }
}
