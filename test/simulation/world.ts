import { loadSettings, settingsOfObject } from '../../src/config/load.ts'
import type { SettingsInput } from '../../src/config/settings.ts'
import type { Network } from '../../src/runtime/network.ts'
import { openServer, type Server } from '../../src/server.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { simulatedCodecs } from '../../src/testing/simulated-codecs.ts'
import { SimulatedDisk } from '../../src/testing/simulated-disk.ts'
import { mountDisk } from '../../src/testing/simulated-files.ts'
import { SimulatedNetwork } from '../../src/testing/simulated-network.ts'
import { type SimulatedProcess, SimulatedTime } from '../../src/testing/simulated-time.ts'
import { Damage } from './damage.ts'
import { DiskWatch } from './disk-watch.ts'
import { SESSION_MS } from './ownership-model.ts'
import type { PlantedFault } from './planted/planted-fault.ts'
import { ResourceWatch } from './resource-watch.ts'
import { DELIVERY_LIMIT, LOCK_MS } from './share-model.ts'
import { watchTakeovers } from './takeover-watch.ts'
import { Trace, type TraceOptions } from './trace.ts'

/** Small enough that journals turn over, snapshots are taken and files are closed within a short run. */
const BOUNDS = {
  log: {
    journalFileBytes: 262_144,
    bypassBytes: 16_384,
    checkpointBytes: 65_536,
    checkpointMs: 500,
    unsyncedBytesMax: 524_288,
    tailCacheBytes: 65_536,
    openFilesMax: 24,
    indexCacheBytes: 16_384,
    stateSnapshotBytes: 32_768,
    cleanerBackoffMs: 300,
    cleanerDedupeBytes: 6_000,
  },
  sessions: {
    packetIdStep: 64,
    catchUpReadBytes: 8_192,
    maxPositionsBesideMark: 4,
    catchUpCacheBytes: 65_536,
    retainedGarbageRecords: 20,
    routeCacheTopics: 8,
  },
} as const

const SETTINGS: SettingsInput = {
  storage: 'file:simulated',
  'kafka.listeners': '127.0.0.1:9092,127.0.0.1:9094',
  'mqtt.listeners': '127.0.0.1:1883',
  'insecure.listeners': '127.0.0.1:9092,127.0.0.1:1883',
  'log.segment.bytes': 1_048_576,
  'log.retention.ms': -1,
  'log.retention.check.interval.ms': 2_000,
  'offsets.retention.check.interval.ms': 3_000,
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': 1_000,
  'group.consumer.session.timeout.ms': SESSION_MS,
  'group.share.session.timeout.ms': SESSION_MS,
  'group.share.min.session.timeout.ms': SESSION_MS,
  'group.share.record.lock.duration.ms': LOCK_MS,
  'group.share.min.record.lock.duration.ms': LOCK_MS,
  'group.share.delivery.count.limit': DELIVERY_LIMIT,
}

export interface WorldOptions extends TraceOptions {
  readonly planted: PlantedFault | null
  /** 0, or another run of the same seed: what clients do and how long things take is drawn anew, workloads and faults are not. */
  readonly variation: number
  /** Beside or instead of those that all runs have. */
  readonly settings: SettingsInput
}

export type CrashKind =
  /** kill -9: what was written stays in the page cache. */
  | 'kill'
  /** The machine goes down: what was not synced is lost or torn. */
  | 'power'

/** Of the connections whose bytes come one by one. */
const SPLIT_CONNECTIONS = 0.03

/** Something the broker did that it must not do. */
export class Violation extends Error {}

/** One broker, its disk, its network and its clients, all from one seed. */
export class World {
  readonly seed: number
  readonly random: SeededRandom
  readonly time: SimulatedTime
  readonly network: SimulatedNetwork
  readonly disk: SimulatedDisk
  /** Of bytes at rest. */
  readonly damage: Damage
  /** Where all clients run: they outlive every crash of the broker. */
  readonly clients: SimulatedProcess
  readonly clientNetwork: Network
  readonly violations: string[] = []
  /** Called after each crash, before the broker starts again. */
  readonly onCrash: ((kind: CrashKind) => void)[] = []
  /** The broker's process now, and how many there were. */
  broker: SimulatedProcess
  boots = 0
  server: Server | null = null
  /** True while faults may explain a refusal or a delay. */
  diskFails = false
  /** What each sync takes longer than usual: several faults may slow the disk down at once. */
  slowSyncMs = 0
  /** How often the disk began to fail. */
  diskFaults = 0
  /** Set for good by the tester at the end: actors finish what they began. */
  stopping = false
  readonly counts = new Map<string, number>()
  readonly recorded: Trace
  readonly resources: ResourceWatch
  /** Since when nothing has gone wrong: no fault, no start, no end of a process. What is asked on a connection made after it is answered. */
  calmSinceMs = 0
  readonly #planted: PlantedFault | null
  readonly #settings: SettingsInput
  readonly #boots: SeededRandom
  readonly #crashes: SeededRandom

  constructor(seed: number, { planted, variation, settings, ...trace }: WorldOptions) {
    this.#settings = { ...SETTINGS, ...settings }
    this.seed = seed
    this.#planted = planted
    this.recorded = new Trace(trace)
    const noise = new SeededRandom(seed).named(`variation ${variation}`)
    this.random = noise.named('clients')
    this.#boots = noise.named('boots')
    this.#crashes = noise.named('crashes')
    const turns = noise.named('turns')
    const wire = noise.named('wire')
    const diskTimes = noise.named('disk times')
    this.time = new SimulatedTime({
      turnMs: () => turns.fraction() * 0.3,
      onCrash: (owner, error) => this.violate(`${owner?.name ?? 'the harness'} threw ${error instanceof Error ? error.stack : String(error)}`),
    })
    const pieces = wire.pick([1, 7, 64, 1460, 65_536])
    this.network = new SimulatedNetwork(this.time, {
      windowBytes: 65_536,
      latencyMs: () => 0.05 + wire.fraction() * (wire.chance(0.02) ? 40 : 1),
      pieceBytes: () => (wire.chance(0.2) ? wire.between(1, pieces) : 65_536),
      splits: () => wire.chance(SPLIT_CONNECTIONS),
      onArrival: (to, bytes) => this.trace('net', to.id, bytes),
    })
    this.disk = new SimulatedDisk(noise.named('disk'), {
      latencyMs: () => 0.02 + diskTimes.fraction() * 0.2,
      syncMs: () => 0.1 + diskTimes.fraction() * (diskTimes.chance(0.05) ? 80 : 2) + this.slowSyncMs,
      syncFailure: 0,
      readFailure: 0,
      shortTransfer: 0,
      capacityBytes: Number.POSITIVE_INFINITY,
      lies: new Set(planted?.lies),
    })
    this.damage = new Damage(this.disk)
    this.disk.onChange = (what) => this.trace('disk', what)
    this.clients = this.time.process('clients')
    this.clientNetwork = watchTakeovers(this, this.network.of(this.clients))
    this.broker = this.time.process('broker-0')
    this.broker.kill()
    this.resources = new ResourceWatch(this)
  }

  /** The same world for one who takes part: with a random source of its own, so that what others draw changes nothing for it. Changes nothing here. */
  drawingFrom(name: string): World {
    const own = Object.create(this, { random: { value: this.random.named(name) } }) as World
    Object.freeze(own)
    return own
  }

  /** One line of the trace. */
  trace(what: string, detail: string, bytes?: Uint8Array): void {
    const line = `${this.time.nowMs.toFixed(3)} ${what} ${detail}`
    if (bytes === undefined) this.recorded.add(line)
    else this.recorded.addBytes(line, bytes)
  }

  violate(what: string): void {
    this.trace('VIOLATION', what)
    this.violations.push(`${(this.time.nowMs / 1000).toFixed(3)} s: ${what}`)
  }

  /** Something goes wrong now, or just did. */
  disturb(): void {
    this.calmSinceMs = this.time.nowMs
  }

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by)
  }

  get up(): boolean {
    return this.server !== null
  }

  /** Starts the broker on the disk as it is. Nothing is awaited: a crash may come in the middle of it. */
  start(): void {
    if (this.broker.alive) return
    this.boots++
    this.disturb()
    const process = this.time.process(`broker-${this.boots}`)
    this.broker = process
    this.server = null
    this.trace('start', process.name)
    const disk = new DiskWatch(this)
    this.#open(process).then(
      (server) => {
        if (!process.alive) return
        this.server = server
        this.disturb()
        this.trace('ready', process.name)
      },
      (error: Error) => this.#startFailed(process, error, disk.failed),
    )
  }

  #startFailed(process: SimulatedProcess, error: Error, diskFailed: boolean): void {
    if (!process.alive) return
    this.trace('start-failed', error.message)
    this.#end(process, () => 1)
    const restored = this.damage.restore(error.message)
    if (restored) this.count('damage that a start named')
    if (!diskFailed && !restored) {
      this.violate(`the broker does not start: ${error.message}`)
      return
    }
    this.time.after(500, null, () => this.start())
  }

  #open(process: SimulatedProcess): Promise<Server> {
    const loaded = loadSettings(settingsOfObject(this.#settings, 'simulation'))
    if ('problems' in loaded) throw new Error(loaded.problems.join('\n'))
    const say = (level: string) => (fields: object, message: string) => this.trace(`log-${level}`, `${message} ${JSON.stringify(fields)}`)
    const logger = { debug: () => {}, info: say('info'), warn: say('warn'), error: say('error') }
    const files = mountDisk(this.disk, this.time, process)
    const network = this.network.of(process)
    const planted = this.#planted
    return openServer(loaded.settings, logger, {
      clock: planted?.wrapClock?.(process) ?? process,
      random: this.#boots.fork(),
      network: planted?.wrapNetwork?.(network) ?? network,
      files: planted?.wrapFiles?.(files) ?? files,
      bounds: { ...BOUNDS, log: { ...BOUNDS.log, ...planted?.logBounds } },
      ...simulatedCodecs(this.time, process, this.#boots.fork()),
      wrapLog: (log) => {
        const watched = this.resources.watchLog(log)
        return planted?.wrapLog?.(watched, process) ?? watched
      },
    })
  }

  crash(kind: CrashKind): void {
    const { broker } = this
    if (!broker.alive) return
    this.trace('crash', `${kind}${this.server === null ? ' while starting' : ''}`)
    this.count(this.server === null ? `${kind} while starting` : kind)
    // A dead machine sends no resets: its peers notice late.
    this.#end(broker, () => (kind === 'kill' ? this.#crashes.fraction() : 1 + this.#crashes.fraction() * 3_000))
    if (kind === 'power') this.disk.powerLoss()
    for (const told of this.onCrash) told(kind)
  }

  /** SIGTERM; resolves when the broker has closed. */
  async stop(): Promise<void> {
    const { server, broker } = this
    if (server === null) return
    this.server = null
    this.trace('stop', broker.name)
    this.count('stop')
    await server.close()
    if (!broker.alive) return
    this.trace('stopped', broker.name)
    this.#end(broker, () => 0.1)
  }

  #end(process: SimulatedProcess, peersHearAfterMs: () => number): void {
    process.kill()
    this.time.forgetEnded()
    this.disturb()
    this.server = null
    this.network.processEnded(process, peersHearAfterMs)
  }

  sleep(ms: number): Promise<void> {
    return this.time.sleep(ms)
  }
}
