/**
 * Kafka Streams counts words exactly once. It is killed (-9), so is the broker, and at last its state directory is deleted: the counts then
 * come from its changelog, which the broker compacted meanwhile.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type Consumer, Kafka, logLevel } from 'kafkajs'
import { openPeer, type Peer, unique } from '../lib/broker.ts'
import { Companion, tail, until } from '../lib/process.ts'
import { javaMissing } from '../lib/toolchain.ts'
import { javaArgs } from './tools.ts'

const WORDS = 40
const WORDS_A_LINE = 10
const LINES = 300
const PATIENCE_MS = 90_000
/** It looks often for what is to be compacted, and for transactions that a killed program left open. */
const BUSY = ['--set', 'log.cleaner.backoff.ms=200', '--set', 'transaction.abort.timed.out.transaction.cleanup.interval.ms=100']

/** Words of a line, by its number: some are frequent, some rare. */
const wordsOf = (line: number): string[] => Array.from({ length: WORDS_A_LINE }, (_, i) => `word${((line * 7 + i) * (i + 3)) % WORDS}`)

describe('Kafka Streams', { skip: javaMissing() }, () => {
  test('an exactly-once word count survives kill -9 of program and broker, and the loss of its state', { timeout: 400_000 }, async (t) => {
    await using peer = await openPeer({ args: BUSY })
    if (peer.elytra === undefined) return t.skip('the broker is not ours to kill')
    const stateDir = await mkdtemp(join(tmpdir(), 'elytra-streams-'))
    const count = new WordCount(peer, stateDir)
    try {
      await count.open()
      count.startProgram()
      await count.feed()
      await count.updates(LINES * WORDS_A_LINE * 0.5, 'half of the words are counted')

      await count.killProgram()
      count.startProgram()
      await count.feed()
      await count.updates(LINES * WORDS_A_LINE * 1.5, 'the program goes on after kill -9')

      await peer.elytra.kill()
      await peer.elytra.start()
      await count.feed()
      await count.updates(LINES * WORDS_A_LINE * 3, 'it goes on after kill -9 of the broker')

      await count.changelogCompacted()
      await count.killProgram()
      await rm(stateDir, { recursive: true, force: true })
      count.startProgram()
      await count.feed()
      await count.updates(LINES * WORDS_A_LINE * 4, 'it goes on after the loss of its state')
      const { restored } = count
      assert.ok(restored >= WORDS && restored < (LINES * WORDS_A_LINE * 3) / 2, `a state of ${WORDS} words was restored from ${restored} records`)
      t.diagnostic(`${LINES * WORDS_A_LINE * 3} updates, restored from ${restored} records`)
      count.check()
    } finally {
      await count.close()
      await rm(stateDir, { recursive: true, force: true })
    }
  })
})

/** The program, what it is fed, and what it said. */
class WordCount {
  readonly #id = unique('streams')
  readonly #input = `${this.#id}-lines`
  readonly #output = `${this.#id}-counted`
  readonly #peer: Peer
  readonly #stateDir: string
  readonly #kafka: Kafka
  readonly #reader: Consumer
  /** The counts of each word, in the order of the output. */
  readonly #counts = new Map<string, number[]>()
  #program: Companion | undefined
  #fed = 0

  constructor(peer: Peer, stateDir: string) {
    this.#peer = peer
    this.#stateDir = stateDir
    this.#kafka = new Kafka({ brokers: [peer.kafka], clientId: 'feeder', logLevel: logLevel.NOTHING, retry: { retries: 50, maxRetryTime: 1_000 } })
    this.#reader = this.#kafka.consumer({ groupId: `${this.#id}-reader`, maxWaitTimeInMs: 100, retry: { retries: 50, maxRetryTime: 1_000 } })
  }

  async open(): Promise<void> {
    const admin = this.#kafka.admin()
    await admin.connect()
    const topics = [this.#input, this.#output].map((topic) => ({ topic, numPartitions: 2 }))
    await admin.createTopics({ topics, waitForLeaders: true })
    await admin.disconnect()
    // It reads what is committed alone.
    await this.#reader.subscribe({ topic: this.#output, fromBeginning: true })
    await this.#reader.run({
      autoCommitThreshold: 1_000_000,
      eachMessage: async ({ message }) => {
        const word = `${message.key}`
        const counts = this.#counts.get(word) ?? []
        counts.push(Number(`${message.value}`))
        this.#counts.set(word, counts)
      },
    })
  }

  startProgram(): void {
    const args = [this.#peer.kafka, this.#id, this.#stateDir, this.#input, this.#output]
    this.#program = new Companion('java', javaArgs('streams-4.3.1', 'StreamsWordCount', args))
  }

  async killProgram(): Promise<void> {
    await this.#program?.stop('SIGKILL')
  }

  get restored(): number {
    const lines = this.#program?.lines ?? []
    return lines.filter((line) => line.startsWith('restored ')).reduce((sum, line) => sum + Number(line.slice('restored '.length)), 0)
  }

  /** The next lines. */
  async feed(): Promise<void> {
    const producer = this.#kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    const from = this.#fed
    this.#fed += LINES
    const messages = Array.from({ length: LINES }, (_, i) => ({ key: `${i % 8}`, value: wordsOf(from + i).join(' ') }))
    for (let at = 0; at < LINES; at += 50) await producer.send({ topic: this.#input, messages: messages.slice(at, at + 50) })
    await producer.disconnect()
  }

  #read(): number {
    return [...this.#counts.values()].reduce((sum, counts) => sum + counts.length, 0)
  }

  updates(wanted: number, what: string): Promise<void> {
    const describe = () => `${this.#read()} of ${wanted}; ${this.#program?.lines.slice(-5).join(', ')}\n${tail(this.#program?.errors.join('\n') ?? '')}`
    return until(what, () => this.#read() >= wanted, { timeoutMs: PATIENCE_MS, everyMs: 50, describe })
  }

  /** Awaits that the changelog has fewer than half of the records that were written to it. */
  async changelogCompacted(): Promise<void> {
    let seen = 0
    const few = async () => {
      seen = await this.#countRecords(`${this.#id}-counts-changelog`)
      return seen < (LINES * WORDS_A_LINE * 3) / 2
    }
    await until('a compacted changelog', few, { timeoutMs: PATIENCE_MS, everyMs: 500, describe: () => `${seen} records` })
  }

  async #countRecords(topic: string): Promise<number> {
    const admin = this.#kafka.admin()
    await admin.connect()
    const ends = await admin.fetchTopicOffsets(topic)
    await admin.disconnect()
    const consumer = this.#kafka.consumer({ groupId: unique('changelog'), maxWaitTimeInMs: 50 })
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    let records = 0
    const reached = new Map<number, number>()
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: true,
      eachBatch: async ({ batch }) => {
        records += batch.messages.length
        reached.set(batch.partition, Number(batch.lastOffset()))
      },
    })
    // The last offset of a partition may be a marker, which is no message: what comes after is read too.
    const isDone = () => ends.every(({ partition, high }) => Number(high) === 0 || (reached.get(partition) ?? -1) >= Number(high) - 2)
    await until('the end of the changelog', isDone, { timeoutMs: 20_000, describe: () => JSON.stringify([ends, [...reached]]) })
    await consumer.disconnect()
    return records
  }

  /** Every word was counted 1, 2, 3, … up to how often it was fed, once each. */
  check(): void {
    const wanted = new Map<string, number>()
    for (let line = 0; line < this.#fed; line++) for (const word of wordsOf(line)) wanted.set(word, (wanted.get(word) ?? 0) + 1)
    const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1)
    assert.deepEqual([...this.#counts.keys()].sort(), [...wanted.keys()].sort())
    for (const [word, count] of wanted) assert.deepEqual(this.#counts.get(word), upTo(count), word)
  }

  async close(): Promise<void> {
    await this.killProgram()
    await this.#reader.disconnect()
  }
}
