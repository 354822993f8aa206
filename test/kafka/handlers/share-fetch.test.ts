import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StagedChange } from '../../../src/broker/groups/offsets.ts'
import type { ShareGroupConfigs } from '../../../src/broker/shares/ports.ts'
import { ProduceRequest, ProduceResponse } from '../../../src/kafka/messages/produce.ts'
import { ShareAcknowledgeRequest, ShareAcknowledgeResponse } from '../../../src/kafka/messages/share-acknowledge.ts'
import { ShareFetchRequest, ShareFetchResponse } from '../../../src/kafka/messages/share-fetch.ts'
import { ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse } from '../../../src/kafka/messages/share-group-heartbeat.ts'
import type { Input } from '../../../src/kafka/wire/message.ts'
import { LocalLog } from '../../../src/log/local-log.ts'
import type { LogFailure, LogStore } from '../../../src/log/ports.ts'
import { DEFAULT_LOG_SETTINGS } from '../../../src/log/settings.ts'
import { systemRandom } from '../../../src/runtime/random.ts'
import { systemClock } from '../../../src/runtime/system-clock.ts'
import { MemoryFiles } from '../../../src/storage/memory-files.ts'
import { sharePolicy } from '../../broker/shares/policy.ts'
import { batchOf } from '../lib/batches.ts'
import { startKafka } from '../lib/harness.ts'
import { HeldLog, type HeldPartition } from '../lib/held-log.ts'
import { RawClient } from '../lib/raw-client.ts'

type FetchWords = Partial<Input<typeof ShareFetchRequest>> & {
  readonly acks?: readonly Ack[]
  readonly partitions?: readonly number[]
  readonly topicId?: string
}

interface Ack {
  readonly partition?: number
  readonly first: number
  readonly last: number
  readonly types: readonly number[]
}

const ACCEPT = [1]
const RELEASE = [2]
const REJECT = [3]

/** A broker with a topic of two partitions, and members that say what a test tells them. */
async function setup(
  configs: Partial<ShareGroupConfigs> = {},
  options: { readonly maxShareSessions?: number; readonly files?: MemoryFiles; readonly log?: LogStore } = {},
) {
  const files = options.files ?? new MemoryFiles()
  const log = options.log ?? new LocalLog(files, systemClock, systemRandom, null, { ...DEFAULT_LOG_SETTINGS, journalFileBytes: 1_048_576 })
  const kafka = await startKafka(log, { sharePolicy: sharePolicy(configs), maxShareSessions: options.maxShareSessions ?? 100 })
  const made = kafka.topics.get('t') ?? kafka.topics.create({ name: 't', partitions: 2 }, () => {})
  assert.ok('partitions' in made)
  const topic = made
  const producer = await RawClient.connect(kafka.address)
  const produce = async (values: readonly string[], index = 0) => {
    const value = await producer.ask([ProduceRequest, ProduceResponse], 13, {
      transactionalId: null,
      acks: -1,
      timeoutMs: 1_000,
      topicData: [{ name: '', topicId: topic.id, partitionData: [{ index, records: batchOf(values) }] }],
    })
    assert.equal(value.responses[0]?.partitionResponses[0]?.errorCode, 0)
  }
  const ackTopics = (acks: readonly Ack[], partitions: readonly number[]) => {
    const all = new Set([...partitions, ...acks.map(({ partition }) => partition ?? 0)])
    return [...all].map((partitionIndex) => ({
      partitionIndex,
      acknowledgementBatches: acks
        .filter(({ partition }) => (partition ?? 0) === partitionIndex)
        .map(({ first, last, types }) => ({ firstOffset: first, lastOffset: last, acknowledgeTypes: types })),
    }))
  }
  const append = (change: StagedChange) =>
    new Promise<void>((resolve) => {
      const onDone = (failed: LogFailure | null) => {
        change.settle(failed === null)
        resolve()
      }
      if (change.records.length === 0) resolve()
      else log.append({ batches: [], state: change.records, durability: 'durable', onDone })
    })
  /** As the first heartbeat of a member does. */
  const makeKnown = (groupId: string) => {
    const places = topic.partitions.map(({ index }) => ({ topicId: topic.id, partition: index }))
    return append(kafka.broker.shares.stageFirst(groupId, places))
  }
  const member = async (memberId: string, groupId = 'g') => {
    await makeKnown(groupId)
    // As a heartbeat of a member does.
    const places = topic.partitions.map(({ index }) => ({ topicId: topic.id, partition: index }))
    const staged = kafka.broker.shares.stageFirst(groupId, places)
    log.append({ batches: [], state: [...staged.records], durability: 'durable', onDone: (failed) => staged.settle(failed === null) })
    const client = await RawClient.connect(kafka.address)
    const fetch = async (shareSessionEpoch: number, words: FetchWords = {}, version = 2) => {
      const { acks = [], partitions = shareSessionEpoch === 0 ? [0] : [], topicId = topic.id, ...rest } = words
      const asked = ackTopics(acks, partitions)
      const value = await client.ask([ShareFetchRequest, ShareFetchResponse], version, {
        groupId,
        memberId,
        shareSessionEpoch,
        maxWaitMs: 10_000,
        minBytes: 1,
        maxBytes: 1_000_000,
        maxRecords: 500,
        batchSize: 500,
        topics: asked.length === 0 ? [] : [{ topicId, partitions: asked }],
        forgottenTopicsData: [],
        ...rest,
      })
      return value
    }
    const acknowledge = async (shareSessionEpoch: number, acks: readonly Ack[], words: { readonly isRenewAck?: boolean; readonly topicId?: string } = {}) => {
      const value = await client.ask([ShareAcknowledgeRequest, ShareAcknowledgeResponse], 2, {
        groupId,
        memberId,
        shareSessionEpoch,
        isRenewAck: words.isRenewAck ?? false,
        topics: acks.length === 0 ? [] : [{ topicId: words.topicId ?? topic.id, partitions: ackTopics(acks, []) }],
      })
      return value
    }
    return { client, fetch, acknowledge }
  }
  return {
    kafka,
    topic,
    produce,
    append,
    member,
    async [Symbol.asyncDispose]() {
      await kafka[Symbol.asyncDispose]()
    },
  }
}

type FetchAnswer = Awaited<ReturnType<Awaited<ReturnType<Awaited<ReturnType<typeof setup>>['member']>>['fetch']>>

/** `0-2×1`: offsets 0 to 2, delivered for the first time. */
function acquired(answer: FetchAnswer, partition = 0): string[] {
  assert.equal(answer.errorCode, 0)
  const found = answer.responses.flatMap(({ partitions }) => partitions).find(({ partitionIndex }) => partitionIndex === partition)
  assert.equal(found?.errorCode ?? 0, 0)
  return (found?.acquiredRecords ?? []).map(({ firstOffset, lastOffset, deliveryCount }) => `${firstOffset}-${lastOffset}×${deliveryCount}`)
}

function ackErrors(answer: FetchAnswer): number[] {
  return answer.responses.flatMap(({ partitions }) => partitions.map(({ acknowledgeErrorCode }) => acknowledgeErrorCode))
}

test('two members share a partition: none gets what the other has', async () => {
  await using broker = await setup()
  await broker.produce(['a', 'b', 'c'])
  const one = await broker.member('one')
  const two = await broker.member('two')
  assert.deepEqual(acquired(await one.fetch(0)), ['0-2×1'])
  const waiting = two.fetch(0)
  await broker.produce(['d', 'e'])
  assert.deepEqual(acquired(await waiting), ['3-4×1'])
})

test('what is accepted does not come back, what is released does, to whoever asks', async () => {
  await using broker = await setup()
  await broker.produce(['a', 'b', 'c', 'd'])
  const one = await broker.member('one')
  const two = await broker.member('two')
  assert.deepEqual(acquired(await one.fetch(0)), ['0-3×1'])
  const answer = await one.acknowledge(1, [
    { first: 0, last: 1, types: ACCEPT },
    { first: 2, last: 3, types: [2, 3] },
  ])
  assert.deepEqual([answer.errorCode, answer.acquisitionLockTimeoutMs, answer.responses[0]?.partitions[0]?.errorCode], [0, 30_000, 0])
  assert.deepEqual(acquired(await two.fetch(0)), ['2-2×2'])
})

test('acknowledgements come along with the next fetch', async () => {
  await using broker = await setup()
  await broker.produce(['a', 'b'])
  const one = await broker.member('one')
  assert.deepEqual(acquired(await one.fetch(0)), ['0-1×1'])
  await broker.produce(['c'])
  const next = await one.fetch(1, { acks: [{ first: 0, last: 1, types: RELEASE }] })
  assert.deepEqual([ackErrors(next), acquired(next)], [[0], ['2-2×1']])
  assert.deepEqual(acquired(await one.fetch(2)), ['0-1×2'])
})

test('a record that was delivered five times is not delivered again', async () => {
  await using broker = await setup()
  await broker.produce(['poison'])
  const one = await broker.member('one')
  for (let delivery = 1; delivery <= 5; delivery++) {
    assert.deepEqual(acquired(await one.fetch(delivery === 1 ? 0 : 2 * (delivery - 1))), [`0-0×${delivery}`])
    await one.acknowledge(2 * delivery - 1, [{ first: 0, last: 0, types: RELEASE }])
  }
  await broker.produce(['fine'])
  assert.deepEqual(acquired(await one.fetch(10)), ['1-1×1'])
})

test('the lock of a member ends, and what it says of the record later is refused', async () => {
  await using broker = await setup({ recordLockDurationMs: 50 })
  await broker.produce(['a'])
  const one = await broker.member('one')
  const two = await broker.member('two')
  assert.deepEqual(acquired(await one.fetch(0)), ['0-0×1'])
  assert.deepEqual(acquired(await two.fetch(0)), ['0-0×2'])
  const late = await one.acknowledge(1, [{ first: 0, last: 0, types: ACCEPT }])
  assert.equal(late.responses[0]?.partitions[0]?.errorCode, 121)
})

test('a member whose connection ends has nothing any more', async () => {
  await using broker = await setup()
  await broker.produce(['a', 'b'])
  const one = await broker.member('one')
  const two = await broker.member('two')
  assert.deepEqual(acquired(await one.fetch(0)), ['0-1×1'])
  const waiting = two.fetch(0)
  one.client.socket.destroy()
  assert.deepEqual(acquired(await waiting), ['0-1×2'])
})

test('the last request of a session gives back what it does not acknowledge', async () => {
  await using broker = await setup()
  await broker.produce(['a', 'b', 'c'])
  const one = await broker.member('one')
  const two = await broker.member('two')
  assert.deepEqual(acquired(await one.fetch(0)), ['0-2×1'])
  const last = await one.acknowledge(-1, [{ first: 0, last: 0, types: ACCEPT }])
  assert.equal(last.errorCode, 0)
  assert.equal((await one.acknowledge(2, [])).errorCode, 122)
  assert.deepEqual(acquired(await two.fetch(0)), ['1-2×2'])
})

test('a session has its epochs', async () => {
  await using broker = await setup()
  await broker.produce(['a'])
  const one = await broker.member('one')
  assert.equal((await one.fetch(1)).errorCode, 122)
  assert.equal((await one.fetch(-1)).errorCode, 122)
  assert.equal((await one.acknowledge(0, [])).errorCode, 123)
  assert.equal((await one.acknowledge(1, [])).errorCode, 122)
  assert.equal((await one.fetch(0, { acks: [{ first: 0, last: 0, types: ACCEPT }] })).errorCode, 42)
  assert.equal((await one.fetch(0)).errorCode, 0)
  assert.equal((await one.fetch(2)).errorCode, 123)
  assert.equal((await one.acknowledge(3, [])).errorCode, 123)
  assert.equal((await one.acknowledge(1, [])).errorCode, 0)
  assert.equal((await one.fetch(2, { maxWaitMs: 0 })).errorCode, 0)
})

test('sessions are bounded; who finds no place is told after its time', async () => {
  await using broker = await setup({}, { maxShareSessions: 1 })
  const one = await broker.member('one')
  const two = await broker.member('two')
  await one.fetch(0, { maxWaitMs: 0 })
  assert.equal((await two.fetch(0, { maxWaitMs: 5 })).errorCode, 133)
  await one.fetch(-1)
  assert.equal((await two.fetch(0, { maxWaitMs: 5 })).errorCode, 0)
})

test('what is known of a partition outlives the broker', async () => {
  const files = new MemoryFiles()
  {
    await using broker = await setup({}, { files })
    await broker.produce(['a', 'b', 'c', 'd', 'e'])
    const one = await broker.member('one')
    const subscribedTopicNames = ['t']
    // What is kept for a group that nobody ever was in goes with the broker.
    await one.client.ask([ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse], 1, { groupId: 'g', memberId: 'one', memberEpoch: 0, subscribedTopicNames })
    assert.deepEqual(acquired(await one.fetch(0)), ['0-4×1'])
    await one.acknowledge(1, [
      { first: 0, last: 0, types: ACCEPT },
      { first: 2, last: 2, types: RELEASE },
      { first: 4, last: 4, types: REJECT },
    ])
  }
  await using broker = await setup({}, { files })
  const two = await broker.member('two')
  // Of 1 and 3, which the member had when the broker ended, its connection's end said that they are free.
  assert.deepEqual(acquired(await two.fetch(0)), ['1-3×2'])
  assert.equal(broker.kafka.broker.shares.summary('g', broker.topic.id, 0)?.startOffset, 1)
})

test('a topic that is made anew is shared from its own start', async () => {
  await using broker = await setup()
  await broker.produce(['a', 'b'])
  const one = await broker.member('one')
  assert.deepEqual(acquired(await one.fetch(0)), ['0-1×1'])
  const waiting = one.fetch(1)
  broker.kafka.topics.delete(broker.topic, () => {})
  const ended = await waiting
  assert.equal(ended.responses[0]?.partitions[0]?.errorCode, 100)
  const again = await new Promise<boolean>((resolve) => broker.kafka.topics.create({ name: 't', partitions: 1 }, (failed) => resolve(failed === null)))
  assert.ok(again)
  assert.equal(broker.kafka.broker.shares.hasState('g'), false)
})

test('no more records than are wanted are taken where the client says so', async () => {
  await using broker = await setup()
  await broker.produce(['a', 'b', 'c', 'd', 'e'])
  const one = await broker.member('one')
  const two = await broker.member('two')
  assert.deepEqual(acquired(await one.fetch(0, { maxRecords: 2, shareAcquireMode: 1 })), ['0-1×1'])
  assert.deepEqual(acquired(await two.fetch(0, { maxRecords: 2 })), ['2-4×1'])
})

test('a lock is renewed', async () => {
  await using broker = await setup({ recordLockDurationMs: 1_000 })
  await broker.produce(['a'])
  const one = await broker.member('one')
  assert.deepEqual(acquired(await one.fetch(0)), ['0-0×1'])
  const refused = await one.acknowledge(1, [{ first: 0, last: 0, types: [4] }])
  assert.equal(refused.responses[0]?.partitions[0]?.errorCode, 42)
  const renewed = await one.acknowledge(2, [{ first: 0, last: 0, types: [4] }], { isRenewAck: true })
  assert.equal(renewed.responses[0]?.partitions[0]?.errorCode, 0)
  assert.equal((await one.fetch(3, { isRenewAck: true })).errorCode, 42)
  const none = { maxBytes: 0, minBytes: 0, maxRecords: 0, maxWaitMs: 0 }
  const fetched = await one.fetch(3, { isRenewAck: true, ...none, acks: [{ first: 0, last: 0, types: [4] }] })
  assert.deepEqual([fetched.errorCode, ackErrors(fetched)], [0, [0]])
})

test('a fetch waits for as many bytes as it wants, but not longer than it says', async () => {
  await using broker = await setup()
  await broker.produce(['a'])
  const one = await broker.member('one')
  const waiting = one.fetch(0, { minBytes: 130 })
  await broker.produce(['b'])
  assert.deepEqual(acquired(await waiting), ['0-1×1'])
  await broker.produce(['c'])
  assert.deepEqual(acquired(await one.fetch(1, { minBytes: 1_000, maxWaitMs: 20 })), ['2-2×1'])
})

test('what is only on disk is read once, whoever waits for it', async () => {
  const log = new HeldLog()
  await using broker = await setup({}, { log })
  await broker.produce(['a', 'b', 'c', 'd'])
  await broker.produce(['e', 'f', 'g', 'h'])
  for (const { log: partition } of broker.topic.partitions) (partition as HeldPartition).onDisk = true
  const members = await Promise.all(['one', 'two', 'three'].map((id) => broker.member(id)))
  const answers = await Promise.all(members.map((member) => member.fetch(0, { maxRecords: 4, maxWaitMs: 100 })))
  assert.deepEqual(answers.flatMap((answer) => acquired(answer)).sort(), ['0-3×1', '4-7×1'])
})

test('a partition that no member of the group came to is none', async () => {
  await using broker = await setup()
  await broker.produce(['a'])
  const one = await broker.member('one')
  await broker.append(broker.kafka.broker.shares.stageDeletion('g', null))
  const answer = await one.fetch(0)
  assert.equal(answer.responses[0]?.partitions[0]?.errorCode, -1)
  assert.equal((await one.acknowledge(1, [{ first: 0, last: 0, types: ACCEPT }])).responses[0]?.partitions[0]?.errorCode, 3)
  assert.equal(broker.kafka.broker.shares.hasState('g'), false)
})

test('groups know nothing of each other', async () => {
  await using broker = await setup()
  await broker.produce(['a', 'b'])
  const one = await broker.member('one')
  const other = await broker.member('one', 'another group')
  assert.deepEqual(acquired(await one.fetch(0)), ['0-1×1'])
  assert.deepEqual(acquired(await other.fetch(0)), ['0-1×1'])
})

test('in flight are as many records as the group may have, and no more until some are dealt with', async () => {
  await using broker = await setup({ partitionMaxRecordLocks: 4 })
  for (const value of ['a', 'b', 'c', 'd', 'e', 'f']) await broker.produce([value])
  const one = await broker.member('one')
  const two = await broker.member('two')
  assert.deepEqual(acquired(await one.fetch(0)), ['0-3×1'])
  const waiting = two.fetch(0)
  await one.acknowledge(1, [{ first: 1, last: 3, types: RELEASE }])
  assert.deepEqual(acquired(await waiting), ['1-3×2'])
  const next = one.fetch(2, { acks: [{ first: 0, last: 0, types: ACCEPT }] })
  assert.deepEqual(acquired(await next), ['4-4×1'])
})

test('records of a deleted beginning are not waited for', async () => {
  await using broker = await setup()
  await broker.produce(['a', 'b', 'c'])
  const one = await broker.member('one')
  assert.deepEqual(acquired(await one.fetch(0)), ['0-2×1'])
  await broker.produce(['d'])
  const partition = broker.topic.partitions[0]
  assert.ok(partition)
  await new Promise<void>((resolve) => partition.log.raiseStart(3, () => resolve()))
  assert.deepEqual(acquired(await one.fetch(1)), ['3-3×1'])
  assert.equal((await one.acknowledge(2, [{ first: 0, last: 2, types: ACCEPT }])).responses[0]?.partitions[0]?.errorCode, 0)
})

test('a group that no member was ever in is given nothing, and nothing is kept for it', async () => {
  await using broker = await setup()
  await broker.produce(['a'])
  const one = await broker.member('one')
  const { errorCode, responses } = await one.fetch(0, { groupId: 'stray', maxWaitMs: 0 })
  assert.deepEqual([errorCode, responses[0]?.partitions[0]?.errorCode, responses[0]?.partitions[0]?.acquiredRecords], [0, -1, []])
  assert.equal(broker.kafka.broker.shares.hasState('stray'), false)
})

test('what was given and came back as a whole is given as a whole', async () => {
  await using broker = await setup()
  for (let batch = 0; batch < 3; batch++) await broker.produce(['a', 'b', 'c', 'd', 'e'])
  const one = await broker.member('one')
  assert.deepEqual(acquired(await one.fetch(0, { maxRecords: 6 })), ['0-9×1'])
  const again = await one.fetch(1, { acks: [{ first: 0, last: 9, types: RELEASE }], maxRecords: 3 })
  // The release is not durable yet: what is free is new.
  assert.deepEqual(acquired(again), ['10-14×1'])
  assert.deepEqual(acquired(await one.fetch(2, { maxRecords: 3 })), ['0-9×2'])
})
