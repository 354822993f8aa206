import { scheduleFaults } from './faults.ts'
import { GroupModel } from './group-model.ts'
import { KafkaClient } from './kafka-client.ts'
import { LogModel } from './log-model.ts'
import { committedOffset, Member } from './workloads/group-member.ts'
import { Producer } from './workloads/kafka-producers.ts'
import { createTopic, Reader, readWhole } from './workloads/kafka-readers.ts'
import { Publisher } from './workloads/mqtt-publisher.ts'
import { RetainedWriter, readRetained } from './workloads/mqtt-retained.ts'
import { Subscriber } from './workloads/mqtt-subscriber.ts'
import { WillClient } from './workloads/mqtt-wills.ts'
import { TopicChurn } from './workloads/topic-churn.ts'
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
const KAFKA_TOPICS = ['events', 'orders', 'ledger']
const PARTITIONS = 2
/** Until the broker has noticed that the clients are gone. */
const LEAVING_MS = 30_000
const MAX_IDLE_TIMERS = 40
/** The pool's bound (world.ts), the journal's two, and a few that are open for one call. */
const MAX_OPEN_FILES = 30
/** From the last restart to the last check. */
const SETTLE_MS = 2_000

/** Written by MQTT clients: any QoS; retained; wills. */
const MQTT_TOPICS = { plain: 'mq', retained: 'kept', wills: 'wills' }
/** What is written there always waits for the disk. */
const ALWAYS_DURABLE = new Set(['ledger', MQTT_TOPICS.retained, MQTT_TOPICS.wills])
const ALL_TOPICS = [...KAFKA_TOPICS, ...Object.values(MQTT_TOPICS)]

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
  const cast = workloads(world, model)
  const { actors } = cast
  const faults = scheduleFaults(world, seconds * 1000)
  await time.run(seconds * 1000, ends)
  faults.end()
  world.stopping = true
  await time.run(time.nowMs + DRAIN_MS, () => ends() || actors.every((actor) => actor.idle))
  if (ends()) return
  for (const actor of actors) if (!actor.idle) world.violate(`${actor.name} has not finished ${DRAIN_MS / 1000} s after the last fault`)
  await waitFor(world, ends, () => restartForTheCheck(world))
  await waitFor(world, ends, () => verify(world, model, cast))
}

/** What survives is what the next start says. */
async function restartForTheCheck(world: World): Promise<void> {
  const how = world.random.pick(['stop', 'kill', 'power'] as const)
  if (how === 'stop') await world.stop()
  else world.crash(how)
  world.start()
  while (!world.up) await world.sleep(10)
}

async function verify(world: World, model: LogModel, { subscribers, retained, groups, members, churns }: Cast): Promise<void> {
  // Wills of clients that the last restart cut off are published first.
  await world.sleep(SETTLE_MS)
  for (const topic of ALL_TOPICS) {
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
  if (!(await readRetained(world, retained, MQTT_TOPICS.retained, { everyTopic: true }))) world.violate('at the end, nobody could subscribe')
  for (const member of members) member.stopped = true
  await verifyGroup(world, groups)
  const client = await KafkaClient.open(world)
  for (const churn of churns) await churn.check(client)
  client.close()
  for (const subscriber of subscribers) subscriber.closed = true
  await verifyNothingLeft(world)
}

/** Nobody is connected any more: what the broker held for clients is gone. */
async function verifyNothingLeft(world: World): Promise<void> {
  await world.sleep(LEAVING_MS)
  const { broker, disk, network } = world
  const sockets = network.socketsOf(broker).length
  if (sockets > 0) world.violate(`${sockets} connections are open, but no client is`)
  if (broker.timerCount > MAX_IDLE_TIMERS) world.violate(`${broker.timerCount} timers run in an idle broker`)
  if (disk.openFiles(broker) > MAX_OPEN_FILES) world.violate(`${disk.openFiles(broker)} files are open`)
}

async function verifyGroup(world: World, groups: readonly GroupModel[]): Promise<void> {
  const client = await KafkaClient.open(world)
  for (const group of groups) {
    for (const { topic, index } of GROUP_PARTITIONS) {
      const offset = await committedOffset(world, client, group.groupId, topic, index).catch(() => null)
      group.fetched(`${topic}-${index}`, offset ?? -1, group.committed(`${topic}-${index}`))
    }
  }
  client.close()
}

interface Actor {
  readonly name: string
  readonly idle: boolean
}

/** Everybody who takes part. */
interface Cast {
  readonly actors: Actor[]
  readonly subscribers: Subscriber[]
  readonly retained: RetainedWriter[]
  readonly groups: GroupModel[]
  readonly members: Member[]
  readonly churns: TopicChurn[]
}

function workloads(world: World, model: LogModel): Cast {
  const cast: Cast = { actors: [], subscribers: [], retained: [], groups: [], members: [], churns: [] }
  const setup = { name: 'set-up', idle: false }
  cast.actors.push(setup)
  const run = async (): Promise<void> => {
    for (const topic of ALL_TOPICS) await createTopic(world, topic, PARTITIONS)
    startKafka(world, model, cast)
    startMqtt(world, model, cast)
    startGroup(world, model, cast)
    for (const name of ['churn-0', 'churn-1']) {
      const churn = new TopicChurn(world, name)
      cast.churns.push(churn)
      cast.actors.push(actor(name, () => churn.idle))
      void churn.run()
    }
    setup.idle = true
  }
  void run()
  return cast
}

const PRODUCERS = [
  { topic: 'events', acks: -1, idempotent: true },
  { topic: 'events', acks: 0, idempotent: false },
  { topic: 'orders', acks: -1, idempotent: true },
  { topic: 'orders', acks: 1, idempotent: false },
  { topic: 'ledger', acks: -1, idempotent: true },
  { topic: 'ledger', acks: -1, idempotent: false },
] as const

function startKafka(world: World, model: LogModel, { actors }: Cast): void {
  PRODUCERS.forEach((kind, i) => {
    const producer = new Producer(world, model, { name: `p${i}`, partitions: PARTITIONS, ...kind })
    actors.push(actor(`producer p${i}`, () => producer.idle))
    void producer.run()
  })
  for (const topic of ALL_TOPICS) {
    for (let index = 0; index < PARTITIONS; index++) {
      const reader = new Reader(world, model, topic, index, { alwaysDurable: ALWAYS_DURABLE.has(topic) })
      actors.push(actor(`reader of ${topic}-${index}`, () => reader.done))
      void reader.run()
    }
  }
}

const SUBSCRIBERS = [
  { name: 's-at-most', level: 4, filter: 'mq/#', qos: 0, receiveMaximum: 100, clean: false },
  { name: 's-at-least', level: 4, filter: 'mq/#', qos: 1, receiveMaximum: 100, clean: false },
  { name: 's-exactly', level: 5, filter: 'mq/#', qos: 2, receiveMaximum: 5, clean: false },
  { name: 's-one', level: 5, filter: 'mq/a', qos: 2, receiveMaximum: 100, clean: false },
  { name: 's-clean', level: 5, filter: 'mq/#', qos: 2, receiveMaximum: 20, clean: true },
] as const

function startMqtt(world: World, model: LogModel, { actors, subscribers, retained }: Cast): void {
  for (const [i, level] of ([4, 5] as const).entries()) {
    const publisher = new Publisher(world, model, { name: `m${i}`, level, topic: MQTT_TOPICS.plain, keys: ['a', 'b', 'c/d'] })
    actors.push(actor(`publisher m${i}`, () => publisher.idle))
    void publisher.run()
  }
  for (const options of SUBSCRIBERS) {
    const subscriber = new Subscriber(world, model, options)
    subscribers.push(subscriber)
    actors.push(
      actor(
        `subscriber ${options.name}`,
        () => subscriber.missing() === null,
        () => `it was not given ${subscriber.missing()}`,
      ),
    )
    void subscriber.run()
  }
  for (const key of ['x', 'y']) {
    const writer = new RetainedWriter(world, model, MQTT_TOPICS.retained, key)
    retained.push(writer)
    actors.push(actor(writer.name, () => writer.idle))
    void writer.run()
  }
  void (async () => {
    while (!world.stopping) {
      await readRetained(world, retained, MQTT_TOPICS.retained, { everyTopic: false })
      await world.sleep(world.random.below(3_000))
    }
  })()
  for (const name of ['w0', 'w1']) {
    const client = new WillClient(world, model, MQTT_TOPICS.wills, name)
    actors.push(actor(`will of ${name}`, () => client.idle))
    void client.run()
  }
}

const GROUP_TOPICS = ['ledger', MQTT_TOPICS.wills]
const GROUP_PARTITIONS = GROUP_TOPICS.flatMap((topic) => Array.from({ length: PARTITIONS }, (_, index) => ({ topic, index })))

function startGroup(world: World, model: LogModel, { actors, groups, members }: Cast): void {
  const group = new GroupModel(world, 'readers')
  groups.push(group)
  for (const [i, instance] of [null, null, 'static-1'].entries()) {
    const member = new Member(world, group, { name: `member ${i}`, topics: GROUP_TOPICS, partitions: PARTITIONS, instance })
    members.push(member)
    void member.run()
  }
  // Everything that is there was read and committed by somebody.
  const behind = () => GROUP_PARTITIONS.find(({ topic, index }) => group.committed(`${topic}-${index}`) < model.of(topic, index).durableEnd)
  actors.push(
    actor(
      'group readers',
      () => behind() === undefined,
      () => `it is behind on ${JSON.stringify(behind())}`,
    ),
  )
}

function actor(name: string, isIdle: () => boolean, why: () => string = () => ''): Actor {
  return {
    get name() {
      return isIdle() ? name : `${name} ${why()}`
    },
    get idle() {
      return isIdle()
    },
  }
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
