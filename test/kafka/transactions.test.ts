import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { startBroker } from '../../src/index.ts'
import { Peer } from '../compat/differential/question.ts'
import { TRANSACTION_QUESTIONS } from '../compat/differential/questions/transactions.ts'
import { again, NOT_YET_CODE, TransactionalProducer } from '../compat/differential/transactional-producer.ts'
import { temporaryFolder } from '../log/log-harness.ts'

const golden: Record<string, unknown[]> = JSON.parse(await readFile(new URL('../golden/kafka/transactions.kafka-4.4.0.json', import.meta.url), 'utf8'))

function peerOf({ kafka }: { readonly kafka: string }): Peer {
  const [host, port] = kafka.split(':') as [string, string]
  return new Peer({ host, port: Number(port) })
}

for (const [name, expected] of Object.entries(golden)) {
  test(`as Apache Kafka 4.4.0: ${name}`, async () => {
    const question = TRANSACTION_QUESTIONS.find((each) => each.name === name)
    assert.ok(question !== undefined, 'the question is gone')
    await using broker = await startBroker()
    // What is undefined is not in JSON.
    assert.deepEqual(JSON.parse(JSON.stringify(await question.ask(peerOf(broker)))), expected)
  })
}

test('an open transaction, its records and its offsets outlive a restart, and end as if there had been none', async () => {
  const folder = temporaryFolder()
  try {
    let broker = await startBroker({ storage: `file:${folder.path}` })
    let producer = new TransactionalProducer(peerOf(broker))
    await producer.makeTopic()
    await producer.init()
    await producer.produce(0, 0, { count: 3 })
    await producer.commitOffset(7)
    await broker.close()

    broker = await startBroker({ storage: `file:${folder.path}` })
    producer = Object.assign(new TransactionalProducer(peerOf(broker)), { ...producer })
    assert.deepEqual([await producer.latest(0), await producer.latest(1)], [3, 0])
    assert.equal(await producer.committed(true), 'error 88')
    assert.equal(await producer.produce(0, 3), 'at 3')
    assert.equal(await producer.end(true), 'epoch 1')
    assert.deepEqual([await producer.latest(0), await producer.latest(1)], [5, 5])
    assert.equal(await producer.committed(true), 'offset 7')
    await broker.close()

    broker = await startBroker({ storage: `file:${folder.path}` })
    producer = Object.assign(new TransactionalProducer(peerOf(broker)), { ...producer })
    assert.equal(await producer.latest(1), 5)
    assert.equal(await producer.committed(true), 'offset 7')
    assert.equal(await producer.end(true, { epoch: 0 }), 'epoch 1', 'a commit whose answer was lost is answered again')
    await broker.close()
  } finally {
    folder.remove()
  }
})

test('a transaction that takes longer than its timeout is aborted, and its producer is fenced', async () => {
  await using broker = await startBroker({ settings: { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': 20 } })
  const producer = new TransactionalProducer(peerOf(broker))
  await producer.makeTopic()
  await producer.init({ timeoutMs: 30 })
  await producer.produce(0, 0)
  await again(async () => ((await producer.latest(1)) === 2 ? 0 : NOT_YET_CODE))
  assert.equal(await producer.produce(0, 1), 'error 47')
  assert.equal(await producer.end(true), 'error 48')
  assert.deepEqual(await producer.fetch(1), {
    batches: ['0+1 attributes 16 epoch 0 sequence 0', '1+1 attributes 48 epoch 1 sequence -1'],
    aborted: [0],
    isTold: true,
    lastStableOffset: 2,
    highWatermark: 2,
  })
})
