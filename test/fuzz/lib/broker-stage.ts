import assert from 'node:assert/strict'
import { loadSettings, settingsOfObject } from '../../../src/config/load.ts'
import type { SettingsInput } from '../../../src/config/settings.ts'
import type { StreamSocket } from '../../../src/runtime/network.ts'
import { openServer, type Server } from '../../../src/server.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { simulatedCodecs } from '../../../src/testing/simulated-codecs.ts'
import { SimulatedNetwork } from '../../../src/testing/simulated-network.ts'
import { type SimulatedProcess, SimulatedTime } from '../../../src/testing/simulated-time.ts'
import { FuzzDisk } from './fuzz-disk.ts'

export const KAFKA = { host: '127.0.0.1', port: 9092 }
export const MQTT = { host: '127.0.0.1', port: 1883 }
/** What anything that is waited for may take, in simulated time. */
const MOST_WAIT_MS = 60_000
const STEP_MS = 5
/** What a decompressed batch may take in the broker here: bombs are larger. */
export const MOST_INFLATED_BYTES = 1_048_576
/** Timers of a broker that nobody talks to. */
const MOST_IDLE_TIMERS = 40

/** Whoever comes without a password may do everything, also once there are users. */
const SETTINGS: SettingsInput = {
  storage: 'file:fuzzed',
  'kafka.listeners': '127.0.0.1:9092',
  'mqtt.listeners': '127.0.0.1:1883',
  'insecure.listeners': '127.0.0.1:9092,127.0.0.1:1883',
}
const BOUNDS = {
  log: { journalFileBytes: 65_536, bypassBytes: 16_384, checkpointMs: 500, tailCacheBytes: 65_536, decompressedBytesMax: MOST_INFLATED_BYTES },
  sessions: { packetIdStep: 64, catchUpReadBytes: 8_192, maxInflatedBatchBytes: MOST_INFLATED_BYTES },
} as const

/** A whole broker in simulated time, for one run; whatever it throws or logs as an error is kept. */
export class BrokerStage {
  readonly time: SimulatedTime
  readonly broker: SimulatedProcess
  readonly clients: SimulatedProcess
  readonly wrong: string[] = []
  readonly #network: SimulatedNetwork
  #server: Server | null = null

  private constructor(random: SeededRandom) {
    const turns = random.fork()
    const wire = random.fork()
    this.time = new SimulatedTime({
      turnMs: () => turns.fraction() * 0.1,
      onCrash: (owner, error) => this.wrong.push(`${owner?.name ?? 'the harness'} threw ${error instanceof Error ? error.stack : String(error)}`),
    })
    this.broker = this.time.process('broker')
    this.clients = this.time.process('clients')
    this.#network = new SimulatedNetwork(this.time, { windowBytes: 65_536, latencyMs: () => 0.05 + wire.fraction() * 0.1, pieceBytes: () => 65_536 })
  }

  /** The same seed, the same broker: it gives the same ids to the same requests. */
  static async open(seed: number): Promise<BrokerStage> {
    const random = new SeededRandom(seed)
    const stage = new BrokerStage(random)
    const loaded = loadSettings(settingsOfObject(SETTINGS, 'fuzzing'))
    if ('problems' in loaded) throw new Error(loaded.problems.join('\n'))
    const error = (fields: object, message: string): void => {
      stage.wrong.push(`logged as an error: ${message} ${textOf(fields)}`)
    }
    const opening = openServer(
      loaded.settings,
      { debug: () => {}, info: () => {}, warn: () => {}, error },
      {
        clock: stage.broker,
        random: random.fork(),
        network: stage.#network.of(stage.broker),
        files: new FuzzDisk(),
        bounds: BOUNDS,
        ...simulatedCodecs(stage.time, stage.broker, random.fork()),
      },
    )
    stage.#server = await stage.wait(opening)
    return stage
  }

  connect(address: { host: string; port: number }): Promise<StreamSocket> {
    return this.wait(this.#network.of(this.clients).connect(address))
  }

  run(ms: number): Promise<void> {
    return this.time.run(this.time.nowMs + ms)
  }

  /** Runs until `promise` settles. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    let settled = false
    const mark = (): void => {
      settled = true
    }
    promise.then(mark, mark)
    const until = this.time.nowMs + MOST_WAIT_MS
    while (!settled && this.time.nowMs < until) await this.run(STEP_MS)
    assert.ok(settled, `nothing came within ${MOST_WAIT_MS} ms`)
    return promise
  }

  /** `connections`: the clients that are still there. What went wrong, then whether everything else is gone; ends the broker. */
  async finish(connections: number): Promise<void> {
    await this.run(20_000)
    assert.deepEqual(this.wrong, [])
    assert.equal(this.#network.socketsOf(this.broker).length, connections, 'connections that nobody holds any more')
    assert.ok(this.broker.timerCount <= MOST_IDLE_TIMERS, `${this.broker.timerCount} timers`)
    await this.wait((this.#server as Server).close())
    assert.deepEqual(this.wrong, [])
    assert.equal(this.#network.socketsOf(this.broker).length, 0, 'connections of a broker that closed')
    this.broker.kill()
  }
}

function textOf(fields: object): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${value instanceof Error ? value.stack : JSON.stringify(value)}`)
    .join(', ')
}
