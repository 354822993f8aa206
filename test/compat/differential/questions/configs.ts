import { AlterConfigsRequest, AlterConfigsResponse } from '../../../../src/kafka/messages/alter-configs.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../../../src/kafka/messages/create-topics.ts'
import { DescribeConfigsRequest, DescribeConfigsResponse } from '../../../../src/kafka/messages/describe-configs.ts'
import { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse } from '../../../../src/kafka/messages/incremental-alter-configs.ts'
import type { Peer, Question } from '../question.ts'
import { makeTopic as makeAskedTopic } from './topics-for-questions.ts'

const TOPIC = 2
const BROKER = 4
const LOGGER = 8
const SET = 0
const DELETE = 1
const APPEND = 2
const SUBTRACT = 3

type Change = readonly [name: string, operation: number, value: string | null]
type Resource = readonly [type: number, name: string, ...changes: readonly Change[]]

async function makeTopic(peer: Peer, configs: Readonly<Record<string, string>> = {}): Promise<string> {
  const name = peer.name('configs')
  const rows = Object.entries(configs).map(([key, value]) => ({ name: key, value }))
  const topics = [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: rows }]
  const made = await peer.ask([CreateTopicsRequest, CreateTopicsResponse], 7, { topics })
  if (made.topics[0]?.errorCode !== 0) throw new Error(`${name}: ${made.topics[0]?.errorCode}`)
  return name
}

/** The error code of each resource, in the order of the request. */
async function alter(peer: Peer, resources: readonly Resource[], validateOnly = false, version = 1): Promise<number[]> {
  const asked = resources.map(([resourceType, resourceName, ...changes]) => ({
    resourceType,
    resourceName,
    configs: changes.map(([name, configOperation, value]) => ({ name, configOperation, value })),
  }))
  const { responses } = await peer.ask([IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse], version, { resources: asked, validateOnly })
  return responses.map(({ errorCode }) => errorCode)
}

async function replace(peer: Peer, resourceType: number, resourceName: string, configs: readonly (readonly [string, string | null])[], validateOnly = false) {
  const resources = [{ resourceType, resourceName, configs: configs.map(([name, value]) => ({ name, value })) }]
  const { responses } = await peer.ask([AlterConfigsRequest, AlterConfigsResponse], 2, { resources, validateOnly })
  return responses.map(({ errorCode }) => errorCode)
}

/** A real Kafka's broker learns of a change from the controller's log: once it knows a topic that was made later, it knows the change. */
async function settled(peer: Peer): Promise<void> {
  await makeAskedTopic(peer)
  await new Promise((resolve) => setTimeout(resolve, 20))
}

/** What is told of these keys: value, source, read-only, sensitive, type, synonyms. */
async function describe(peer: Peer, resourceType: number, resourceName: string, keys: readonly string[] | null, version = 4): Promise<unknown> {
  await settled(peer)
  const resources = [{ resourceType, resourceName, configurationKeys: keys === null ? null : [...keys] }]
  const answer = await peer.ask([DescribeConfigsRequest, DescribeConfigsResponse], version, { resources, includeSynonyms: true })
  return answer.results.map(({ errorCode, configs }) => ({
    errorCode,
    configs: configs
      .filter(({ name }) => !name.startsWith('mqtt.'))
      .map(({ name, value, configSource, readOnly, isSensitive, configType, synonyms }) =>
        [name, value, configSource, readOnly, isSensitive, configType, synonyms.map((one) => `${one.name}=${one.value}@${one.source}`).join()].join(' '),
      )
      .sort(),
  }))
}

/** Changes that a topic is asked to take, one request each. */
const TOPIC_CHANGES: readonly (readonly Change[])[] = [
  ...Object.entries({
    'compression.type': ['gzip', 'producer', 'uncompressed', 'none', 'GZIP', ''],
    'compression.gzip.level': ['-1', '0', '1', '9', '10'],
    'compression.lz4.level': ['0', '1', '17', '18'],
    'compression.zstd.level': ['-131072', '-131073', '22', '23'],
    'cleanup.policy': ['delete', '', 'nothing', 'delete,delete', ' delete '],
    'retention.ms': ['-2', '-1', '0', '9223372036854775807', '9223372036854775808', '1.5', 'x', '', ' 5 '],
    'retention.bytes': ['-2', '-1', '0'],
    'segment.bytes': ['1048575', '1048576', '2147483647', '2147483648'],
    'segment.ms': ['0', '1'],
    'segment.jitter.ms': ['-1', '0', '5'],
    'segment.index.bytes': ['3', '4', '1000'],
    'index.interval.bytes': ['-1', '0'],
    'max.message.bytes': ['-1', '0'],
    'max.decompressed.message.bytes': ['-1', '0', '1'],
    'message.timestamp.type': ['CreateTime', 'LogAppendTime', 'NoTimestampType', 'createtime'],
    'message.timestamp.before.max.ms': ['-1', '0', '9223372036854775807'],
    'message.timestamp.after.max.ms': ['-1', '0'],
    'min.insync.replicas': ['0', '1', '2'],
    'unclean.leader.election.enable': ['true', 'TRUE', 'yes', ''],
    preallocate: ['true', 'no'],
    'file.delete.delay.ms': ['-1', '0'],
    'flush.ms': ['-1', '0'],
    'flush.messages': ['0', '1'],
    'min.cleanable.dirty.ratio': ['-0.1', '0', '1', '1.1', '1e-2'],
    'min.compaction.lag.ms': ['-1', '0'],
    'max.compaction.lag.ms': ['0', '1'],
    'delete.retention.ms': ['-1', '0'],
    'leader.replication.throttled.replicas': ['*', '0:1', 'x', ''],
    'follower.replication.throttled.replicas': ['*', '0:1,1:1', '1'],
    'remote.storage.enable': ['true', 'false'],
    'remote.log.copy.disable': ['true', 'false'],
    'remote.log.delete.on.disable': ['true', 'false'],
    'local.retention.ms': ['-3', '-2', '-1', '5'],
    'local.retention.bytes': ['-3', '-2', '5'],
    'remote.copy.lag.ms': ['-2', '-1', '0'],
    'remote.copy.lag.bytes': ['-2', '0'],
    'errors.deadletterqueue.group.enable': ['true', 'x'],
    'message.format.version': ['3.0'],
    'no.such.config': ['1'],
  }).flatMap(([key, values]) => values.map((value): Change[] => [[key, SET, value]])),
  [['retention.ms', SET, null]],
  [['no.such.config', DELETE, null]],
  [['retention.ms', DELETE, 'x']],
  [['cleanup.policy', APPEND, 'delete']],
  [['cleanup.policy', SUBTRACT, 'delete']],
  [['cleanup.policy', SUBTRACT, 'compact']],
  [['cleanup.policy', APPEND, 'nothing']],
  [['retention.ms', APPEND, '1']],
  [['retention.ms', SUBTRACT, '1']],
  [['no.such.config', APPEND, '1']],
  [['retention.ms', 4, '1']],
  [['retention.ms', -1, '1']],
  [
    ['retention.ms', SET, '1'],
    ['retention.ms', SET, '2'],
  ],
  [
    ['retention.ms', SET, '1'],
    ['retention.ms', DELETE, null],
  ],
  [
    ['min.compaction.lag.ms', SET, '10'],
    ['max.compaction.lag.ms', SET, '5'],
  ],
  [['', SET, '1']],
  [],
]

const BROKER_CHANGES: readonly (readonly Change[])[] = [
  ...Object.entries({
    'log.retention.ms': ['1000', '-1', '-2', '0', 'x', ''],
    'log.retention.bytes': ['5', '-2'],
    'log.retention.minutes': ['5'],
    'log.retention.hours': ['5'],
    'message.max.bytes': ['5', '-1'],
    'log.segment.bytes': ['1048576', '5'],
    'log.roll.ms': ['5', '0'],
    'log.cleanup.policy': ['delete', 'x', ''],
    'log.message.timestamp.type': ['LogAppendTime', 'x'],
    'compression.type': ['zstd', 'none', 'x'],
    'min.insync.replicas': ['1', '0', '2'],
    'max.connections': ['5000', '-1', 'x'],
    'num.partitions': ['5'],
    'auto.create.topics.enable': ['false'],
    'node.id': ['2'],
    'broker.id': ['2'],
    'log.dirs': ['/x'],
    'num.io.threads': ['8', '100'],
    'background.threads': ['11'],
    'unclean.leader.election.enable': ['true', 'x'],
    'no.such.config': ['1'],
    listeners: ['PLAINTEXT://127.0.0.1:1'],
    'ssl.keystore.location': ['/nowhere'],
    'sasl.jaas.config': ['x'],
    'leader.replication.throttled.rate': ['1000'],
    'fetch.max.bytes': ['1000'],
    'connections.max.idle.ms': ['1000'],
    'log.index.interval.bytes': ['5'],
    'producer.id.expiration.ms': ['86400000', '0'],
    'transaction.partition.verification.enable': ['false'],
  }).flatMap(([key, values]) => values.map((value): Change[] => [[key, SET, value]])),
  [['log.retention.ms', SET, null]],
  [['log.cleanup.policy', APPEND, 'delete']],
  [['log.retention.ms', APPEND, '5']],
  [['num.partitions', DELETE, null]],
  [['no.such.config', DELETE, null]],
  [
    ['log.retention.ms', SET, '5'],
    ['num.partitions', SET, '5'],
  ],
]

/** Configs of a broker that a running Kafka changes: none of these values is taken, or all of them are. */
const LIVE_KEYS: readonly string[] = `
  background.threads config.providers cordoned.log.dirs errors.deadletterqueue.auto.create.topics.enable errors.deadletterqueue.topic.name.prefix
  follower.fetch.last.tiered.offset.enable group.consumer.assignment.interval.ms group.coordinator.cached.buffer.max.bytes
  group.share.assignment.interval.ms group.streams.assignment.interval.ms log.cleaner.backoff.ms log.cleaner.dedupe.buffer.size
  log.cleaner.io.buffer.load.factor log.cleaner.io.buffer.size log.cleaner.io.max.bytes.per.second log.cleaner.threads log.flush.interval.ms
  log.local.retention.bytes log.local.retention.ms log.remote.copy.lag.bytes log.remote.copy.lag.ms log.retention.bytes log.retention.ms
  max.connection.creation.rate max.connections max.connections.per.ip max.connections.per.ip.overrides metric.reporters num.io.threads
  num.network.threads num.recovery.threads.per.data.dir num.replica.fetchers principal.builder.class producer.id.expiration.ms
  remote.fetch.max.wait.ms remote.list.offsets.request.timeout.ms remote.log.index.file.cache.total.size.bytes
  remote.log.manager.copier.thread.pool.size remote.log.manager.copy.max.bytes.per.second remote.log.manager.expiration.thread.pool.size
  remote.log.manager.fetch.max.bytes.per.second remote.log.manager.follower.thread.pool.size remote.log.reader.threads sasl.jaas.config
  sasl.kerberos.kinit.cmd sasl.kerberos.min.time.before.relogin sasl.kerberos.principal.to.local.rules sasl.kerberos.service.name
  sasl.kerberos.ticket.renew.jitter sasl.kerberos.ticket.renew.window.factor sasl.login.refresh.buffer.seconds
  sasl.login.refresh.min.period.seconds sasl.login.refresh.window.factor sasl.login.refresh.window.jitter sasl.mechanism.inter.broker.protocol
  share.coordinator.cached.buffer.max.bytes ssl.cipher.suites ssl.endpoint.identification.algorithm ssl.keymanager.algorithm ssl.protocol
  ssl.provider ssl.secure.random.implementation ssl.trustmanager.algorithm transaction.partition.verification.enable`
  .split(/\s+/)
  .filter((key) => key !== '')
const LIVE_VALUES: readonly string[] = ['x', '-2', '0', '5', '99999999999', '1.5', 'a:5,b:6']

const text = (changes: readonly Change[]): string =>
  changes.map(([key, operation, value]) => `${key} ${['=', 'delete', '+=', '-='][operation] ?? operation} ${JSON.stringify(value)}`).join(' and ')

/** Names of questions that are answered differently on purpose begin with one of these. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  'a config that a running Kafka changes and that is fixed here': 'it is told to be read-only, and refused as Kafka refuses those',
  'configs of resource 16 "m"': 'metrics of clients (KIP-714) are not served',
}

/** Settings of topics, brokers and groups. */
export const CONFIG_QUESTIONS: readonly Question[] = allQuestions().map((question) => {
  const difference = Object.entries(DIFFERENCES).find(([beginning]) => question.name.startsWith(beginning))?.[1]
  return difference === undefined ? question : { ...question, difference }
})

function allQuestions(): Question[] {
  return [
    ...TOPIC_CHANGES.map((changes) => ({
      name: `config of a topic: ${text(changes)}`,
      ask: async (peer: Peer) => {
        const topic = await makeTopic(peer)
        const dry = await alter(peer, [[TOPIC, topic, ...changes]], true)
        const codes = await alter(peer, [[TOPIC, topic, ...changes]])
        return [
          dry,
          codes,
          codes[0] === 0
            ? await describe(
                peer,
                TOPIC,
                topic,
                changes.map(([key]) => key),
              )
            : null,
        ]
      },
    })),
    ...BROKER_CHANGES.flatMap((changes) =>
      ['1', ''].map((broker) => ({
        name: `config of broker "${broker}", validated only: ${text(changes)}`,
        ask: (peer: Peer) => alter(peer, [[BROKER, broker, ...changes]], true),
      })),
    ),
    ...LIVE_KEYS.flatMap((key) =>
      ['1', ''].map((broker) => ({
        name: `config ${key} of broker "${broker}", validated only: values, and items of a list`,
        ask: async (peer: Peer) => {
          const told: unknown[] = []
          for (const value of LIVE_VALUES) told.push([value, ...(await alter(peer, [[BROKER, broker, [key, SET, value]]], true))])
          for (const operation of [APPEND, SUBTRACT]) told.push(await alter(peer, [[BROKER, broker, [key, operation, 'a']]], true))
          return told
        },
      })),
    ),
    {
      name: 'configs of a broker that are fixed, and lists',
      ask: async (peer: Peer) => {
        const told: unknown[] = []
        for (const key of ['listeners', 'log.dirs', 'group.consumer.assignors', 'node.id', 'advertised.listeners', 'kafka.metrics.reporters'])
          told.push(await alter(peer, [[BROKER, '1', [key, APPEND, 'a']]], true), await alter(peer, [[BROKER, '', [key, DELETE, null]]], true))
        return told
      },
    },
    {
      name: 'a config that a running Kafka changes and that is fixed here',
      ask: async (peer: Peer) => [
        await alter(peer, [[BROKER, '1', ['sasl.enabled.mechanisms', SET, 'PLAIN']]], true),
        await alter(peer, [[BROKER, '1', ['ssl.enabled.protocols', SET, 'TLSv1.3']]], true),
        await alter(peer, [[BROKER, '1', ['ssl.client.auth', SET, 'none']]], true),
      ],
    },
    ...[
      [2, ''],
      [2, 'a b'],
      [2, 'nowhere'],
      [4, '7'],
      [4, 'x'],
      [8, '1'],
      [8, '7'],
      [8, ''],
      [16, 'm'],
      [16, ''],
      [32, 'g'],
      [32, ''],
      [0, 'x'],
      [1, 'x'],
      [64, 'x'],
      [-1, 'x'],
    ].flatMap(([type, name]) => [
      { name: `configs of resource ${type} "${name}" described`, ask: (peer: Peer) => describe(peer, type as number, name as string, ['no.such.config']) },
      {
        name: `configs of resource ${type} "${name}" altered`,
        ask: async (peer: Peer) => [
          await alter(peer, [[type as number, name as string]], true),
          await alter(peer, [[type as number, name as string, ['no.such.config', SET, '1']]], true),
          await replace(peer, type as number, name as string, [['no.such.config', '1']], true),
        ],
      },
    ]),
    {
      name: 'the level of the root logger',
      ask: async (peer: Peer) => {
        const told: unknown[] = []
        const set = async (name: string, operation: number, value: string | null, broker = '1') =>
          told.push([name, operation, value, broker, await alter(peer, [[LOGGER, broker, [name, operation, value]]], true)])
        for (const level of ['DEBUG', 'TRACE', 'INFO', 'WARN', 'ERROR', 'FATAL', 'debug', 'OFF', '', null]) await set('root', SET, level)
        for (const operation of [DELETE, APPEND, SUBTRACT, 9]) await set('root', operation, 'INFO')
        for (const name of ['nobody', '']) for (const operation of [SET, DELETE, APPEND]) await set(name, operation, 'INFO')
        for (const broker of ['7', '', 'x']) await set('root', SET, 'INFO', broker)
        told.push(await alter(peer, [[LOGGER, '1', ['root', SET, 'ERROR']]]), await describe(peer, LOGGER, '1', ['root']))
        return told
      },
    },
    {
      name: 'configs of a topic as it is made',
      ask: async (peer) => describe(peer, TOPIC, await makeTopic(peer), null),
    },
    {
      name: 'configs of a topic of its own',
      ask: async (peer) =>
        describe(peer, TOPIC, await makeTopic(peer, { 'retention.ms': '5', 'max.message.bytes': '100', 'min.insync.replicas': '1', 'flush.ms': '6' }), null),
    },
    {
      name: 'configs of a topic, some keys, in all versions',
      ask: async (peer) => {
        const topic = await makeTopic(peer)
        const told: unknown[] = []
        for (const version of [1, 2, 3, 4])
          told.push(await describe(peer, TOPIC, topic, ['retention.ms', 'no.such.config'], version), await describe(peer, TOPIC, topic, [], version))
        return told
      },
    },
    {
      name: 'dynamic configs: of all brokers, of one, of a topic, and back',
      ask: async (peer) => {
        const topic = await makeTopic(peer)
        const look = async () => {
          const keys = ['log.message.timestamp.after.max.ms', 'log.retention.ms']
          return [
            await describe(peer, TOPIC, topic, ['message.timestamp.after.max.ms', 'retention.ms']),
            await describe(peer, BROKER, '1', keys),
            await describe(peer, BROKER, '', keys),
          ]
        }
        const set = (type: number, name: string, value: number, prefix: string) =>
          alter(peer, [[type, name, [`${prefix}message.timestamp.after.max.ms`, SET, `${value}`], [`${prefix}retention.ms`, SET, `${value}`]]])
        const unset = (type: number, name: string, prefix: string) =>
          alter(peer, [[type, name, [`${prefix}message.timestamp.after.max.ms`, DELETE, null], [`${prefix}retention.ms`, DELETE, null]]])
        return [
          await look(),
          await set(BROKER, '', 7_000_001, 'log.'),
          await look(),
          await set(BROKER, '1', 7_000_002, 'log.'),
          await look(),
          await set(TOPIC, topic, 7_000_003, ''),
          await look(),
          await unset(BROKER, '', 'log.'),
          await look(),
          await unset(TOPIC, topic, ''),
          await look(),
          await unset(BROKER, '1', 'log.'),
          await look(),
        ]
      },
    },
    {
      name: 'AlterConfigs of a broker replaces',
      ask: async (peer) => {
        const look = async () => {
          return describe(peer, BROKER, '1', ['log.retention.bytes', 'log.index.interval.bytes'])
        }
        return [
          await replace(peer, BROKER, '1', [['log.retention.bytes', '1000000000']]),
          await look(),
          await replace(peer, BROKER, '1', [['log.index.interval.bytes', '5000']]),
          await look(),
          await replace(peer, BROKER, '1', []),
          await look(),
        ]
      },
    },
    {
      name: 'one resource twice, two resources of which one is wrong',
      ask: async (peer) => {
        const topic = await makeTopic(peer)
        return [
          await alter(peer, [
            [TOPIC, topic, ['retention.ms', SET, '1']],
            [TOPIC, topic, ['segment.ms', SET, '1']],
          ]),
          await alter(peer, [
            [TOPIC, topic, ['retention.ms', SET, '1']],
            [TOPIC, 'nowhere', ['segment.ms', SET, '1']],
          ]),
          await alter(peer, [], false),
        ]
      },
    },
    {
      name: 'CreateTopics tells all configs',
      ask: async (peer) => {
        const topics = [
          { name: peer.name('configs'), numPartitions: 1, replicationFactor: 1, assignments: [], configs: [{ name: 'retention.ms', value: '5' }] },
        ]
        const made = await peer.ask([CreateTopicsRequest, CreateTopicsResponse], 7, { topics })
        return made.topics[0]?.configs
          ?.filter(({ name }) => !name.startsWith('mqtt.'))
          .map(({ name, value, readOnly, configSource, isSensitive }) => [name, value, readOnly, configSource, isSensitive].join(' '))
          .sort()
      },
    },
    ...[
      ['retention.ms', 'x'],
      ['no.such.config', '1'],
      ['retention.ms', null],
      ['segment.bytes', '5'],
      ['compression.type', 'none'],
    ].map(([key, value]) => ({
      name: `CreateTopics with ${key} = ${value}`,
      ask: async (peer: Peer) => {
        const topics = [
          {
            name: peer.name('configs'),
            numPartitions: 1,
            replicationFactor: 1,
            assignments: [],
            configs: [{ name: key as string, value: value as string | null }],
          },
        ]
        return (await peer.ask([CreateTopicsRequest, CreateTopicsResponse], 7, { topics })).topics.map(({ errorCode }) => errorCode)
      },
    })),
  ]
}
