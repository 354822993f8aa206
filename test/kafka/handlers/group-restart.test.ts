import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InitProducerIdRequest, InitProducerIdResponse } from '../../../src/kafka/messages/init-producer-id.ts'
import { LocalLog } from '../../../src/log/local-log.ts'
import { DEFAULT_LOG_SETTINGS } from '../../../src/log/settings.ts'
import { systemRandom } from '../../../src/runtime/random.ts'
import { systemClock } from '../../../src/runtime/system-clock.ts'
import { MemoryFiles } from '../../../src/storage/memory-files.ts'
import { GroupClient } from '../lib/group-client.ts'
import { startKafka } from '../lib/harness.ts'

const openLog = (files: MemoryFiles) => new LocalLog(files, systemClock, systemRandom, null, { ...DEFAULT_LOG_SETTINGS, journalFileBytes: 1_048_576 })

async function producerId(client: GroupClient): Promise<number> {
  const request = { transactionalId: null, transactionTimeoutMs: 1_000, producerId: -1, producerEpoch: -1 }
  return (await client.raw.ask([InitProducerIdRequest, InitProducerIdResponse] as const, 5, request)).producerId
}

test('members, offsets and producer ids outlive a restart of the broker', async () => {
  const files = new MemoryFiles()
  const before = await startKafka(openLog(files))
  const topic = before.topics.create({ name: 't', partitions: 2 }, () => {})
  assert.ok('partitions' in topic)
  const one = await GroupClient.connect(before.address)
  const joined = await one.enter()
  const member = { memberId: joined.memberId, generation: joined.generationId }
  const synced = await one.sync(member, { [member.memberId]: 'both' })
  assert.equal(synced.assignment.toString(), 'both')
  assert.equal(await one.commit({ ...member, topicId: topic.id, offset: 17, metadata: 'kept' }), 0)
  const firstId = await producerId(one)
  await one[Symbol.asyncDispose]()
  await before[Symbol.asyncDispose]()

  await using after = await startKafka(openLog(files))
  await using same = await GroupClient.connect(after.address)
  assert.equal(await same.heartbeat(member), 0)
  assert.equal((await same.sync(member)).assignment.toString(), 'both')
  const fetched = await same.fetch([0], topic.id)
  const { committedOffset, committedLeaderEpoch, metadata } = fetched.groups[0]?.topics[0]?.partitions[0] ?? {}
  assert.deepEqual({ committedOffset, committedLeaderEpoch, metadata }, { committedOffset: 17, committedLeaderEpoch: 2, metadata: 'kept' })
  assert.equal(await same.commit({ ...member, topicId: topic.id, offset: 18 }), 0)
  assert.ok((await producerId(same)) > firstId)
  assert.equal((await same.describe()).groups[0]?.groupState, 'Stable')
})
