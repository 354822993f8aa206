import { scheduleFaults } from './faults.ts'
import { LogModel } from './log-model.ts'
import { Producer } from './workloads/kafka-producers.ts'
import { createTopic, Reader, readWhole } from './workloads/kafka-readers.ts'
import { type PlantedFault, World } from './world.ts'

export interface RunOptions {
  /** Simulated seconds before everything is drained and checked. */
  readonly seconds?: number
  /** Happenings after which the run ends whatever goes on; for looking at a failure's beginning. */
  readonly steps?: number
  readonly planted?: PlantedFault
  /** Prints the trace while it runs. */
  readonly print?: boolean
}

export interface RunResult {
  readonly seed: number
  readonly violations: readonly string[]
  readonly steps: number
  readonly simulatedMs: number
  readonly traceHash: string
  readonly traceTail: readonly string[]
  readonly counts: ReadonlyMap<string, number>
}

/** How long the broker and its clients may take to finish what they began once nothing fails any more. */
const DRAIN_MS = 120_000
/** What is produced to `ledger` always waits for the disk. */
const KAFKA_TOPICS = ['events', 'orders', 'ledger']
const PARTITIONS = 2

/** One run, decided by its seed: a time of faults, then peace, then the checks. */
export async function runSeed(
  seed: number,
  { seconds = 20, steps = Number.POSITIVE_INFINITY, planted = {}, print = false }: RunOptions = {},
): Promise<RunResult> {
  const world = new World(seed, planted, print)
  const model = new LogModel(world)
  const onRejection = (reason: unknown): void =>
    world.violate(`a promise was rejected and nobody noticed: ${reason instanceof Error ? reason.stack : String(reason)}`)
  process.on('unhandledRejection', onRejection)
  const ends = (): boolean => world.violations.length > 0 || world.time.steps >= steps
  try {
    await play(world, model, seconds, ends)
  } finally {
    process.off('unhandledRejection', onRejection)
    world.broker.kill()
  }
  return {
    seed,
    violations: world.violations,
    steps: world.time.steps,
    simulatedMs: world.time.nowMs,
    traceHash: world.traceHash(),
    traceTail: world.traceTail,
    counts: world.counts,
  }
}

async function play(world: World, model: LogModel, seconds: number, ends: () => boolean): Promise<void> {
  const { time } = world
  world.start()
  const actors = workloads(world, model)
  const faults = scheduleFaults(world, seconds * 1000)
  await time.run(seconds * 1000, ends)
  faults.end()
  world.stopping = true
  await time.run(time.nowMs + DRAIN_MS, () => ends() || actors.every((actor) => actor.idle))
  if (ends()) return
  for (const actor of actors) if (!actor.idle) world.violate(`${actor.name} has not finished ${DRAIN_MS / 1000} s after the last fault`)
  await waitFor(world, ends, restartForTheCheck(world))
  await waitFor(world, ends, verify(world, model))
}

/** What survives is what the next start says. */
async function restartForTheCheck(world: World): Promise<void> {
  const how = world.random.pick(['stop', 'kill', 'power'] as const)
  if (how === 'stop') await world.stop()
  else world.crash(how)
  world.start()
  while (!world.up) await world.sleep(10)
}

async function verify(world: World, model: LogModel): Promise<void> {
  for (const topic of KAFKA_TOPICS) {
    const partitions: string[][] = []
    for (let index = 0; index < PARTITIONS; index++) {
      const records = await readWhole(world, topic, index)
      if (records === null) return
      const values = records.map(({ value }) => value)
      model.verifyWhole(topic, index, values)
      partitions.push(values)
    }
    model.verifyTopic(topic, partitions)
  }
}

interface Actor {
  readonly name: string
  readonly idle: boolean
}

function workloads(world: World, model: LogModel): Actor[] {
  const actors: Actor[] = []
  const setup = { name: 'set-up', idle: false }
  actors.push(setup)
  const run = async (): Promise<void> => {
    for (const topic of KAFKA_TOPICS) await createTopic(world, topic, PARTITIONS)
    setup.idle = true
    const kinds = [
      { topic: 'events', acks: -1, idempotent: true },
      { topic: 'events', acks: 0, idempotent: false },
      { topic: 'orders', acks: -1, idempotent: true },
      { topic: 'orders', acks: 1, idempotent: false },
      { topic: 'ledger', acks: -1, idempotent: true },
      { topic: 'ledger', acks: -1, idempotent: false },
    ] as const
    kinds.forEach((kind, i) => {
      const producer = new Producer(world, model, { name: `p${i}`, partitions: PARTITIONS, ...kind })
      actors.push({
        name: `producer p${i}`,
        get idle() {
          return producer.idle
        },
      })
      void producer.run()
    })
    for (const topic of KAFKA_TOPICS) {
      for (let index = 0; index < PARTITIONS; index++) {
        const reader = new Reader(world, model, topic, index, { alwaysDurable: topic === 'ledger' })
        actors.push({
          name: `reader of ${topic}-${index}`,
          get idle() {
            return reader.done
          },
        })
        void reader.run()
      }
    }
  }
  void run()
  return actors
}

/** Runs time until `work` has ended. */
async function waitFor(world: World, ends: () => boolean, work: Promise<void>): Promise<void> {
  if (ends()) return
  let done = false
  const finished = work.then(() => {
    done = true
  })
  await world.time.run(world.time.nowMs + DRAIN_MS, () => ends() || done)
  if (!done && !ends()) world.violate('the last check did not come to an end')
  if (done) await finished
}
