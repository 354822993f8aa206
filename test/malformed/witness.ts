/**
 * Clients that do nothing wrong while others do: a kafkajs producer and consumer and an MQTT.js publisher and subscriber send
 * to themselves all the time. What they sent must arrive, without a reconnect, and without a long pause.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import mqtt from 'mqtt'
import { type Peer, unique } from '../compat/lib/broker.ts'
import { until } from '../compat/lib/process.ts'

export interface Witness {
  /** Ends both and judges: everything sent arrived, once, in order, and no gap between arrivals was longer than `maxGapMs`. */
  end(maxGapMs: number): Promise<void>
}

const EVERY_MS = 50

export async function startWitness(peer: Peer): Promise<Witness> {
  const ends: ((maxGapMs: number) => Promise<void>)[] = []
  if (process.env.COMPAT_KAFKA !== undefined || peer.elytra) ends.push(await kafkaWitness(peer))
  if (process.env.COMPAT_MQTT !== undefined || peer.elytra) ends.push(await mqttWitness(peer))
  return {
    end: async (maxGapMs) => {
      for (const end of ends) await end(maxGapMs)
    },
  }
}

class Arrivals {
  readonly values: string[] = []
  longestGapMs = 0
  #last = performance.now()

  arrived(value: string): void {
    const now = performance.now()
    this.longestGapMs = Math.max(this.longestGapMs, now - this.#last)
    this.#last = now
    this.values.push(value)
  }
}

async function kafkaWitness(peer: Peer): Promise<(maxGapMs: number) => Promise<void>> {
  const kafka = new Kafka({ clientId: 'witness', brokers: [peer.kafka], logLevel: logLevel.NOTHING, retry: { retries: 0 } })
  const topic = unique('witness')
  const arrivals = new Arrivals()
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] })
  await admin.disconnect()
  const consumer = kafka.consumer({ groupId: unique('witness'), maxWaitTimeInMs: 100 })
  let crashes = 0
  consumer.on(consumer.events.CRASH, () => {
    crashes += 1
  })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => {
      arrivals.arrived(message.value?.toString() ?? '')
    },
  })
  const producer = kafka.producer({ retry: { retries: 0 } })
  await producer.connect()
  let sent = 0
  let running = true
  const work = (async () => {
    while (running) {
      await producer.send({ topic, messages: [{ value: `${sent}` }] })
      sent += 1
      await delay(EVERY_MS)
    }
  })()
  work.catch(() => undefined)
  await until('the first record of the witness', () => arrivals.values.length > 0)
  arrivals.longestGapMs = 0
  return async (maxGapMs) => {
    running = false
    await work
    await until('all records of the witness', () => arrivals.values.length >= sent, { describe: () => `${arrivals.values.length} of ${sent}` })
    await producer.disconnect()
    await consumer.disconnect()
    judge('kafkajs', arrivals, sent, maxGapMs)
    assert.equal(crashes, 0, 'the consumer of the witness never crashed')
  }
}

async function mqttWitness(peer: Peer): Promise<(maxGapMs: number) => Promise<void>> {
  const topic = `${unique('witness')}/k`
  const client = mqtt.connect({ host: peer.mqtt.host, port: peer.mqtt.port, protocolVersion: 5, reconnectPeriod: 0 })
  const arrivals = new Arrivals()
  let closed = false
  client.on('error', () => undefined)
  client.on('close', () => {
    closed = true
  })
  client.on('message', (_topic, payload) => arrivals.arrived(payload.toString()))
  await client.subscribeAsync(topic, { qos: 1 })
  let sent = 0
  let running = true
  const work = (async () => {
    while (running) {
      await client.publishAsync(topic, `${sent}`, { qos: 1 })
      sent += 1
      await delay(EVERY_MS)
    }
  })()
  work.catch(() => undefined)
  await until('the first message of the witness', () => arrivals.values.length > 0)
  arrivals.longestGapMs = 0
  return async (maxGapMs) => {
    running = false
    await work
    await until('all messages of the witness', () => arrivals.values.length >= sent, { describe: () => `${arrivals.values.length} of ${sent}` })
    assert.equal(closed, false, 'the connection of the witness was never closed')
    await client.endAsync()
    judge('MQTT.js', arrivals, sent, maxGapMs)
  }
}

function judge(name: string, arrivals: Arrivals, sent: number, maxGapMs: number): void {
  assert.deepEqual(
    arrivals.values,
    Array.from({ length: sent }, (_, n) => `${n}`),
    `${name} got what it sent`,
  )
  assert.ok(arrivals.longestGapMs <= maxGapMs, `${name}: ${Math.round(arrivals.longestGapMs)} ms between two arrivals`)
}

/** Resident memory of a process in MB (`VmRSS`), and its peak (`VmHWM`). */
export function memoryMb(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const field = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024
  return { now: field('VmRSS'), peak: field('VmHWM') }
}

/** After all the rubbish: the witness lost nothing, and an Elytra still runs and never took 300 MB. */
export async function assertUnharmed(peer: Peer, witness: Witness): Promise<void> {
  await witness.end(3000)
  if (peer.elytra) {
    assert.ok(peer.elytra.running, 'the broker still runs')
    const { peak } = memoryMb(peer.elytra.pid)
    console.log(`# peak ${Math.round(peak)} MB`)
    assert.ok(peak < 300, `peak ${peak} MB`)
  }
}
