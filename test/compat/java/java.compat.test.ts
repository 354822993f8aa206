/** Java: kafka-clients 3.9.2, 4.1.2 and 4.4.0, and the tools that Kafka itself is tested with. */
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { openPeer, type Peer, unique } from '../lib/broker.ts'
import { externalChecks } from '../lib/external.ts'
import { until } from '../lib/process.ts'
import { javaMissing } from '../lib/toolchain.ts'
import { javaArgs, tool, toolBeside } from './tools.ts'

interface ToolEvent {
  readonly name: string
  readonly [field: string]: unknown
}

const events = (lines: readonly string[], name: string): ToolEvent[] =>
  lines
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as ToolEvent)
    .filter((event) => event.name === name)

/** Members of KIP-848 move by their heartbeats: every 5 seconds, if nobody says otherwise. */
const QUICK_HEARTBEATS = ['--set', 'group.consumer.heartbeat.interval.ms=300']

describe('java', { skip: javaMissing() }, () => {
  let peer: Peer
  before(async () => {
    peer = await openPeer()
  })
  after(async () => {
    await peer?.close()
  })
  const bootstrap = () => ['--bootstrap-server', peer.kafka]
  const createTopic = async (partitions: number): Promise<string> => {
    const topic = unique('tools')
    const made = await tool('org.apache.kafka.tools.TopicCommand', [...bootstrap(), '--create', '--topic', topic, '--partitions', `${partitions}`])
    assert.equal(made.code, 0, made.stdout + made.stderr)
    return topic
  }

  for (const version of ['3.9.2', '4.1.2', '4.4.0']) {
    test(`kafka-clients ${version}`, (t) => externalChecks(t, 'java', javaArgs(`clients-${version}`, 'Compat', [peer.kafka]), { timeoutMs: 180_000 }))
  }

  for (const version of ['4.1.2', '4.4.0']) {
    test(`kafka-clients ${version}: groups of KIP-848`, async (t) => {
      await using quick = await openPeer({ args: QUICK_HEARTBEATS })
      await externalChecks(t, 'java', javaArgs(`clients-${version}`, 'ConsumerProtocol', [quick.kafka]), { timeoutMs: 400_000 })
    })
  }

  for (const version of ['3.9.2', '4.1.2', '4.4.0']) {
    test(`kafka-clients ${version}: transactions`, async (t) => {
      await using quick = await openPeer({ args: ['--set', 'transaction.abort.timed.out.transaction.cleanup.interval.ms=100'] })
      await externalChecks(t, 'java', javaArgs(`clients-${version}`, 'Transactions', [quick.kafka]), { timeoutMs: 180_000 })
    })
  }

  test('members of KIP-848 go on after kill -9 without joining again', async (t) => {
    await using quick = await openPeer({ args: QUICK_HEARTBEATS })
    if (quick.elytra === undefined) {
      t.skip('the broker is not ours to kill')
      return
    }
    const topic = unique('killed')
    const bootstrapQuick = ['--bootstrap-server', quick.kafka]
    await tool('org.apache.kafka.tools.TopicCommand', [...bootstrapQuick, '--create', '--topic', topic, '--partitions', '4'])
    const groupId = unique('killed')
    const consume = () =>
      toolBeside('org.apache.kafka.tools.VerifiableConsumer', [
        ...bootstrapQuick,
        ...['--topic', topic, '--group-id', groupId, '--group-protocol', 'consumer', '--reset-policy', 'earliest'],
      ])
    await using one = consume()
    await using two = consume()
    const owned = (consumer: typeof one) => {
      const partitions = new Set<number>()
      for (const event of consumer.lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as ToolEvent)) {
        const named = (event.partitions ?? []) as { partition: number }[]
        for (const { partition } of event.name === 'partitions_assigned' ? named : []) partitions.add(partition)
        for (const { partition } of event.name === 'partitions_revoked' ? named : []) partitions.delete(partition)
      }
      return partitions.size
    }
    await until('two partitions each', () => owned(one) === 2 && owned(two) === 2, {
      timeoutMs: 30_000,
      everyMs: 50,
      describe: () => `${owned(one)} ${owned(two)}`,
    })
    const read = () => [one, two].flatMap(({ lines }) => events(lines, 'records_consumed')).reduce((sum, event) => sum + Number(event.count), 0)
    const changes = () => [one, two].map(({ lines }) => events(lines, 'partitions_assigned').length + events(lines, 'partitions_revoked').length)
    const produce = () => tool('org.apache.kafka.tools.VerifiableProducer', [...bootstrapQuick, '--topic', topic, '--max-messages', '1000', '--acks', '-1'])
    await produce()
    await until('1,000 records', () => read() === 1_000, { timeoutMs: 30_000, everyMs: 50, describe: () => `${read()}` })
    const before = changes()
    await quick.elytra.kill()
    await quick.elytra.start()
    await produce()
    await until('2,000 records', () => read() >= 2_000, { timeoutMs: 60_000, everyMs: 50, describe: () => `${read()}` })
    assert.equal(read(), 2_000)
    assert.deepEqual(changes(), before)
  })

  test('VerifiableProducer and VerifiableConsumer: 10,000 records acknowledged, read, committed', async () => {
    const topic = await createTopic(4)
    const produced = await tool('org.apache.kafka.tools.VerifiableProducer', [...bootstrap(), '--topic', topic, '--max-messages', '10000', '--acks', '-1'])
    const lines = produced.stdout.split('\n')
    assert.equal(produced.code, 0, produced.stderr)
    assert.equal(events(lines, 'producer_send_success').length, 10_000)
    assert.equal(events(lines, 'producer_send_error').length, 0)
    await using consumer = toolBeside('org.apache.kafka.tools.VerifiableConsumer', [
      ...bootstrap(),
      ...['--topic', topic, '--group-id', unique('verifiable'), '--reset-policy', 'earliest', '--session-timeout', '10000'],
    ])
    const read = () => events(consumer.lines, 'records_consumed').reduce((sum, event) => sum + Number(event.count), 0)
    await until('10,000 records', () => read() >= 10_000, { timeoutMs: 30_000, everyMs: 100, describe: () => `${read()}` })
    const committed = () => {
      const last = new Map<number, number>()
      for (const event of events(consumer.lines, 'offsets_committed')) {
        for (const one of event.offsets as { partition: number; offset: number }[]) last.set(one.partition, one.offset)
      }
      return [...last.values()].reduce((sum, offset) => sum + offset, 0)
    }
    await until('the last commit', () => committed() === 10_000, { everyMs: 50, describe: () => `${committed()}` })
    await consumer.stop('SIGTERM')
    assert.equal(read(), 10_000)
    assert.ok(events(consumer.lines, 'offsets_committed').every((event) => event.success === true))
    assert.equal(events(consumer.lines, 'shutdown_complete').length, 1)
  })

  test('ConsoleProducer and ConsoleConsumer: keys, values and headers', async () => {
    const topic = await createTopic(1)
    const input = Array.from({ length: 100 }, (_, n) => `trace:${n}\tkey${n}\tvalue ${n} größe`).join('\n')
    const properties = ['--property', 'parse.key=true', '--property', 'parse.headers=true']
    const produced = await tool('org.apache.kafka.tools.ConsoleProducer', [...bootstrap(), '--topic', topic, ...properties], { input: `${input}\n` })
    assert.equal(produced.code, 0, produced.stderr)
    const consumed = await tool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
      ...bootstrap(),
      ...['--topic', topic, '--from-beginning', '--max-messages', '100', '--timeout-ms', '15000'],
      ...['--property', 'print.key=true', '--property', 'print.headers=true'],
    ])
    assert.equal(consumed.code, 0, consumed.stderr)
    assert.equal(consumed.stdout.trim(), input)
  })

  test('ProducerPerformance and ConsumerPerformance: 200,000 records of 100 bytes', async () => {
    const topic = await createTopic(4)
    const produced = await tool('org.apache.kafka.tools.ProducerPerformance', [
      ...['--topic', topic, '--num-records', '200000', '--record-size', '100', '--throughput', '-1'],
      ...['--producer-props', `bootstrap.servers=${peer.kafka}`],
    ])
    assert.equal(produced.code, 0, produced.stderr)
    assert.match(produced.stdout, /200000 records sent/)
    const consumed = await tool('org.apache.kafka.tools.ConsumerPerformance', [...bootstrap(), '--topic', topic, '--messages', '200000', '--timeout', '20000'])
    assert.equal(consumed.code, 0, consumed.stderr)
    const row = consumed.stdout
      .trim()
      .split('\n')
      .at(-1)
      ?.split(',')
      .map((cell) => cell.trim())
    assert.equal(row?.[4], '200000', consumed.stdout)
  })

  test('TopicCommand describes, GetOffsetShell counts, ConsumerGroupCommand shows lag', async () => {
    const topic = await createTopic(2)
    const described = await tool('org.apache.kafka.tools.TopicCommand', [...bootstrap(), '--describe', '--topic', topic])
    assert.match(described.stdout, /PartitionCount: 2/)
    const group = unique('lag')
    await tool('org.apache.kafka.tools.ConsoleProducer', [...bootstrap(), '--topic', topic], { input: 'a\nb\nc\n' })
    const read = await tool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
      ...bootstrap(),
      ...['--topic', topic, '--group', group, '--from-beginning', '--max-messages', '3', '--timeout-ms', '15000'],
    ])
    assert.deepEqual(read.stdout.trim().split('\n').sort(), ['a', 'b', 'c'])
    const offsets = await tool('org.apache.kafka.tools.GetOffsetShell', [...bootstrap(), '--topic', topic])
    const total = offsets.stdout
      .trim()
      .split('\n')
      .reduce((sum, line) => sum + Number(line.split(':')[2]), 0)
    assert.equal(total, 3, offsets.stdout + offsets.stderr)
    const lag = await tool('org.apache.kafka.tools.consumer.group.ConsumerGroupCommand', [...bootstrap(), '--describe', '--group', group])
    const rows = lag.stdout.split('\n').filter((line) => line.startsWith(group))
    assert.ok(rows.length > 0, lag.stdout + lag.stderr)
    assert.ok(
      rows.every((line) => line.split(/\s+/)[5] === '0'),
      lag.stdout,
    )
  })

  test('DumpLogSegments reads every segment and index of the data directory without a complaint', async (t) => {
    if (peer.elytra === undefined) return t.skip('the data directory of a broker that runs elsewhere is not ours to read')
    const topic = await createTopic(1)
    for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
      const produced = await tool('org.apache.kafka.tools.ProducerPerformance', [
        ...['--topic', topic, '--num-records', '2000', '--record-size', '500', '--throughput', '-1'],
        ...['--producer-props', `bootstrap.servers=${peer.kafka}`, `compression.type=${codec}`],
      ])
      assert.equal(produced.code, 0, produced.stderr)
    }
    await peer.elytra.stop()
    const folder = await findFolder(peer.elytra.dataDir, `${topic}-0`)
    const files = (await readdir(folder)).filter((name) => /\.(log|index|timeindex)$/.test(name)).map((name) => join(folder, name))
    assert.deepEqual([...new Set(files.map((file) => file.replace(/.*\./, '')))].sort(), ['index', 'log', 'timeindex'])
    const logs = files.filter((file) => file.endsWith('.log')).join(',')
    const deep = await tool('kafka.tools.DumpLogSegments', ['--deep-iteration', '--files', logs])
    assert.equal(deep.code, 0, deep.stderr)
    assert.equal(deep.stdout.match(/\| offset: \d+/g)?.length, 10_000)
    assert.ok(!/isvalid: false/.test(deep.stdout), 'every CRC holds')
    const indexes = files.filter((file) => !file.endsWith('.log'))
    for (const check of ['--index-sanity-check', '--verify-index-only']) {
      const result = await tool('kafka.tools.DumpLogSegments', [check, '--files', indexes.join(',')])
      assert.equal(result.code, 0, result.stdout + result.stderr)
      assert.ok(!/mismatch|out of order|Found timestamp|exception/i.test(result.stdout + result.stderr), result.stdout + result.stderr)
    }
    await peer.elytra.start()
  })
})

async function findFolder(root: string, name: string): Promise<string> {
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory() && entry.name === name) return join(entry.parentPath, entry.name)
  }
  throw new Error(`no folder ${name} under ${root}: ${(await readdir(root, { recursive: true })).slice(0, 50).join(', ')}`)
}
