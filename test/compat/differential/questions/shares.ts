import type { Peer, Question } from '../question.ts'
import { type Ack, ShareWorld } from '../share-world.ts'
import { TransactionalProducer } from '../transactional-producer.ts'
import { makeTopic } from './topics-for-questions.ts'

const ACCEPT = 1
const RELEASE = 2
const REJECT = 3
const RENEW = 4

type Story = (world: ShareWorld) => Promise<unknown[]>

const STORIES: Readonly<Record<string, Story>> = {
  'records are taken, accepted, and gone': async (w) => {
    await w.produce(10)
    const a = await w.member('a')
    const told = [await a.fetch(0, { of: [0] }), await a.acknowledge(1, [[0, 0, 9, ACCEPT]])]
    await w.produce(5)
    told.push(await a.fetch(2), await a.fetch(3, { acks: [[0, 10, 14, ACCEPT]] }), await a.fetch(-1), await a.fetch(4))
    return told
  },
  'version 1': async (w) => {
    await w.produce(4)
    const a = await w.member('a')
    return [
      await a.fetch(0, { of: [0], version: 1 }),
      await a.acknowledge(1, [[0, 0, 0, RENEW]], { version: 1 }),
      await a.acknowledge(2, [[0, 0, 3, ACCEPT, RELEASE, REJECT, 0]], { version: 1 }),
      await a.fetch(3, { version: 1 }),
    ]
  },
  'several batches, and what is released of them': async (w) => {
    for (const count of [3, 1, 5]) await w.produce(count)
    const a = await w.member('a')
    const b = await w.member('b')
    return [
      await a.fetch(0, { of: [0] }),
      await a.acknowledge(1, [[0, 2, 4, RELEASE]]),
      await b.fetch(0, { of: [0] }),
      await b.acknowledge(1, [[0, 2, 4, RELEASE, ACCEPT, RELEASE]]),
      await a.fetch(2, {
        acks: [
          [0, 0, 1, ACCEPT],
          [0, 5, 8, RELEASE],
        ],
      }),
      await b.fetch(2),
    ]
  },
  'a record comes five times at most, and ever fewer come with it': async (w) => {
    await w.produce(16)
    const a = await w.member('a')
    const told: unknown[] = []
    let epoch = 0
    for (let round = 0; round < 12; round++) {
      const answer = await a.fetch(epoch, { of: epoch === 0 ? [0] : [], maxWaitMs: 300 })
      epoch++
      told.push(answer)
      const ranges = /"([^"]*×\d+)"/.exec(JSON.stringify(answer))?.[1]?.split(' ') ?? []
      const acks = ranges.map((range): Ack => {
        const [first = 0, last = 0] = (range.split('×')[0] ?? '').split('-').map(Number)
        return [0, first, last, RELEASE]
      })
      if (acks.length > 0) told.push(await a.acknowledge(epoch++, acks))
    }
    return told
  },
  'a limit of two deliveries': async (w) => {
    await w.configure({ 'share.delivery.count.limit': '2' })
    await w.produce(4)
    const a = await w.member('a')
    return [
      await a.fetch(0, { of: [0] }),
      await a.fetch(1, { acks: [[0, 0, 3, RELEASE]] }),
      await a.fetch(2),
      await a.fetch(3, { acks: [[0, 0, 1, RELEASE]] }),
      await a.fetch(4),
    ]
  },
  'how many records': async (w) => {
    for (let batch = 0; batch < 6; batch++) await w.produce(5)
    const a = await w.member('a')
    const b = await w.member('b')
    return [
      await a.fetch(0, { of: [0], maxRecords: 1 }),
      await a.fetch(1, { maxRecords: 7 }),
      await b.fetch(0, { of: [0], maxRecords: 100, batchSize: 5 }),
      await a.fetch(2, { acks: [[0, 0, 14, RELEASE]], maxRecords: 3 }),
      await a.fetch(3, { maxRecords: 3 }),
      await a.fetch(4, { maxRecords: 0, maxWaitMs: 0 }),
    ]
  },
  'groups of batches': async (w) => {
    for (let batch = 0; batch < 6; batch++) await w.produce(5)
    const a = await w.member('a')
    return [await a.fetch(0, { of: [0], batchSize: 8 }), await a.acknowledge(1, [[0, 0, 29, RELEASE]]), await a.fetch(2, { batchSize: 1 })]
  },
  'no record more than wanted': async (w) => {
    for (let batch = 0; batch < 3; batch++) await w.produce(5)
    const a = await w.member('a')
    const b = await w.member('b')
    const exact = { shareAcquireMode: 1 }
    return [
      await a.fetch(0, { of: [0], maxRecords: 2, ...exact }),
      await b.fetch(0, { of: [0], maxRecords: 2, ...exact }),
      await a.fetch(1, { maxRecords: 7, ...exact }),
      await a.fetch(2, { acks: [[0, 0, 1, RELEASE]], maxRecords: 4, ...exact }),
      await b.fetch(1, { maxRecords: 100, ...exact }),
    ]
  },
  'epochs of a session': async (w) => {
    await w.produce(2)
    const a = await w.member('a')
    return [
      await a.fetch(1),
      await a.fetch(-1),
      await a.acknowledge(0, []),
      await a.acknowledge(-1, []),
      await a.acknowledge(1, []),
      await a.fetch(0, { of: [0], acks: [[0, 0, 1, ACCEPT]] }),
      await a.fetch(0, { of: [0] }),
      await a.fetch(2),
      await a.acknowledge(7, []),
      await a.acknowledge(1, []),
      await a.fetch(1),
      await a.fetch(2, { maxWaitMs: 0 }),
      await a.acknowledge(-1, [[0, 0, 0, ACCEPT]]),
      await a.acknowledge(3, []),
    ]
  },
  'a session that is opened again': async (w) => {
    await w.produce(3)
    const a = await w.member('a')
    const b = await w.member('b')
    return [
      await a.fetch(0, { of: [0] }),
      await a.fetch(0, { of: [0], maxWaitMs: 300 }),
      await a.acknowledge(1, [[0, 0, 0, ACCEPT]]),
      await b.fetch(0, { of: [0], maxWaitMs: 300 }),
      await a.fetch(-1, { acks: [[0, 1, 1, ACCEPT]] }),
      await b.fetch(1),
    ]
  },
  'a connection that ends': async (w) => {
    await w.produce(3)
    const a = await w.member('a')
    const b = await w.member('b')
    const told = [await a.fetch(0, { of: [0] }), await b.fetch(0, { of: [0], maxWaitMs: 300 })]
    await a.disconnect()
    await new Promise((resolve) => setTimeout(resolve, 200))
    told.push(await b.fetch(1))
    const again = await w.member('a')
    told.push(await again.fetch(1))
    return told
  },
  'partitions come to a session and leave it': async (w) => {
    await w.produce(2, 0)
    await w.produce(3, 1)
    const a = await w.member('a')
    return [
      await a.fetch(0, { of: [0] }),
      await a.fetch(1, { of: [1] }),
      await a.fetch(2, { maxWaitMs: 0 }),
      await a.fetch(3, { forgottenTopicsData: [{ topicId: w.topic.id, partitions: [0] }], acks: [[0, 0, 0, RELEASE]] }),
      await a.fetch(4, { of: [0] }),
      await a.fetch(5, { of: [0, 1], acks: [[1, 0, 2, ACCEPT]], maxWaitMs: 0 }),
    ]
  },
  'partitions and topics that are not there': async (w) => {
    await w.produce(2)
    const a = await w.member('a')
    const unknown = 'bm8tc3VjaC10b3BpYy1pZA'
    return [
      await a.fetch(0, { of: [0, 9] }),
      await a.fetch(1, { maxWaitMs: 0 }),
      await a.acknowledge(2, [[9, 0, 0, ACCEPT]]),
      await a.acknowledge(3, [
        [0, 0, 0, ACCEPT],
        [9, 0, 0, ACCEPT],
      ]),
      await a.acknowledge(4, [[0, 0, 0, ACCEPT]], { topicId: unknown }),
      await a.fetch(5, { topicId: unknown, of: [0], maxWaitMs: 0 }),
      await a.fetch(6, { topicId: unknown, acks: [[0, 0, 0, ACCEPT]], maxWaitMs: 0 }),
      await a.fetch(0, { topicId: unknown, of: [0], maxWaitMs: 300 }),
    ]
  },
  'acknowledgements that make no sense': async (w) => {
    await w.produce(10)
    const a = await w.member('a')
    const b = await w.member('b')
    const told = [await a.fetch(0, { of: [0] })]
    const bad: (readonly Ack[])[] = [
      [[0, 3, 2, ACCEPT]],
      [
        [0, 5, 6, ACCEPT],
        [0, 0, 1, ACCEPT],
      ],
      [
        [0, 0, 1, ACCEPT],
        [0, 1, 2, ACCEPT],
      ],
      [[0, 0, 1]],
      [[0, 0, 2, ACCEPT, ACCEPT]],
      [[0, 0, 1, ACCEPT, ACCEPT, ACCEPT]],
      [[0, 0, 0, 5]],
      [[0, 0, 0, -1]],
      [[0, 0, 0, RENEW]],
      [[0, 9, 10, ACCEPT]],
      [[0, 20, 21, ACCEPT]],
      [[0, -5, -1, ACCEPT]],
      [[0, -1, 0, ACCEPT]],
      [[1, 0, 0, ACCEPT]],
    ]
    let epoch = 1
    for (const acks of bad) told.push(await a.acknowledge(epoch++, acks))
    for (const acks of bad.slice(0, 3)) told.push(await a.fetch(epoch++, { acks, maxWaitMs: 0 }))
    told.push(
      await b.fetch(0, { of: [0], maxWaitMs: 300 }),
      await b.acknowledge(1, [[0, 0, 0, ACCEPT]]),
      await a.acknowledge(epoch++, [[0, 4, 5, ACCEPT]]),
      await a.acknowledge(epoch++, [[0, 4, 5, ACCEPT]]),
      await a.acknowledge(epoch++, [[0, 3, 6, ACCEPT]]),
      await a.acknowledge(epoch++, [[0, 0, 3, ACCEPT]]),
      await a.acknowledge(epoch++, [[0, 0, 3, ACCEPT]]),
      await a.acknowledge(epoch++, [[0, 3, 7, ACCEPT]]),
      await a.acknowledge(epoch++, [[0, 6, 9, ACCEPT]]),
      await a.acknowledge(epoch++, [[0, 6, 9, ACCEPT]]),
      await a.acknowledge(epoch++, [[0, 10, 12, ACCEPT]]),
    )
    return told
  },
  'locks are renewed': async (w) => {
    await w.produce(3)
    const a = await w.member('a')
    const nothing = { maxBytes: 0, minBytes: 0, maxRecords: 0, maxWaitMs: 0 }
    const told = [
      await a.fetch(0, { of: [0] }),
      await a.acknowledge(1, [[0, 0, 2, RENEW]], { isRenewAck: true }),
      await a.acknowledge(2, [[0, 0, 2, RENEW, ACCEPT, RENEW]], { isRenewAck: true }),
      await a.acknowledge(3, [[0, 1, 1, RENEW]], { isRenewAck: true }),
      await a.fetch(4, { isRenewAck: true, acks: [[0, 0, 0, RENEW]] }),
      await a.fetch(4, { isRenewAck: true, acks: [[0, 0, 0, RENEW]], ...nothing }),
      await a.fetch(5, { isRenewAck: true, ...nothing }),
    ]
    await w.configure({ 'share.renew.acknowledge.enable': 'false' })
    // A Kafka tells its brokers of configs behind the answer.
    await new Promise((resolve) => setTimeout(resolve, 500))
    told.push(await a.acknowledge(6, [[0, 0, 0, RENEW]], { isRenewAck: true }), await a.acknowledge(7, [[0, 0, 0, ACCEPT]]))
    return told
  },
  'records that are deleted while somebody has them': async (w) => {
    await w.produce(10)
    const a = await w.member('a')
    const told = [await a.fetch(0, { of: [0] }), await a.acknowledge(1, [[0, 2, 8, RELEASE]])]
    await w.deleteRecords(5)
    // A Kafka learns of it by a fetch that brings nothing.
    let epoch = 2
    let fetched: unknown
    do fetched = await a.fetch(epoch++)
    while (!JSON.stringify(fetched).includes('×') && epoch < 10)
    told.push(
      fetched,
      await a.acknowledge(epoch++, [[0, 0, 1, ACCEPT]]),
      await a.acknowledge(epoch++, [[0, 5, 9, ACCEPT]]),
      await a.fetch(epoch++, { maxWaitMs: 0 }),
    )
    return told
  },
  'what was aborted, where only committed records are read': (w) => aborted(w.peer, 'read_committed'),
  'what was aborted, where everything is read': (w) => aborted(w.peer, 'read_uncommitted'),
  'who is nobody': async (w) => {
    const a = await w.member('')
    const long = await w.member('m'.repeat(37))
    const edge = await w.member('m'.repeat(36))
    return [
      await a.fetch(0, { of: [0] }),
      await a.acknowledge(1, []),
      await long.fetch(0, { of: [0] }),
      await edge.fetch(0, { of: [0], maxWaitMs: 300 }),
      await edge.fetch(1, { groupId: null }),
      await edge.fetch(1, { groupId: '', maxWaitMs: 0 }),
      await edge.fetch(1, { memberId: null }),
      await edge.fetch(1, { maxBytes: 0, maxWaitMs: 0 }),
      await edge.fetch(2, { maxRecords: 0 }),
      await edge.fetch(3, { minBytes: 0 }),
    ]
  },
}

/** Records of a transaction that is open, aborted, committed, and what a member is given of them. */
async function aborted(peer: Peer, isolation: string): Promise<unknown[]> {
  const producer = new TransactionalProducer(peer)
  await producer.findCoordinators()
  // A Kafka reads one segment at a time, and the marker's time is far from that of the records.
  const configs = { 'segment.ms': '9000000000000' }
  await using w = new ShareWorld(peer, await makeTopic(peer, { partitions: 2, configs }, producer.topic))
  await w.configure({ 'share.auto.offset.reset': 'earliest', 'share.isolation.level': isolation })
  await w.open()
  const told: unknown[] = [await producer.init()]
  const end = async (commit: boolean) => {
    told.push(await producer.end(commit))
    // A Kafka writes markers behind the answer.
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  const a = await w.member('a')
  await w.produce(2)
  await producer.produce(0, 0, { count: 3 })
  await w.produce(1)
  told.push(await a.fetch(0, { of: [0] }))
  await end(false)
  await producer.produce(0, 0, { count: 2 })
  told.push(await a.fetch(1))
  await end(true)
  await w.produce(1)
  for (let epoch = 2; epoch < 4; epoch++) told.push(await a.fetch(epoch))
  const b = await w.member('b')
  await a.disconnect()
  await new Promise((resolve) => setTimeout(resolve, 300))
  told.push(await b.fetch(0, { of: [0], maxWaitMs: 1_000 }), await b.acknowledge(1, [[0, 0, 1, ACCEPT]]), await b.fetch(2))
  return told
}

export const SHARE_QUESTIONS: readonly Question[] = Object.entries(STORIES).map(([name, tell]) => ({
  name: `share: ${name}`,
  ask: async (peer) => {
    await using world = new ShareWorld(peer, await makeTopic(peer, { partitions: 2 }))
    await world.configure({ 'share.auto.offset.reset': 'earliest' })
    await world.open()
    // Awaited here: its connections end with this block.
    return await tell(world)
  },
}))
