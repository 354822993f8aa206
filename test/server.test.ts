import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import { connectAsync } from 'mqtt'
import { KafkaClient } from '../src/cli/kafka-client/client.ts'
import { KafkaConnection } from '../src/cli/kafka-client/connection.ts'
import { startBroker } from '../src/index.ts'
import { DescribeClusterRequest, DescribeClusterResponse } from '../src/kafka/messages/describe-cluster.ts'
import { nodeNetwork } from '../src/runtime/node-network.ts'
import { systemClock } from '../src/runtime/system-clock.ts'
import { VirtualNetwork } from '../src/testing/index.ts'
import { cli } from './cli/run-cli.ts'
import { killLeftProcesses, spawnCli, startBrokerProcess } from './start-broker-process.ts'

let folder: string
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'elytra-server-'))
})
after(() => {
  killLeftProcesses()
  rmSync(folder, { recursive: true, force: true })
})

const kafkaOf = (broker: string, sasl?: { username: string; password: string; mechanism?: 'plain' | 'scram-sha-256' | 'scram-sha-512' }): Kafka =>
  new Kafka({
    brokers: [broker],
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
    ...(sasl === undefined ? {} : { sasl: { mechanism: 'plain', ...sasl } as never }),
  })

const topicsOf = async (kafka: Kafka): Promise<string[]> => {
  const admin = kafka.admin()
  try {
    await admin.connect()
    return await admin.listTopics()
  } finally {
    await admin.disconnect()
  }
}

test('an embedded broker in memory is there at once and gone at the end of its block', async () => {
  let address = ''
  {
    const begun = performance.now()
    await using broker = await startBroker()
    assert.ok(performance.now() - begun < 2_000)
    address = broker.kafka
    assert.match(broker.kafka, /^127\.0\.0\.1:\d+$/)
    assert.match(broker.mqtt, /^mqtt:\/\/127\.0\.0\.1:\d+$/)
    assert.deepEqual(await topicsOf(kafkaOf(broker.kafka)), [])
    await broker.close()
  }
  await assert.rejects(topicsOf(kafkaOf(address)))
})

test('two embedded brokers do not know each other', async () => {
  await using first = await startBroker()
  await using second = await startBroker()
  await cli(['topic', 'create', 'only-first', '-b', first.kafka])
  assert.deepEqual(await topicsOf(kafkaOf(second.kafka)), [])
  assert.deepEqual(await topicsOf(kafkaOf(first.kafka)), ['only-first'])
})

test('settings of an embedded broker are checked like those of a file', async () => {
  await assert.rejects(startBroker({ settings: { 'num.partitons': 1 } as never }), /did you mean "num\.partitions"/)
  await assert.rejects(startBroker({ kafka: 'nowhere' }), /kafka\.listeners must be HOST:PORT/)
  await assert.rejects(startBroker({ settings: { 'mqtt.mapping.rules': [{ filter: 'a/#/b', topic: 'x' }] } }), /mapping/)
  await using broker = await startBroker({ mqtt: 'off', settings: { 'num.partitions': 7 } })
  assert.equal(broker.mqtt, '')
  await cli(['produce', 'made', '-v', 'x', '-b', broker.kafka])
  const described = await cli(['topic', 'describe', 'made', '--json', '-b', broker.kafka])
  assert.equal((JSON.parse(described.stdout) as { partitions: unknown[] }).partitions.length, 7)
})

test('an option that startBroker does not have is refused by name', async () => {
  const misspelt = { storge: 'file:elsewhere' } as object
  await assert.rejects(startBroker(misspelt), /no option storge; its options are storage, kafka/)
})

test('broker settings are the defaults of topics, and a topic may set its own', async () => {
  await using broker = await startBroker({ settings: { 'message.max.bytes': 1000, 'log.retention.ms': 5000, 'num.partitions': 1 } })
  const at = ['-b', broker.kafka]
  await cli(['topic', 'create', 'narrow', ...at])
  await cli(['topic', 'create', 'wide', '-c', 'max.message.bytes=5000', ...at])
  const value = 'x'.repeat(2000)
  assert.match((await cli(['produce', 'narrow', '-v', value, ...at])).stderr, /MESSAGE_TOO_LARGE/)
  assert.equal((await cli(['produce', 'wide', '-v', value, ...at])).exitCode, 0)
  const { configs, set } = JSON.parse((await cli(['topic', 'describe', 'wide', '--json', ...at])).stdout) as { configs: Record<string, string>; set: string[] }
  assert.equal(configs['retention.ms'], '5000')
  assert.deepEqual(set, ['max.message.bytes'])
})

test('localhost is 127.0.0.1 and, where the machine has it, ::1, on one port', async () => {
  await using broker = await startBroker({ kafka: 'localhost:0', mqtt: 'off' })
  const port = broker.addresses.kafka[0]?.port ?? 0
  const hasIpv6 = Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1'))
  for (const host of hasIpv6 ? ['127.0.0.1', '[::1]'] : ['127.0.0.1']) {
    assert.equal((await cli(['topic', 'list', '-b', `${host}:${port}`])).exitCode, 0, host)
  }
})

test('clients are told the advertised address of their listener, else the one they connected to', async () => {
  await using broker = await startBroker({ kafka: ['127.0.0.1:0', '127.0.0.2:0'], settings: { 'kafka.advertised.listeners': 'broker.example:1234' } })
  const [first, second] = broker.addresses.kafka
  const told = async (host: string, port = 0) => {
    await using connection = await KafkaConnection.open(nodeNetwork, { host, port })
    const { brokers } = await connection.request(DescribeClusterRequest, DescribeClusterResponse, {
      includeClusterAuthorizedOperations: false,
      includeFencedBrokers: false,
    })
    return brokers.map((found) => `${found.host}:${found.port}`)
  }
  assert.deepEqual(await told('127.0.0.1', first?.port), ['broker.example:1234'])
  assert.deepEqual(await told('127.0.0.2', second?.port), [`127.0.0.2:${second?.port}`])
})

test('rules say where MQTT topics go', async () => {
  const rules = [
    { filter: '+/telemetry/#', topic: 'telemetry', key: '{1}/{#}' },
    { filter: 'live/#', store: false },
  ]
  await using broker = await startBroker({ settings: { 'mqtt.mapping.rules': rules } })
  const mqtt = broker.mqtt.slice('mqtt://'.length)
  await cli(['pub', 'device7/telemetry/temp', '-m', '21', '-b', mqtt])
  await cli(['pub', 'live/position', '-m', '1', '-b', mqtt])
  assert.equal((await cli(['consume', 'telemetry', '--exit', '-f', '%k=%v', '-b', broker.kafka])).stdout, 'device7/temp=21')
  assert.deepEqual(await topicsOf(kafkaOf(broker.kafka)), ['telemetry'])
})

test('clients that do not answer keep a stop from ending for their time of grace, once', async () => {
  const broker = await startBroker()
  const silent = [broker.addresses.kafka[0], broker.addresses.mqtt[0]].map((address) =>
    connect({ host: address?.host, port: address?.port ?? 0, allowHalfOpen: true }),
  )
  await Promise.all(silent.map((socket) => once(socket, 'connect')))
  const begun = performance.now()
  await broker.close()
  const tookMs = performance.now() - begun
  for (const socket of silent) socket.destroy()
  assert.ok(tookMs < 1_900, `${tookMs} ms`)
})

test('the broker is one line on stdout, and SIGTERM ends it in order', async () => {
  const broker = await startBrokerProcess(['--storage', 'memory:'])
  assert.equal(broker.storage, 'memory:')
  assert.equal(broker.pid, broker.child.pid)
  assert.deepEqual(await topicsOf(kafkaOf(broker.kafka)), [])
  const client = await connectAsync(`mqtt://${broker.mqtt}`, { reconnectPeriod: 0 })
  client.on('error', () => {})
  assert.equal(await broker.stop(), 0)
  assert.equal(broker.stdout().split('\n').length, 2)
  await client.endAsync(true)
})

test('a second signal ends the broker at once, and what was acknowledged is there at the next start', async () => {
  const directory = join(folder, 'forced')
  const first = await startBrokerProcess(['--data-dir', directory])
  await cli(['produce', 'forced', '-v', 'kept', '-b', first.kafka])
  first.child.kill('SIGINT')
  first.child.kill('SIGTERM')
  assert.ok([0, 1].includes(Number(await first.ended)))
  const second = await startBrokerProcess(['--data-dir', directory])
  assert.equal((await cli(['consume', 'forced', '--exit', '-b', second.kafka])).stdout, 'kept\n')
  second.child.kill('SIGKILL')
  assert.equal(await second.ended, 'SIGKILL')
  const third = await startBrokerProcess(['--data-dir', directory])
  assert.equal((await cli(['consume', 'forced', '--exit', '-b', third.kafka])).stdout, 'kept\n')
  assert.equal(await third.stop(), 0)
})

test('a whole broker stands on a network within the process', async () => {
  const network = new VirtualNetwork(systemClock)
  await using broker = await startBroker({ kafka: '127.0.0.1:9092', machine: { network } })
  assert.equal(broker.kafka, '127.0.0.1:9092')
  await using connection = await KafkaConnection.open(network, { host: '127.0.0.1', port: 9092 })
  const client = new KafkaClient(connection)
  await client.createTopic('virtual', 1, new Map())
  assert.equal(await client.produce('virtual', 0, [{ key: null, value: Buffer.from('x'), timestampMs: systemClock.now() }], -1), 0)
  assert.deepEqual([...(await client.offsets('virtual', [0], -1))], [[0, 1]])
})

test('a restart keeps topics, records, groups, sessions, retained messages and users', async () => {
  const directory = join(folder, 'kept')
  const session = ['--id', 'away', '--session', '1h']
  const first = await startBrokerProcess(['--data-dir', directory])
  await cli(['produce', 'kept', '-k', 'a', '-v', '1', '-b', first.kafka])
  await cli(['pub', 'kept/b', '-m', '2', '-b', first.mqtt])
  await cli(['consume', 'kept', '-g', 'readers', '--exit', '-b', first.kafka])
  await cli(['pub', 'latest/temp', '-m', '21.5', '--retain', '-b', first.mqtt])
  await cli(['sub', 'jobs/#', 'latest/#', ...session, '-n', '1', '-b', first.mqtt])
  await cli(['pub', 'jobs/1', '-m', 'missed', '-b', first.mqtt])
  await cli(['user', 'add', 'alice', '-b', first.kafka], { stdin: 'secret\n' })
  assert.equal(await first.stop(), 0)

  const second = await startBrokerProcess(['--data-dir', directory])
  assert.equal((await cli(['topic', 'list', '-b', second.kafka])).exitCode, 1)
  const environment = { ELYTRA_PASSWORD: 'secret' }
  const kafka = ['--user', 'alice', '-b', second.kafka]
  const mqtt = ['--user', 'alice', '-b', second.mqtt]
  await cli(['produce', 'kept', '-k', 'c', '-v', '3', ...kafka], { environment })
  const all = await cli(['consume', 'kept', '--exit', '-f', '%k=%v\\n', ...kafka], { environment })
  assert.deepEqual(all.stdout.split('\n').sort(), ['', 'a=1', 'b=2', 'c=3'])
  assert.equal((await cli(['consume', 'kept', '-g', 'readers', '--exit', ...kafka], { environment })).stdout, '3\n')
  assert.equal((await cli(['sub', 'latest/#', '-n', '1', ...mqtt], { environment })).stdout, '21.5\n')
  assert.equal(await second.stop(), 0)
})

test('a session goes on after a restart, for the same client', async () => {
  const directory = join(folder, 'session')
  const session = ['--id', 'away', '--session', '1h', '-q', '2']
  const first = await startBrokerProcess(['--data-dir', directory])
  await cli(['pub', 'jobs/0', '-m', 'probe', '--retain', '-q', '2', '-b', first.mqtt])
  await cli(['sub', 'jobs/#', ...session, '-n', '1', '-b', first.mqtt])
  await cli(['pub', 'jobs/1', '-m', 'missed', '-q', '2', '-b', first.mqtt])
  first.child.kill('SIGKILL')
  assert.equal(await first.ended, 'SIGKILL')
  const second = await startBrokerProcess(['--data-dir', directory])
  await cli(['pub', 'jobs/1', '-m', 'missed too', '-q', '2', '-b', second.mqtt])
  const missed = await cli(['sub', 'jobs/#', ...session, '--no-retained', '-n', '2', '-b', second.mqtt])
  assert.equal(missed.stdout, 'missed\nmissed too\n')
  assert.equal(await second.stop(), 0)
})

test('a second start on a data directory refuses and says why', async () => {
  const directory = join(folder, 'locked')
  const first = await startBrokerProcess(['--data-dir', directory])
  const second = spawnCli(['start', '--data-dir', directory, '--kafka', '127.0.0.1:0', '--mqtt', '127.0.0.1:0'])
  assert.equal(await second.ended, 1)
  assert.equal(second.stdout(), '')
  assert.match(second.stderr(), new RegExp(`elytra: .*${first.pid}`))
  assert.equal(await first.stop(), 0)
})

test('a port that is taken is named, and nothing stays open', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => taken.once('listening', resolve))
  const { port } = taken.address() as { port: number }
  const broker = spawnCli(['start', '--storage', 'memory:', '--kafka', '127.0.0.1:0', '--mqtt', `127.0.0.1:${port}`])
  assert.equal(await broker.ended, 1)
  assert.match(broker.stderr(), new RegExp(`cannot listen for mqtt on 127\\.0\\.0\\.1:${port}: another process listens there`))
  taken.close()
})

test('bad settings end a start with exit code 2 and every mistake', async () => {
  const broker = spawnCli(['start', '--set', 'num.partitions=0', '--kafka', 'x'], { environment: { ELYTRA_LOG_LEVL: 'debug' } })
  assert.equal(await broker.ended, 2)
  assert.match(broker.stderr(), /ELYTRA_LOG_LEVL: there is no setting "log\.levl"; did you mean "log\.level"\?/)
  assert.match(broker.stderr(), /--set: num\.partitions must be 1 to 10000, not 0/)
  assert.match(broker.stderr(), /--kafka: kafka\.listeners must be HOST:PORT/)
})

test('a mapping rule that makes no sense is a setting that was not understood', async () => {
  const rules = JSON.stringify([{ filter: 'a/#/b', topic: 'x' }])
  const broker = spawnCli(['start', '--storage', 'memory:', '--set', `mqtt.mapping.rules=${rules}`])
  assert.equal(await broker.ended, 2)
  assert.match(broker.stderr(), /mqtt\.mapping\.rules: .*"#" is the last level/)
})

test('a listener beyond loopback does not start before there is a user, unless it is said to be insecure', async () => {
  const open = { storage: 'memory:', kafka: '0.0.0.0:0', mqtt: 'off' }
  await assert.rejects(startBroker(open), /0\.0\.0\.0:0 can be reached from other machines.*elytra user add/)
  await using broker = await startBroker({ ...open, settings: { 'insecure.listeners': '0.0.0.0:0' } })
  assert.equal(broker.addresses.kafka[0]?.host, '0.0.0.0')
})

test('with the first user every client needs a password; it is checked for Kafka and MQTT alike', async () => {
  await using broker = await startBroker()
  const { kafka, mqtt } = broker
  const added = await cli(['user', 'add', 'alice', '-b', kafka], { stdin: 'pass word\n' })
  assert.deepEqual(added, { exitCode: 0, stdout: '', stderr: 'user alice has this password now\n' })
  await assert.rejects(topicsOf(kafkaOf(kafka)))
  assert.match((await cli(['topic', 'list', '-b', kafka])).stderr, /closed the connection; if it has users, log in by --user NAME/)
  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
    assert.deepEqual(await topicsOf(kafkaOf(kafka, { username: 'alice', password: 'pass word', mechanism })), [], mechanism)
    await assert.rejects(topicsOf(kafkaOf(kafka, { username: 'alice', password: 'wrong', mechanism })), mechanism)
  }
  await assert.rejects(connectAsync(mqtt, { reconnectPeriod: 0 }), /Not authorized|Bad User|Connection refused/i)
  await assert.rejects(connectAsync(mqtt, { reconnectPeriod: 0, username: 'alice', password: 'wrong' }))
  const client = await connectAsync(mqtt, { reconnectPeriod: 0, username: 'alice', password: 'pass word', protocolVersion: 5 })
  await client.publishAsync('orders/1', 'x', { qos: 1 })
  await client.endAsync()
  const environment = { ELYTRA_PASSWORD: 'pass word' }
  assert.equal((await cli(['consume', 'orders', '--exit', '-f', '%k', '--user', 'alice', '-b', kafka], { environment })).stdout, '1')
})

test('the administrator adds and removes users; others may do nothing until granted', async () => {
  await using broker = await startBroker({ settings: { 'super.users': 'carol' } })
  const { kafka } = broker
  const alice = { environment: { ELYTRA_PASSWORD: 'a' } }
  await cli(['user', 'add', 'alice', '-b', kafka], { stdin: 'a\n' })
  for (const name of ['bob', 'carol']) {
    const added = await cli(['user', 'add', name, '--user', 'alice', '-b', kafka], { ...alice, stdin: `${name}\n` })
    assert.equal(added.exitCode, 0, added.stderr)
  }
  const listed = await cli(['user', 'list', '--user', 'alice', '--json', '-b', kafka], alice)
  assert.deepEqual(
    listed.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as { user: string }).user)
      .sort(),
    ['alice', 'bob', 'carol'],
  )
  const bob = { environment: { ELYTRA_PASSWORD: 'bob' } }
  const refused = await cli(['topic', 'create', 'x', '--user', 'bob', '-b', kafka], bob)
  assert.equal(refused.exitCode, 1)
  assert.match(refused.stderr, /AUTHORIZATION_FAILED/)
  assert.match((await cli(['user', 'add', 'dave', '--user', 'bob', '-b', kafka], { ...bob, stdin: 'd\n' })).stderr, /CLUSTER_AUTHORIZATION_FAILED/)
  assert.equal((await cli(['topic', 'create', 'x', '--user', 'carol', '-b', kafka], { environment: { ELYTRA_PASSWORD: 'carol' } })).exitCode, 0)
  assert.equal((await cli(['user', 'remove', 'bob', '--user', 'alice', '-b', kafka], alice)).exitCode, 0)
  assert.equal((await cli(['topic', 'list', '--user', 'bob', '-b', kafka], bob)).exitCode, 1)
  await cli(['user', 'remove', 'carol', '--user', 'alice', '-b', kafka], alice)
  assert.match((await cli(['user', 'remove', 'alice', '--user', 'alice', '-b', kafka], alice)).stderr, /last administrator/)
})
