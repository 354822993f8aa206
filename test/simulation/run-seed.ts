import type { SettingsInput } from '../../src/config/settings.ts'
import { systemClock } from '../../src/runtime/system-clock.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { castOf } from './cast/index.ts'
import { drawFaults, type ScheduledFault, scheduleFaults } from './fault-schedule.ts'
import { LogModel } from './log-model.ts'
import type { PlantedFault } from './planted/planted-fault.ts'
import { RESOURCE_BOUNDS, type ResourceBounds } from './resource-watch.ts'
import { type Actor, actor, type KeptTopic, type Part, type Stage, type Workload } from './stage.ts'
import { createTopic, Reader, readWhole } from './workloads/kafka-readers.ts'
import { World } from './world.ts'

export interface RunOptions {
  /** Simulated seconds before everything is drained and checked. */
  readonly seconds?: number
  /** The names of the workloads; where absent the seed takes some. */
  readonly workloads?: readonly string[]
  /** What goes wrong; where absent the seed decides. */
  readonly faults?: readonly ScheduledFault[]
  /** Another run with the same workloads and faults: what clients do and how long things take is drawn anew (0). */
  readonly variation?: number
  /** Happenings after which the run ends whatever goes on; for looking at a failure's beginning. */
  readonly steps?: number
  /** Happenings after which the run counts as one that does not end, which is a violation. */
  readonly maxSteps?: number
  readonly planted?: PlantedFault | null
  /** Prints the trace while it runs. */
  readonly print?: boolean
  /** Keeps the whole trace in the result, not only its end. */
  readonly wholeTrace?: boolean
  /** Looks at what the last process holds when nobody is connected any more; takes a tenth of a second, and `--expose-gc`. */
  readonly measureHeap?: boolean
}

export interface RunResult {
  readonly seed: number
  readonly violations: readonly string[]
  readonly steps: number
  readonly simulatedMs: number
  readonly traceHash: string
  readonly trace: readonly string[]
  /** The workloads' names. */
  readonly cast: readonly string[]
  readonly faults: readonly ScheduledFault[]
  readonly counts: ReadonlyMap<string, number>
  /** What became free with the broker's last process; 0 where it was not asked for. */
  readonly brokerHeapBytes: number
  /** The most that any process of the broker held at once. */
  readonly most: Readonly<Record<keyof ResourceBounds, number>>
}

/** Happenings that no run needs: the busiest has a sixth of them. One that has more goes round in circles without time going on. */
const MAX_STEPS = 12_000_000
const MAX_STEPS_PER_SECOND = 400_000
/** How long the broker and its clients may take to finish what they began once nothing fails any more. */
const DRAIN_MS = 120_000
/** Between two looks whether they have. */
const IDLE_LOOK_MS = 20
/** Until the broker has noticed that the clients are gone. */
const LEAVING_MS = 30_000
const MAX_IDLE_TIMERS = 40
/** Caches with the bounds of `world.ts`, sessions, topics: whatever the history is. */
const MAX_IDLE_HEAP_BYTES = 4 * 1024 * 1024
const MAX_COLLECTIONS = 20
/** Between two collections: no change. */
const SMALL_BYTES = 65_536
/** From the last restart to the last check. */
const SETTLE_MS = 2_000

/** One run, decided by its seed: a time of faults, then peace, then the checks. */
export async function runSeed(seed: number, options: RunOptions = {}): Promise<RunResult> {
  const { seconds = 20, steps = Number.POSITIVE_INFINITY, planted = null, print = false, wholeTrace = false, variation = 0, measureHeap = false } = options
  const decided = new SeededRandom(seed)
  const cast = castOf(decided.named('cast'), options.workloads)
  const settings = Object.assign({}, ...[...cast.values()].map((workload) => workload.settings)) as SettingsInput
  const world = new World(seed, { planted, print, whole: wholeTrace, variation, settings })
  const model = new LogModel(world)
  const faults = options.faults ?? drawFaults(decided.named('faults'), seconds * 1000)
  const lastRestart = decided.named('last restart').pick(RESTARTS)
  world.trace('cast', [...cast.keys()].join(', '))
  const onRejection = (reason: unknown): void =>
    world.violate(`a promise was rejected and nobody noticed: ${reason instanceof Error ? reason.stack : String(reason)}`)
  process.on('unhandledRejection', onRejection)
  const { maxSteps = MAX_STEPS + seconds * MAX_STEPS_PER_SECOND } = options
  const ends = (): boolean => {
    if (world.time.steps > maxSteps && world.violations.length === 0) world.violate(`the run did not come to an end within ${maxSteps} happenings`)
    return world.violations.length > 0 || world.time.steps >= steps
  }
  try {
    await play(world, model, { cast, faults, seconds, lastRestart, ends })
  } finally {
    process.off('unhandledRejection', onRejection)
  }
  const brokerHeapBytes = await endBroker(world, measureHeap)
  if (brokerHeapBytes > MAX_IDLE_HEAP_BYTES) world.violate(`an idle broker holds ${brokerHeapBytes} bytes, the bound is ${MAX_IDLE_HEAP_BYTES}`)
  return {
    seed,
    violations: world.violations,
    steps: world.time.steps,
    simulatedMs: world.time.nowMs,
    traceHash: world.recorded.hash(),
    trace: world.recorded.lines,
    cast: [...cast.keys()],
    faults,
    counts: world.counts,
    brokerHeapBytes,
    most: world.resources.most,
  }
}

const RESTARTS = ['stop', 'kill', 'power'] as const
type Restart = (typeof RESTARTS)[number]

interface Play {
  readonly cast: ReadonlyMap<string, Workload>
  readonly faults: readonly ScheduledFault[]
  readonly seconds: number
  readonly lastRestart: Restart
  readonly ends: () => boolean
}

async function play(world: World, model: LogModel, { cast, faults, seconds, lastRestart, ends }: Play): Promise<void> {
  const { time } = world
  world.start()
  const actors: Actor[] = []
  const parts: Part[] = []
  void startAll({ world, model, actors }, cast, parts)
  const scheduled = scheduleFaults(world, faults)
  await time.run(seconds * 1000, ends)
  scheduled.end()
  world.stopping = true
  let lookAtMs = 0
  let busy: Actor | undefined
  const drained = (): boolean => {
    // Who waits for messages looks through all that were sent: now and then, and first whoever waited last time.
    if (time.nowMs < lookAtMs) return false
    lookAtMs = time.nowMs + IDLE_LOOK_MS
    if (busy === undefined || busy.idle) busy = actors.find(({ idle }) => !idle)
    return busy === undefined
  }
  await time.run(time.nowMs + DRAIN_MS, () => ends() || drained())
  if (ends()) return
  for (const { idle, name } of actors) if (!idle) world.violate(`${name} has not finished ${DRAIN_MS / 1000} s after the last fault`)
  await waitFor(world, ends, () => restartForTheCheck(world, lastRestart))
  await waitFor(world, ends, () => verify(world, model, keptTopics(cast), parts))
}

function keptTopics(cast: ReadonlyMap<string, Workload>): KeptTopic[] {
  return [...cast.values()].flatMap(({ topics }) => topics)
}

async function startAll(stage: Stage, cast: ReadonlyMap<string, Workload>, parts: Part[]): Promise<void> {
  const { world, model, actors } = stage
  let ready = false
  actors.push(actor('set-up', () => ready))
  for (const { name, partitions, configs } of keptTopics(cast)) await createTopic(world, name, partitions, configs)
  for (const { name, partitions, alwaysDurable } of keptTopics(cast)) {
    for (let index = 0; index < partitions; index++) {
      const reader = new Reader(world.drawingFrom(`reader of ${name}-${index}`), model, name, index, { alwaysDurable })
      actors.push(actor(`reader of ${name}-${index}`, () => reader.done))
      void reader.run()
    }
  }
  for (const [name, workload] of cast) parts.push(workload.start({ ...stage, world: world.drawingFrom(name) }))
  ready = true
}

/** What survives is what the next start says. */
async function restartForTheCheck(world: World, how: Restart): Promise<void> {
  if (how === 'stop') await world.stop()
  else world.crash(how)
  world.start()
  while (!world.up) await world.sleep(10)
}

async function verify(world: World, model: LogModel, topics: readonly KeptTopic[], parts: readonly Part[]): Promise<void> {
  // Wills of clients that the last restart cut off are published first.
  await world.sleep(SETTLE_MS)
  for (const { name, partitions } of topics) {
    const found: string[][] = []
    for (let index = 0; index < partitions; index++) {
      const records = await readWhole(world, name, index)
      if (records === null) return
      const values = records.map(({ value }) => value)
      model.verifyWhole(name, index, values)
      found.push(values)
    }
    model.verifyTopic(name, found)
  }
  for (const part of parts) await part.verify?.()
  for (const part of parts) part.close?.()
  await verifyNothingLeft(world)
}

/** Nobody is connected any more: what the broker held for clients is gone. */
async function verifyNothingLeft(world: World): Promise<void> {
  await world.sleep(LEAVING_MS)
  const { broker, disk, network } = world
  const sockets = network.socketsOf(broker).length
  if (sockets > 0) world.violate(`${sockets} connections are open, but no client is`)
  if (broker.timerCount > MAX_IDLE_TIMERS) world.violate(`${broker.timerCount} timers run in an idle broker`)
  if (disk.openFiles(broker) > RESOURCE_BOUNDS.openFiles) world.violate(`${disk.openFiles(broker)} files are open`)
}

/** Runs time until `work` has ended. */
async function waitFor(world: World, ends: () => boolean, work: () => Promise<void>): Promise<void> {
  if (ends()) return
  let done = false
  const finished = work().then(() => {
    done = true
  })
  await world.time.run(world.time.nowMs + DRAIN_MS, () => ends() || done)
  if (!done && !ends()) world.violate('the last check did not come to an end')
  if (done) await finished
}

/** Ends the last process; how much of the heap that freed. */
async function endBroker(world: World, measureHeap: boolean): Promise<number> {
  const before = measureHeap ? await heapBytes() : 0
  world.broker.kill()
  world.server = null
  world.time.forgetEnded()
  return measureHeap ? before - (await heapBytes()) : 0
}

/** When everything was given back; 0 where garbage cannot be collected on demand. */
async function heapBytes(): Promise<number> {
  const { gc } = globalThis
  if (gc === undefined) return 0
  // What lies outside of the heap is given back in a later turn, and buffers that it held by a later collection.
  let least = Number.POSITIVE_INFINITY
  for (let unchanged = 0, i = 0; unchanged < 3 && i < MAX_COLLECTIONS; i++) {
    gc()
    await new Promise<void>((resolve) => systemClock.endOfTurn(resolve))
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    unchanged = heapUsed + arrayBuffers < least - SMALL_BYTES ? 0 : unchanged + 1
    least = Math.min(least, heapUsed + arrayBuffers)
  }
  return least
}
