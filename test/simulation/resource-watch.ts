import type { AppendGroup, LogStore } from '../../src/log/ports.ts'
import type { SimulatedSocket } from '../../src/testing/simulated-network.ts'
import type { World } from './world.ts'

/** Simulated time between two looks. */
const LOOK_EVERY_MS = 50
/** Keep alive, and one that waits for a fetch, a rebalance or an answer. */
const TIMERS_PER_CONNECTION = 2
/** Longer than the news of a vanished client takes, and than the grace of a connection that closes. */
const ABANDONED_MS = 6_000

/** What the broker may hold at once, with the bounds of `world.ts` and the clients of all workloads. */
export interface ResourceBounds {
  /** The pool of descriptors, the journal's two files, and a few that are open for one call. */
  readonly openFiles: number
  /** Running beside those of connections. */
  readonly timers: number
  /** Connections whose client's end is gone, and that the broker still holds although it ran for `ABANDONED_MS` since. */
  readonly abandonedConnections: number
  /** Waiting to be sent on one connection: its bound, and one answer. */
  readonly outputBytes: number
  /** Appended and not on disk: its bound, and what all connections had sent before they were stopped. */
  readonly unsyncedBytes: number
  // What the broker itself says of its caches and queues.
  readonly tailCacheBytes: number
  readonly indexCacheBytes: number
  /** Reads in line, for segments and for sessions that catch up: a few of each connection or session. */
  readonly waitingReads: number
  readonly waitingCatchUps: number
  /** Its bound, or the newest block alone: one batch as it was inflated. */
  readonly catchUpCacheBytes: number
  readonly routes: number
  readonly marks: number
  readonly retainedMessages: number
  readonly sessions: number
  readonly fetchSessions: number
  readonly fetchSessionPartitions: number
  readonly throttleBuckets: number
  readonly partialFrameBytes: number
  readonly fetchReservedBytes: number
}

export const RESOURCE_BOUNDS: ResourceBounds = {
  openFiles: 32,
  timers: 60,
  abandonedConnections: 0,
  outputBytes: 2 * 1_048_576,
  unsyncedBytes: 2 * 524_288,
  tailCacheBytes: 65_536,
  indexCacheBytes: 16_384,
  waitingReads: 200,
  waitingCatchUps: 200,
  catchUpCacheBytes: 1_048_576,
  routes: 8,
  marks: 64,
  retainedMessages: 60,
  sessions: 100,
  fetchSessions: 200,
  fetchSessionPartitions: 2_000,
  throttleBuckets: 20,
  partialFrameBytes: 4 * 1_048_576,
  fetchReservedBytes: 64 * 1_048_576,
}

const NAMES = Object.keys(RESOURCE_BOUNDS) as readonly (keyof ResourceBounds)[]

/** Looks all the time at what the broker holds, and remembers the most it saw. */
export class ResourceWatch {
  readonly most = Object.fromEntries(NAMES.map((name) => [name, 0])) as Record<keyof ResourceBounds, number>
  readonly #world: World
  /** Ends that the broker holds alone, with the looks at which it ran since. */
  #abandoned = new Map<SimulatedSocket, number>()
  #unsyncedBytes = 0

  constructor(world: World) {
    this.#world = world
    this.#next()
  }

  /** A new process of the broker begins with nothing; counts what it appends. */
  watchLog(log: LogStore): LogStore {
    this.#unsyncedBytes = 0
    const append = log.append.bind(log)
    const boot = this.#world.boots
    log.append = (group) => {
      const bytes = sizeOf(group)
      this.#unsyncedBytes += bytes
      this.#see('unsyncedBytes', this.#unsyncedBytes)
      append({
        batches: group.batches,
        state: group.state,
        durability: group.durability,
        onAssigned: (offsets) => group.onAssigned?.(offsets),
        onDone: (failure) => {
          if (boot === this.#world.boots) this.#unsyncedBytes -= bytes
          group.onDone(failure)
        },
      })
    }
    return log
  }

  #next(): void {
    this.#world.time.after(LOOK_EVERY_MS, null, () => {
      this.#look()
      this.#next()
    })
  }

  #look(): void {
    const { broker, disk, network, time } = this.#world
    if (!broker.alive || broker.pausedUntilMs > time.nowMs) return
    this.#see('openFiles', disk.openFiles(broker))
    const sockets = network.socketsOf(broker)
    // One that closes has told everybody, and waits for the last of them.
    if (this.#world.up) this.#see('timers', broker.timerCount - TIMERS_PER_CONNECTION * sockets.length)
    this.#see('abandonedConnections', this.#abandonedLong(sockets))
    for (const { bufferedBytes } of sockets) this.#see('outputBytes', bufferedBytes)
    for (const [name, value] of Object.entries(this.#world.server?.gauges() ?? {})) {
      if (name in RESOURCE_BOUNDS) this.#see(name as keyof ResourceBounds, value)
    }
  }

  #abandonedLong(sockets: readonly SimulatedSocket[]): number {
    const now = new Map<SimulatedSocket, number>()
    for (const socket of sockets) if (socket.peer?.closed ?? true) now.set(socket, (this.#abandoned.get(socket) ?? 0) + 1)
    this.#abandoned = now
    let long = 0
    for (const looks of now.values()) if (looks * LOOK_EVERY_MS > ABANDONED_MS) long++
    return long
  }

  #see(what: keyof ResourceBounds, value: number): void {
    if (value <= this.most[what]) return
    this.most[what] = value
    if (value > RESOURCE_BOUNDS[what]) this.#world.violate(`${what} of the broker: ${value}, the bound is ${RESOURCE_BOUNDS[what]}`)
  }
}

function sizeOf({ batches, state }: AppendGroup): number {
  let bytes = 0
  for (const batch of batches) bytes += batch.bytes.length
  for (const { key, value } of state) bytes += key.length + (value?.length ?? 0)
  return bytes
}
