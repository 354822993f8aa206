import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startBroker } from '../../src/index.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../src/kafka/messages/create-topics.ts'
import { DeleteRecordsRequest, DeleteRecordsResponse } from '../../src/kafka/messages/delete-records.ts'
import { DeleteTopicsRequest, DeleteTopicsResponse } from '../../src/kafka/messages/delete-topics.ts'
import { EndTxnRequest, EndTxnResponse } from '../../src/kafka/messages/end-txn.ts'
import { InitProducerIdRequest, InitProducerIdResponse } from '../../src/kafka/messages/init-producer-id.ts'
import { ZERO_UUID } from '../../src/util/uuid.ts'
import { Peer } from '../compat/differential/question.ts'
import { TransactionalProducer } from '../compat/differential/transactional-producer.ts'
import { temporaryFolder } from '../log/log-harness.ts'

function peerOf({ kafka }: { readonly kafka: string }): Peer {
  const [host, port] = kafka.split(':') as [string, string]
  return new Peer({ host, port: Number(port) })
}

async function deleteRecords(peer: Peer, topic: string, offset: number): Promise<unknown> {
  const answer = await peer.ask([DeleteRecordsRequest, DeleteRecordsResponse], 2, {
    topics: [{ name: topic, partitions: [{ partitionIndex: 0, offset }] }],
    timeoutMs: 5_000,
  })
  const part = answer.topics[0]?.partitions[0]
  return part?.errorCode === 0 ? part.lowWatermark : `error ${part?.errorCode}`
}

async function deleteTopic(peer: Peer, name: string): Promise<void> {
  const answer = await peer.ask([DeleteTopicsRequest, DeleteTopicsResponse], 6, { topics: [{ name, topicId: ZERO_UUID }], topicNames: [], timeoutMs: 5_000 })
  assert.equal(answer.responses[0]?.errorCode, 0)
}

async function makeTopic(peer: Peer, name: string, configs: { name: string; value: string }[] = []): Promise<void> {
  const topics = [{ name, numPartitions: 2, replicationFactor: 1, assignments: [], configs }]
  const answer = await peer.ask([CreateTopicsRequest, CreateTopicsResponse], 7, { topics })
  assert.equal(answer.topics[0]?.errorCode, 0)
}

for (const commit of [true, false]) {
  test(`records deleted out of an open transaction are gone, and it ends by a ${commit ? 'commit' : 'abort'}, also after a restart`, async () => {
    const folder = temporaryFolder()
    try {
      let broker = await startBroker({ storage: `file:${folder.path}` })
      let peer = peerOf(broker)
      let producer = new TransactionalProducer(peer)
      await producer.makeTopic()
      await producer.init()
      for (let i = 0; i < 4; i++) await producer.produce(0, i)
      assert.equal(await deleteRecords(peer, producer.topic, 2), 2)
      // Nothing before the log start is there, so nothing before it is stable: Kafka's last stable offset follows the log start.
      assert.equal(await producer.latest(1), 2)
      assert.equal(await deleteRecords(peer, producer.topic, -1), 4, 'up to the high watermark, over all of the transaction')
      assert.equal(await producer.latest(1), 4)
      await producer.produce(0, 4)
      assert.deepEqual([await producer.latest(0), await producer.latest(1)], [5, 4])
      await broker.close()

      broker = await startBroker({ storage: `file:${folder.path}` })
      peer = peerOf(broker)
      producer = Object.assign(new TransactionalProducer(peer), { ...producer })
      assert.equal(await producer.latest(1), 4)
      assert.equal(await producer.end(commit), 'epoch 1')
      assert.equal(await producer.latest(1), 6)
      const { aborted } = (await producer.fetch(1, 4)) as { aborted: readonly number[] }
      assert.deepEqual(aborted, commit ? [] : [0])
      await broker.close()
    } finally {
      folder.remove()
    }
  })
}

test('retention passes over an open transaction, which still ends, and what is left of it is told aborted', async () => {
  await using broker = await startBroker({ settings: { 'log.retention.check.interval.ms': 20 } })
  const peer = peerOf(broker)
  const producer = new TransactionalProducer(peer)
  await makeTopic(peer, producer.topic, [
    { name: 'segment.bytes', value: '1048576' },
    { name: 'retention.bytes', value: '1048576' },
  ])
  await producer.init()
  let sequence = 0
  for (let i = 0; i < 40; i++) {
    // Some 90 KB each: the segments before the last go.
    assert.equal(await producer.produce(0, sequence, { count: 1_200, padBytes: 64 }), `at ${sequence}`)
    sequence += 1_200
  }
  for (let tries = 0; (await producer.earliest()) === 0 && tries < 200; tries++) await new Promise((resolve) => setTimeout(resolve, 20))
  const start = (await producer.earliest()) as number
  assert.ok(start > 0, 'retention took the beginning of the transaction')
  const stable = (await producer.latest(1)) as number
  assert.ok(stable >= start && stable <= ((await producer.earliest()) as number), 'nothing of it is stable but what is gone')
  assert.equal(await producer.end(false), 'epoch 1')
  assert.equal(await producer.latest(1), sequence + 1)
  const { aborted } = (await producer.fetch(1, sequence)) as { aborted: readonly number[] }
  assert.deepEqual(aborted, [0])
})

test('a topic deleted, or made anew, under an open transaction does not keep it from ending', async () => {
  await using broker = await startBroker()
  const peer = peerOf(broker)
  const producer = new TransactionalProducer(peer)
  await producer.makeTopic()
  await producer.init()
  await producer.produce(0, 0)
  await producer.commitOffset(1)
  await deleteTopic(peer, producer.topic)
  assert.equal(await producer.end(true), 'epoch 1')
  await makeTopic(peer, producer.topic)
  assert.equal(await producer.committed(true), 'offset -1', 'the offset was one of the topic before')
  await producer.produce(0, 0)
  await deleteTopic(peer, producer.topic)
  await makeTopic(peer, producer.topic)
  assert.equal(await producer.end(false), 'epoch 2')
  assert.deepEqual([await producer.latest(0), await producer.latest(1)], [0, 0], 'no marker in the new one')
  assert.equal(await producer.produce(0, 0), 'at 0')
  assert.equal(await producer.end(true), 'epoch 3')
  assert.equal(await producer.latest(1), 2)
})

test('InitProducerId and EndTxn at the same time, on two connections: one of them is first, and the log agrees with what was answered', async () => {
  await using broker = await startBroker()
  const peer = peerOf(broker)
  for (let round = 0; round < 20; round++) {
    const producer = new TransactionalProducer(peer)
    await producer.makeTopic()
    await producer.init()
    await producer.produce(0, 0)
    const { transactionalId, producerId, epoch: producerEpoch } = producer
    await using first = await peer.connect()
    await using second = await peer.connect()
    const end = () => first.ask([EndTxnRequest, EndTxnResponse], 5, { transactionalId, producerId, producerEpoch, committed: true })
    const init = () =>
      second.ask([InitProducerIdRequest, InitProducerIdResponse], 5, { transactionalId, transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1 })
    const [ended, begun] = round % 2 === 0 ? await Promise.all([end(), init()]) : (await Promise.all([init(), end()])).reverse()
    assert.ok([0, 51, 90].includes(ended?.errorCode as number), `EndTxn ${ended?.errorCode}`)
    assert.ok([0, 51].includes(begun?.errorCode as number), `InitProducerId ${begun?.errorCode}`)
    assert.equal(await producer.latest(1), 2)
    const { aborted } = (await producer.fetch(1)) as { aborted: readonly number[] }
    assert.deepEqual(aborted, ended?.errorCode === 0 ? [] : [0])
    assert.match(await producer.init(), /^epoch [123]$/)
    assert.equal(await producer.end(true, { epoch: 0 }), 'error 90')
  }
})

test('two producers with one transactional id: only the newer one gets anything in', async () => {
  await using broker = await startBroker()
  const peer = peerOf(broker)
  const older = new TransactionalProducer(peer)
  await older.makeTopic()
  await older.init()
  await older.produce(0, 0)
  const newer = Object.assign(new TransactionalProducer(peer), { transactionalId: older.transactionalId, topic: older.topic, groupId: older.groupId })
  assert.equal(await newer.init(), 'error 51', 'what is open is aborted first')
  assert.equal(await newer.init(), 'epoch 2')
  assert.equal(await older.produce(0, 1), 'error 47')
  assert.equal(await older.produce(1, 0), 'error 47')
  assert.equal(await older.commitOffset(3), 47)
  assert.equal(await older.end(true), 'error 90')
  await newer.produce(0, 0)
  assert.equal(await older.end(false), 'error 90')
  await newer.end(true)
  const { aborted, batches } = (await newer.fetch(1)) as { aborted: readonly number[]; batches: readonly string[] }
  assert.deepEqual(aborted, [0])
  assert.equal(batches.length, 4)
})
