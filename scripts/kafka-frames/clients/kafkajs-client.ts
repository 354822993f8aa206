import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs from 'kafkajs'

/** kafkajs through the APIs whose frames are recorded. Arguments: bootstrap server, topic prefix, plain|sasl. */
const [bootstrap, prefix, mode] = process.argv.slice(2) as [string, string, string]
const sasl = mode === 'plain' ? {} : { sasl: { mechanism: 'plain' as const, username: 'alice', password: 'wonderland' } }
const kafka = new kafkajs.Kafka({ brokers: [bootstrap], clientId: 'golden', logLevel: kafkajs.logLevel.NOTHING, ...sasl })
const admin = kafka.admin()
await admin.connect()
if (mode === 'plain') await everything()
else await rights()
await admin.disconnect()

/** One that commits records and an offset, one that aborts. */
async function transactions(topic: string): Promise<void> {
  const producer = kafka.producer({ transactionalId: `${prefix}-txn`, maxInFlightRequests: 1, idempotent: true })
  await producer.connect()
  const committed = await producer.transaction()
  await committed.send({ topic, messages: [{ key: 'k', value: 'committed', partition: 0 }] })
  await committed.sendOffsets({ consumerGroupId: `${prefix}-txn-group`, topics: [{ topic, partitions: [{ partition: 0, offset: '1' }] }] })
  await committed.commit()
  const aborted = await producer.transaction()
  await aborted.send({ topic, messages: [{ key: 'k', value: 'aborted', partition: 1 }] })
  await aborted.abort()
  await producer.disconnect()
}

/** Only a broker with an authorizer has them. */
async function rights(): Promise<void> {
  const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs
  const resource = { resourceType: AclResourceTypes.TOPIC, resourceName: 'orders', resourcePatternType: ResourcePatternTypes.PREFIXED }
  const acl = { ...resource, principal: 'User:carol', host: '*', operation: AclOperationTypes.READ, permissionType: AclPermissionTypes.ALLOW }
  await admin.createAcls({ acl: [acl] })
  await admin.describeAcls(acl)
  await admin.deleteAcls({ filters: [acl] })
}

async function everything(): Promise<void> {
  const topic = `${prefix}-orders`
  const topics = [topic, `${prefix}-golden-none`, `${prefix}-golden-gzip`]
  await admin.createTopics({ topics: topics.map((name) => ({ topic: name, numPartitions: name === topic ? 2 : 1, replicationFactor: 1 })) })
  const producer = kafka.producer({ idempotent: true })
  await producer.connect()
  for (const compression of [kafkajs.CompressionTypes.None, kafkajs.CompressionTypes.GZIP]) {
    const messages = Array.from({ length: 10 }, (_, i) => ({
      key: `key-${i}`,
      value: `value ${i} ${'abc'.repeat(30)}`,
      headers: { origin: 'golden' },
      timestamp: String(1_700_000_000_000 + i),
    }))
    await producer.send({ topic: compression === kafkajs.CompressionTypes.None ? `${prefix}-golden-none` : `${prefix}-golden-gzip`, compression, messages })
  }
  await producer.send({ topic, messages: [0, 1, 2, 3].map((i) => ({ key: `k${i}`, value: 'v', partition: i % 2 })) })
  await producer.disconnect()
  await transactions(topic)

  const consumer = kafka.consumer({ groupId: `${prefix}-group`, heartbeatInterval: 300 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  let read = 0
  const all = Promise.withResolvers<void>()
  await consumer.run({
    eachMessage: async () => {
      read += 1
      if (read === 5) all.resolve()
    },
  })
  await all.promise
  await sleep(1000)
  await admin.describeGroups([`${prefix}-group`])
  await consumer.disconnect()
  await admin.listGroups()
  await admin.fetchOffsets({ groupId: `${prefix}-group` })
  await admin.fetchTopicOffsets(topic)
  await admin.fetchTopicOffsetsByTimestamp(topic, 1000)
  await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }] })
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries: [{ name: 'retention.ms', value: '3600000' }] }],
  })
  await admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] })
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '1' }] })
  await admin.describeCluster()
  await admin.deleteGroups([`${prefix}-group`])
  await admin.deleteTopics({ topics: [topic] })
}
