/** The clients of the crash test. Each goes on through every restart, and remembers what the broker acknowledged. */
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Consumer, Kafka, logLevel, type Producer } from 'kafkajs'
import mqtt, { type MqttClient } from 'mqtt'
import type { Address } from '../compat/lib/broker.ts'
import { Companion, until } from '../compat/lib/process.ts'
import { PYTHON } from '../compat/lib/toolchain.ts'

/** An acknowledged record: its key, its running number within the actor, and where the broker said it is, if it did. */
export interface Acknowledged {
  readonly key: string
  readonly n: number
  readonly at?: { readonly partition: number; readonly offset: number }
}

export interface Writer {
  readonly topic: string
  readonly acknowledged: Acknowledged[]
  /** Errors that no restart explains. */
  readonly failures: string[]
  /** Stops sending, and waits until what is in flight is acknowledged. */
  stop(): Promise<void>
}

export const newKafka = (bootstrap: string, clientId: string): Kafka =>
  new Kafka({
    clientId,
    brokers: [bootstrap],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 2000,
    requestTimeout: 10_000,
    retry: { initialRetryTime: 50, maxRetryTime: 300, retries: 500 },
  })

/** kafkajs, idempotent, acks=all, one request at a time. */
export async function kafkajsWriter(bootstrap: string, topic: string): Promise<Writer> {
  const producer: Producer = newKafka(bootstrap, 'crash-kafkajs').producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const acknowledged: Acknowledged[] = []
  const failures: string[] = []
  let running = true
  let n = 0
  const work = (async () => {
    while (running) {
      const partition = n % 4
      const first = n
      const messages = Array.from({ length: 5 }, () => ({ key: `k${partition}`, value: `k${partition}|${n++}|${'y'.repeat(n % 200)}`, partition }))
      try {
        const [metadata] = await producer.send({ topic, acks: -1, messages })
        const base = Number(metadata?.baseOffset)
        for (const [index, { key }] of messages.entries()) acknowledged.push({ key, n: first + index, at: { partition, offset: base + index } })
      } catch (error) {
        failures.push(String(error))
        running = false
      }
      await delay(5)
    }
  })()
  return {
    topic,
    acknowledged,
    failures,
    stop: async () => {
      running = false
      await work
      await producer.disconnect()
    },
  }
}

/** confluent-kafka in a process of its own, idempotent, five requests in flight. */
export function confluentWriter(bootstrap: string, topic: string): Writer {
  const script = fileURLToPath(new URL('produce_forever.py', import.meta.url))
  const process = new Companion(PYTHON, [script, bootstrap, topic])
  const acknowledged: Acknowledged[] = []
  const failures: string[] = []
  let read = 0
  const drain = () => {
    for (; read < process.lines.length; read++) {
      const [word, key = '', n, partition, offset] = process.lines[read]?.split(' ') ?? []
      if (word === 'ack') acknowledged.push({ key, n: Number(n), at: { partition: Number(partition), offset: Number(offset) } })
      else if (word === 'fail') failures.push(process.lines[read] ?? '')
    }
  }
  const timer = setInterval(drain, 20)
  return {
    topic,
    acknowledged,
    failures,
    stop: async () => {
      await process.stop('SIGTERM', 70_000)
      clearInterval(timer)
      drain()
      const done = process.lines.at(-1)
      if (!done?.startsWith('done ') || !done.endsWith(' 0')) failures.push(`the producer ended with "${done}" ${process.errors.slice(-5).join(' ')}`)
    },
  }
}

const sessionOptions = (address: Address, clientId: string, protocolVersion: 4 | 5) =>
  ({
    host: address.host,
    port: address.port,
    clientId,
    protocolVersion,
    clean: false,
    reconnectPeriod: 50,
    connectTimeout: 3000,
    ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {}),
  }) as const

/** MQTT.js with a persistent session, ten messages in flight, which it sends again after a reconnect. */
export async function mqttWriter(address: Address, topic: string, qos: 1 | 2, protocolVersion: 4 | 5): Promise<Writer> {
  const client = mqtt.connect(sessionOptions(address, `crash-writer-${topic}`, protocolVersion))
  client.on('error', () => undefined)
  await until('the connection of a publisher', () => client.connected)
  const acknowledged: Acknowledged[] = []
  const failures: string[] = []
  let running = true
  let n = 0
  let inFlight = 0
  const work = (async () => {
    while (running || inFlight > 0) {
      // Only while connected: what MQTT.js queues before a connection it may send ahead of what it repeats.
      if (running && inFlight < 10 && client.connected) {
        const key = `k${n % 4}`
        const own = n++
        inFlight += 1
        client.publish(`${topic}/${key}`, `${key}|${own}|z`, { qos }, (error) => {
          inFlight -= 1
          // A PUBREL repeated after its PUBCOMP was lost: MQTT 5 says 0x92 "is not an error during recovery", MQTT.js reports it as one.
          const released = qos === 2 && (error as { code?: number } | undefined)?.code === 0x92
          if (error && !released) failures.push(`${own}: ${error.message}`)
          else acknowledged.push({ key, n: own })
        })
      }
      await delay(2)
    }
  })()
  return {
    topic,
    acknowledged,
    failures,
    stop: async () => {
      running = false
      await work
      await client.endAsync()
    },
  }
}

/** What a reader saw: topic, key and number of each record, in its order. */
export interface Seen {
  readonly topic: string
  readonly key: string
  readonly n: number
}

export const parseSeen = (topic: string, value: string): Seen => {
  const [key = '', n] = value.split('|')
  return { topic, key, n: Number(n) }
}

export interface Reader {
  readonly seen: Seen[]
  readonly failures: string[]
  stop(): Promise<void>
}

/** Two kafkajs consumers of one group that commit what they have read. */
export async function groupReader(bootstrap: string, groupId: string, topics: string[]): Promise<Reader> {
  const seen: Seen[] = []
  const failures: string[] = []
  const members: Consumer[] = []
  for (const name of ['one', 'two']) {
    const consumer = newKafka(bootstrap, `crash-${name}`).consumer({
      groupId,
      sessionTimeout: 6000,
      heartbeatInterval: 300,
      maxWaitTimeInMs: 100,
      rebalanceTimeout: 6000,
    })
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (!payload.restart) failures.push(String(payload.error))
    })
    await consumer.connect()
    await consumer.subscribe({ topics, fromBeginning: true })
    await consumer.run({
      autoCommitInterval: 200,
      eachMessage: async ({ topic, message }) => {
        seen.push(parseSeen(topic, message.value?.toString() ?? ''))
      },
    })
    members.push(consumer)
  }
  return {
    seen,
    failures,
    stop: async () => {
      for (const consumer of members) await consumer.disconnect()
    },
  }
}

/** An MQTT 5 session that subscribes once, at the start, and comes back after each crash. */
export async function sessionReader(
  address: Address,
  filters: Record<string, 1 | 2>,
): Promise<Reader & { readonly client: MqttClient; readonly lostSessions: number }> {
  const client = mqtt.connect({ ...sessionOptions(address, 'crash-reader', 5), resubscribe: false })
  client.on('error', () => undefined)
  const seen: Seen[] = []
  let connects = 0
  let lostSessions = 0
  client.on('connect', (packet) => {
    if (connects++ > 0 && !packet.sessionPresent) lostSessions += 1
  })
  client.on('message', (topic, payload) => seen.push(parseSeen(topic.slice(0, topic.indexOf('/')), payload.toString())))
  await until('the connection of the subscriber', () => client.connected)
  for (const [filter, qos] of Object.entries(filters)) await client.subscribeAsync(filter, { qos })
  return {
    client,
    seen,
    failures: [],
    get lostSessions() {
      return lostSessions
    },
    stop: async () => {
      await client.endAsync()
    },
  }
}
