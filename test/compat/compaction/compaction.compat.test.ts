/** A compacted topic through other people's clients: what it takes, and that each of them reads it to its end. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { CompressionTypes, Kafka, logLevel } from 'kafkajs'
import { tool } from '../java/tools.ts'
import { openPeer, type Peer, unique } from '../lib/broker.ts'
import { runOk, until } from '../lib/process.ts'
import { javaMissing, PYTHON, programsMissing, pythonMissing } from '../lib/toolchain.ts'

const KEYS = 7
const ROUNDS = 40
/** Segments are closed by age: each round begins one. */
const SEGMENT_MS = 20

describe('compaction', { skip: programsMissing('kcat') }, () => {
  let peer: Peer
  let kafka: Kafka
  const topic = unique('table')
  /** `offset key=value` of what must be there: the last of each key, and what lies in the segment that is written to. */
  const last = new Map<string, string>()

  before(async () => {
    process.env.ELYTRA_LOG_CLEANER_BACKOFF_MS = '200'
    peer = await openPeer()
    kafka = new Kafka({ brokers: [peer.kafka], logLevel: logLevel.NOTHING })
    const admin = kafka.admin()
    await admin.connect()
    const configs = { 'cleanup.policy': 'compact', 'segment.ms': `${SEGMENT_MS}`, 'min.cleanable.dirty.ratio': '0.01' }
    const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
    await admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }] })
    await admin.disconnect()
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    const base = Date.now()
    for (let round = 0; round < ROUNDS; round++) {
      const messages = Array.from({ length: KEYS }, (_, n) => {
        const value = (n + round) % 5 === 0 ? null : `${round} ${'x'.repeat(round % 30)}`
        return { key: n === round % KEYS && round % 4 !== 3 ? `once ${round}` : `k${n}`, value, timestamp: `${base + round * 2 * SEGMENT_MS}` }
      })
      const compression = round % 3 === 0 ? CompressionTypes.GZIP : CompressionTypes.None
      const [result] = await producer.send({ topic, messages, compression })
      for (const [n, { key, value }] of messages.entries()) last.set(key, `${Number(result?.baseOffset) + n} ${key}=${value ?? 'null'}`)
    }
    await producer.disconnect()
  })
  after(async () => {
    delete process.env.ELYTRA_LOG_CLEANER_BACKOFF_MS
    await peer?.close()
  })

  const kcat = async (): Promise<string[]> => {
    const format = ['-f', '%o %k=%s\n', '-Z', '-e', '-q', '-o', 'beginning']
    const { stdout } = await runOk('kcat', ['-b', peer.kafka, '-C', '-t', topic, ...format])
    return stdout
      .trim()
      .split('\n')
      .map((line) => line.replace(/=NULL$/, '=null'))
  }
  /** The last round lies in the segment that is written to, which is not compacted; nothing supersedes what is in it. */
  const expected = () => [...last.values()].sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
  const beforeActive = (lines: readonly string[]) => lines.filter((line) => Number.parseInt(line, 10) < (ROUNDS - 1) * KEYS)
  /** What the last round supersedes is there still. */
  const mayStay = (line: string) => Number.parseInt(line, 10) >= (ROUNDS - 2) * KEYS

  test('kcat sees the log shrink to the last record of each key', async () => {
    let lines: string[] = []
    await until('the log to be compacted', async () => {
      lines = await kcat()
      return lines.length <= last.size + 2 * KEYS
    })
    for (const line of expected()) assert.ok(lines.includes(line), `${line} is there`)
    for (const line of beforeActive(lines)) assert.ok(expected().includes(line) || mayStay(line) || isBeforeLastRound(line), `${line} was superseded`)
  })

  /** The last of its key but for the round in the active segment. */
  function isBeforeLastRound(line: string): boolean {
    const key = line.slice(line.indexOf(' ') + 1, line.indexOf('='))
    return Number.parseInt(last.get(key) ?? '', 10) >= (ROUNDS - 1) * KEYS
  }

  for (const client of ['confluent-kafka', 'kafka-python', 'aiokafka']) {
    test(`${client} reads it from the start to the end`, { skip: pythonMissing() }, async () => {
      const { stdout } = await runOk(PYTHON, [join(import.meta.dirname, 'read_table.py'), client, peer.kafka, topic])
      assert.deepEqual(stdout.trim().split('\n'), await kcat())
    })
  }

  test('kafkajs reads it from the start to the end', async () => {
    const wanted = await kcat()
    const consumer = kafka.consumer({ groupId: unique('reader') })
    const lines: string[] = []
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ message: { offset, key, value } }) => {
        lines.push(`${offset} ${key?.toString()}=${value === null ? 'null' : value.toString()}`)
      },
    })
    await until('kafkajs to read all', () => lines.length >= wanted.length)
    await consumer.disconnect()
    assert.deepEqual(lines, wanted)
  })

  test("Java's consumer reads it from the start to the end", { skip: javaMissing() }, async () => {
    const wanted = await kcat()
    const properties = ['print.offset=true', 'print.key=true', 'print.value=true', 'key.separator=\t'].flatMap((property) => ['--property', property])
    const { stdout } = await tool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
      ...['--bootstrap-server', peer.kafka, '--topic', topic, '--from-beginning', '--max-messages', `${wanted.length}`],
      ...['--timeout-ms', '30000', ...properties],
    ])
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => {
        const [offset = '', key = '', value = ''] = line.split('\t')
        return `${offset.replace('Offset:', '')} ${key}=${value}`
      })
    assert.deepEqual(lines, wanted)
  })

  test('DumpLogSegments reads every compacted segment, with its delete horizons', { skip: javaMissing() }, async (t) => {
    if (peer.elytra === undefined) return t.skip('no data directory of ours')
    const folder = join(peer.elytra.dataDir, 'topics', `${topic}-0`)
    const logs = readdirSync(folder)
      .filter((name) => name.endsWith('.log'))
      .map((name) => join(folder, name))
    const deep = await tool('kafka.tools.DumpLogSegments', ['--deep-iteration', '--files', logs.join(',')])
    assert.equal(deep.code, 0, deep.stderr)
    assert.match(deep.stdout, /deleteHorizonMs: OptionalLong\[\d+\]/)
    assert.doesNotMatch(deep.stdout, /isvalid: false|invalid/i)
  })

  test('a record without a key is refused, plain and compressed', async () => {
    const producer = kafka.producer({ retry: { retries: 0 } })
    await producer.connect()
    for (const compression of [CompressionTypes.None, CompressionTypes.GZIP]) {
      const refused = await producer.send({ topic, messages: [{ value: 'keyless' }], compression }).then(
        () => null,
        (error: { code?: number }) => error,
      )
      assert.equal(refused?.code, 87)
    }
    await producer.disconnect()
  })
})
