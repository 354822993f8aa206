/** kafkajs 2.2.4: transactions, and a history of them while the broker is killed. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import { systemRandom } from '../../../src/runtime/random.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { openPeer, type Peer, unique } from '../lib/broker.ts'
import { until } from '../lib/process.ts'

const SEED = Number(process.env.TEST_SEED ?? systemRandom.below(1_000_000))
const TRANSACTIONS = 60

const clientOf = ({ kafka }: Peer): Kafka =>
  new Kafka({ clientId: 'compat', brokers: [kafka], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 50, retries: 30, maxRetryTime: 500 } })

async function createTopic(kafka: Kafka): Promise<string> {
  const topic = unique('kafkajs-tx')
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 2 }] })
  await admin.disconnect()
  return topic
}

/** What read_committed, the default of kafkajs, is given up to `last`: values by partition. */
async function committed(kafka: Kafka, topic: string, last: readonly string[]): Promise<string[][]> {
  const got: string[][] = [[], []]
  const consumer = kafka.consumer({ groupId: unique('kafkajs-tx'), maxWaitTimeInMs: 200 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      got[partition]?.push(message.value?.toString() ?? '')
    },
  })
  await until('the last records', () => last.every((value, partition) => got[partition]?.includes(value)), { timeoutMs: 60_000 })
  await consumer.disconnect()
  return got
}

describe('kafkajs transactions', () => {
  test('committed ones are read, aborted ones are not', async () => {
    await using peer = await openPeer()
    const kafka = clientOf(peer)
    const topic = await createTopic(kafka)
    const producer = kafka.producer({ transactionalId: unique('tx'), idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    const wanted: string[][] = [[], []]
    for (let n = 0; n < 9; n++) {
      const transaction = await producer.transaction()
      const commits = n % 3 !== 1
      for (const partition of [0, 1]) {
        await transaction.send({ topic, messages: [{ value: `${n}`, partition }] })
        if (commits) wanted[partition]?.push(`${n}`)
      }
      await (commits ? transaction.commit() : transaction.abort())
    }
    await producer.disconnect()
    assert.deepEqual(await committed(kafka, topic, ['8', '8']), wanted)
  })

  test('a history of transactions with kill -9 in between', async (t) => {
    t.diagnostic(`TEST_SEED=${SEED}`)
    await using peer = await openPeer({ args: ['--set', 'transaction.abort.timed.out.transaction.cleanup.interval.ms=200'] })
    const { elytra } = peer
    if (elytra === undefined) {
      t.skip('the broker is not ours to kill')
      return
    }
    const random = new SeededRandom(SEED)
    const kafka = clientOf(peer)
    const topic = await createTopic(kafka)
    const transactionalId = unique('tx')
    const outcomes = new Map<string, 'committed' | 'aborted' | 'in doubt'>()
    const open = async () => {
      const producer = kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1, transactionTimeout: 5_000, retry: { retries: 3 } })
      await producer.connect()
      return producer
    }
    let producer = await open()
    for (let n = 0; n < TRANSACTIONS; n++) {
      const commits = n === TRANSACTIONS - 1 || random.chance(0.7)
      const killAt = n < TRANSACTIONS - 1 && random.chance(0.15) ? random.below(3) : -1
      const killed = async (step: number): Promise<void> => {
        if (step !== killAt) return
        await elytra.kill()
        await elytra.start()
      }
      const value = `${n}`
      outcomes.set(value, 'aborted')
      try {
        const transaction = await producer.transaction()
        for (const partition of [0, 1]) {
          await transaction.send({ topic, messages: [{ value, partition }] })
          await killed(partition)
        }
        if (commits) outcomes.set(value, 'in doubt')
        const ended = commits ? transaction.commit() : transaction.abort()
        await Promise.all([ended, killed(2)])
        if (commits) outcomes.set(value, 'committed')
      } catch (error) {
        // A new producer aborts what this one left open; what is in doubt stays in doubt.
        t.diagnostic(`${value}: ${String(error)}`)
        await producer.disconnect().catch(() => undefined)
        producer = await open()
        if (n === TRANSACTIONS - 1) throw error
      }
    }
    await producer.disconnect()
    const last = `${TRANSACTIONS - 1}`
    const got = await committed(kafka, topic, [last, last])
    assert.deepEqual(got[0], got[1], 'both partitions, or none')
    assert.deepEqual(
      got[0],
      [...new Set(got[0])].toSorted((a, b) => Number(a) - Number(b)),
      'in order, and once',
    )
    for (const [value, outcome] of outcomes) {
      if (outcome !== 'in doubt') assert.equal(got[0]?.includes(value), outcome === 'committed', `${value} was ${outcome}`)
    }
  })
})
