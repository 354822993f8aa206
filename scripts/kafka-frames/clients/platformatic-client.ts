import { Admin, Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'

/** `@platformatic/kafka` through the APIs whose frames are recorded. Arguments: bootstrap server, topic prefix, plain|sasl. */
const [bootstrap, prefix, mode] = process.argv.slice(2) as [string, string, string]
const sasl = mode === 'plain' ? {} : { sasl: { mechanism: 'PLAIN' as const, username: 'alice', password: 'wonderland' } }
const common = { clientId: 'golden', bootstrapBrokers: [bootstrap], ...sasl }
const admin = new Admin(common)
if (mode === 'plain') await everything()
else await admin.metadata({ topics: [] })
await admin.close()

async function attempt(call: () => Promise<unknown>): Promise<void> {
  await call().catch((error: unknown) => console.log('answered:', String(error)))
}

async function everything(): Promise<void> {
  const topic = `${prefix}-orders`
  const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
  await admin.createTopics({ topics: [topic], partitions: 2, replicas: 1 })
  await admin.createTopics({ topics: codecs.map((codec) => `${prefix}-golden-${codec}`), partitions: 1, replicas: 1 })
  const producer = new Producer({ ...common, serializers: stringSerializers, idempotent: true })
  for (const codec of codecs) {
    const messages = Array.from({ length: 10 }, (_, i) => ({
      topic: `${prefix}-golden-${codec}`,
      key: `key-${i}`,
      value: `value ${i} ${'abc'.repeat(30)}`,
      headers: { origin: 'golden' },
      timestamp: BigInt(1_700_000_000_000 + i),
    }))
    await attempt(() => producer.send({ messages, compression: codec }))
  }
  await producer.send({ messages: [0, 1, 2, 3].map((i) => ({ topic, key: `k${i}`, value: 'v', partition: i % 2 })) })
  await producer.close()

  const consumer = new Consumer({ ...common, groupId: `${prefix}-group`, deserializers: stringDeserializers, heartbeatInterval: 300 })
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest', maxWaitTime: 500 })
  let read = 0
  for await (const message of stream) {
    read += 1
    if (read === 4) {
      await message.commit()
      break
    }
  }
  await attempt(() => admin.describeGroups({ groups: [`${prefix}-group`] }))
  await attempt(() => consumer.listOffsets({ topics: [topic] }))
  await consumer.close(true)
  await attempt(() => admin.listGroups())
  await attempt(() => admin.deleteGroups({ groups: [`${prefix}-group`] }))
  await attempt(() => admin.deleteTopics({ topics: [topic] }))
}
