import assert from 'node:assert/strict'
import { test } from 'node:test'
import { filterMatches } from '../../../src/broker/sessions/topic-filter.ts'
import { type Chance, Reader, type SentMessage, Timeline, Writer } from './support/actors.ts'
import { TestBroker } from './support/broker.ts'

const RUNS = Number(process.env.ELYTRA_SESSION_RUNS ?? 25)
const STEPS = Number(process.env.ELYTRA_SESSION_STEPS ?? 250)
const TOPICS = ['t/0', 't/1', 't/2', 'u/0', 'v']

/** A small generator with a seed: the same seed, the same run. */
function generator(seed: number): Chance {
  let state = seed >>> 0
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound
  }
}

const firstSeed = Number(process.env.ELYTRA_SEED ?? Date.now() % 1_000_000)

test('drops, restarts, crashes and power cuts lose nothing acknowledged, repeat no QoS 2 and keep the order', async (t) => {
  t.diagnostic(`ELYTRA_SEED=${firstSeed}`)
  for (let run = 0; run < RUNS; run++) {
    const seed = firstSeed + run
    try {
      await simulate(seed)
    } catch (error) {
      t.diagnostic(`seed ${seed}`)
      throw new Error(`ELYTRA_SEED=${seed} ELYTRA_SESSION_RUNS=1`, { cause: error })
    }
  }
})

async function simulate(seed: number): Promise<void> {
  const chance = generator(seed)
  const settings = {
    catchUpReadBytes: 200 + chance(2000),
    catchUpCacheBytes: 1000 + chance(5000),
    catchUpRecordsPerTurn: 1 + chance(50),
    packetIdStep: 2 + chance(40),
    maxPositionsBesideMark: chance(4),
  }
  let broker = await TestBroker.open({ settings })
  const timeline = new Timeline()
  const readers = [
    new Reader('r0', '#', 2, timeline),
    new Reader('r1', 't/+', 1, timeline),
    new Reader('r2', 't/1', 2, timeline),
    new Reader('r3', '+/0', 0, timeline),
    new Reader('r4', '#', 1, timeline),
    new Reader('r5', '$replay/earliest/t/#', 2, timeline),
    new Reader('fickle1', 't/#', 2, timeline),
    new Reader('fickle2', '+/0', 1, timeline),
  ]
  const writers = [new Writer('w0', timeline), new Writer('w1', timeline), new Writer('w2', timeline)]
  const actors = [...readers, ...writers]
  for (const reader of readers) reader.connect(broker, 1 + chance(6))
  await broker.clock.settle()
  broker.log.auto = false
  for (let step = 0; step < STEPS; step++) {
    const what = chance(100)
    if (what < 30) writers[chance(3)]?.publish(TOPICS[chance(TOPICS.length)] as string, chance(3) as 0 | 1 | 2, chance(8) === 0)
    else if (what < 55) readers[chance(readers.length)]?.read(1 + chance(6), chance)
    else if (what < 70) broker.log.commit()
    else if (what < 80) await broker.clock.settle()
    else if (what < 82) await broker.clock.advance(chance(1500))
    else if (what < 84) readers[readers.length - 1 - chance(2)]?.toggle()
    else if (what < 88) actors[chance(actors.length)]?.lose(true)
    else if (what < 96) connectOne(broker, actors[chance(actors.length)], chance)
    else if (what < 97) {
      const reader = readers[chance(readers.length)] as Reader
      if (reader.congested) reader.drain()
      else reader.congested = true
    } else if (what < 99) {
      broker = await broker.crash(chance(2) === 0)
      for (const actor of actors) actor.lose(false)
      broker.log.auto = false
    } else {
      for (const actor of actors) actor.lose(true)
      broker = await broker.restart()
      broker.log.auto = false
    }
  }
  await finish(broker, readers, writers, chance)
  for (const reader of readers) check(reader, writers)
  await checkRetained(broker, writers)
}

function connectOne(broker: TestBroker, actor: Reader | Writer | undefined, chance: Chance): void {
  if (actor === undefined || actor.connected) return
  actor.connect(broker, 1 + chance(6))
}

/** Everybody comes back and reads to the end. */
async function finish(broker: TestBroker, readers: Reader[], writers: Writer[], chance: Chance): Promise<void> {
  broker.log.auto = true
  broker.log.commit()
  await broker.clock.settle()
  for (const actor of [...readers, ...writers]) connectOne(broker, actor, chance)
  for (let idle = 0; idle < 3; ) {
    await broker.clock.settle()
    const quiet = readers.every((reader) => reader.isIdle) && writers.every((writer) => writer.isIdle)
    for (const reader of readers) {
      reader.drain()
      reader.read(100, chance)
    }
    idle = quiet ? idle + 1 : 0
  }
}

function check(reader: Reader, writers: readonly Writer[]): void {
  const counts = new Map<string, number>()
  for (const { text } of reader.received) counts.set(text, (counts.get(text) ?? 0) + 1)
  const filter = reader.filter.replace('$replay/earliest/', '')
  const known = new Set<string>()
  for (const writer of writers) {
    for (const sent of writer.sent) {
      const { topic, text, qos } = sent
      known.add(text)
      const count = counts.get(text) ?? 0
      const due = filterMatches(filter, topic) ? dueOf(reader, sent) : 'never'
      if (due === 'never') assert.equal(count, 0, `${reader.id} got "${text}" without a subscription`)
      const effective = Math.min(qos, reader.qos)
      if (effective >= 1 && due === 'surely') assert.ok(count >= 1, `${reader.id} never got "${text}"`)
      if (effective === 2) assert.ok(count <= 1, `${reader.id} got "${text}" ${count} times`)
      // A QoS 0 message is in a replay's history too, and read again where a crash took the position.
      if (qos === 0 && reader.filter === filter) assert.ok(count <= 1, `${reader.id} got QoS 0 "${text}" ${count} times`)
    }
  }
  for (const text of counts.keys()) assert.ok(known.has(text), `${reader.id} got "${text}", which nobody sent`)
  // Who subscribes between a message and its repetition may get the repetition after what followed the message.
  const repeated = new Set(writers.flatMap((writer) => writer.sent.filter((sent) => sent.lastAt !== sent.firstAt).map((sent) => sent.text)))
  checkOrder(reader, reader.intervals.length > 1 ? repeated : new Set())
}

/** Whether a message that matches must have come, may have come, or must not. */
function dueOf(reader: Reader, { firstAt, acknowledgedAt }: SentMessage): 'surely' | 'perhaps' | 'never' {
  // A replay of everything has no time before it.
  if (reader.filter.startsWith('$replay')) return acknowledgedAt === Number.POSITIVE_INFINITY ? 'perhaps' : 'surely'
  const acknowledged = acknowledgedAt !== Number.POSITIVE_INFINITY
  // What was not sent yet when the subscription ended need not come [MQTT-3.10.4-3].
  if (acknowledged && reader.intervals.some(({ onAt, offAt }) => onAt < firstAt && offAt === Number.POSITIVE_INFINITY)) return 'surely'
  return reader.intervals.some(({ askedAt, goneAt }) => askedAt < acknowledgedAt && firstAt < goneAt) ? 'perhaps' : 'never'
}

/** First receptions of one publisher's messages of one topic and QoS are in the order they were sent [MQTT-4.6.0-5]. */
function checkOrder(reader: Reader, excused: ReadonlySet<string>): void {
  const last = new Map<string, number>()
  const seen = new Set<string>()
  for (const { text } of reader.received) {
    if (seen.has(text) || excused.has(text)) continue
    seen.add(text)
    const at = text.lastIndexOf(' ')
    const stream = text.slice(0, at)
    const number = Number(text.slice(at + 1))
    assert.ok(number > (last.get(stream) ?? -1), `${reader.id} got "${text}" after ${last.get(stream)}`)
    last.set(stream, number)
  }
}

/** The last one wins: nothing acknowledged was sent after the last sending of what is retained. */
async function checkRetained(broker: TestBroker, writers: readonly Writer[]): Promise<void> {
  const fresh = await broker.connect('fresh', { sessionExpiryS: 0 })
  await fresh.subscribe('#', 0)
  const got = new Map(fresh.client.got.map((each) => [each.topic, each.payload]))
  for (const topic of TOPICS) {
    const value = got.get(topic)
    for (const writer of writers) {
      const own = writer.sent.filter((each) => each.retain && each.topic === topic)
      const acknowledged = own.filter((each) => each.acknowledgedAt !== Number.POSITIVE_INFINITY && each.qos > 0)
      if (acknowledged.length > 0) assert.ok(value !== undefined, `nothing is retained under ${topic}`)
      const retained = own.find((each) => each.text === value)
      const newer = retained === undefined ? undefined : acknowledged.find((each) => each.firstAt > retained.lastAt)
      assert.ok(newer === undefined, `${topic} retains "${value}", though "${newer?.text}" was acknowledged after it`)
    }
  }
}
