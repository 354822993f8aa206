import type { Peer, Question } from '../question.ts'
import { again, NOT_YET_CODE, TransactionalProducer } from '../transactional-producer.ts'

type Script = (producer: TransactionalProducer, peer: Peer) => AsyncGenerator<unknown>

/** Runs a script with a fresh producer, and gives all that it yields. */
function question(name: string, script: Script): Question {
  return {
    name: `transactions: ${name}`,
    ask: async (peer) => {
      const producer = new TransactionalProducer(peer)
      await producer.makeTopic()
      await producer.findCoordinators()
      const told: unknown[] = []
      for await (const answer of script(producer, peer)) told.push(answer)
      return told
    },
  }
}

/** Both protocols, with what begins a transaction in each. */
const PROTOCOLS = [
  { name: 'v1', produce: 11, end: 4, offsets: 4 },
  { name: 'v2', produce: 12, end: 5, offsets: 5 },
] as const

export const TRANSACTION_QUESTIONS: readonly Question[] = [
  question('InitProducerId bumps the epoch each time', async function* (p) {
    yield await p.init()
    yield await p.init()
    yield await p.init({ expected: 1 })
    yield await p.init({ expected: 1 })
    yield await p.init({ expected: 0 })
    yield await p.init({ expected: 0, version: 3 })
    yield await p.init({ timeoutMs: 0 })
    yield await p.init({ timeoutMs: 900_001 })
    yield await p.describe()
  }),
  question('InitProducerId of another producer id', async function* (p) {
    yield await p.init()
    p.producerId += 1000
    yield await p.init({ expected: 0 })
    yield await p.init({ expected: 0, version: 3 })
  }),
  question('requests of an unknown transactional id', async function* (p) {
    p.producerId = 5
    yield await p.add([0], { epoch: 0 })
    yield await p.end(true, { epoch: 0 })
    yield await p.addOffsets({ epoch: 0 })
    yield await p.commitOffset(1, { epoch: 0 })
    yield await p.produce(0, 0, { epoch: 0 })
    yield await p.describe()
  }),
  question('an empty transactional id', async function* (p) {
    Object.assign(p, { transactionalId: '' })
    yield await p.init()
    yield await p.add([0], { epoch: 0 })
    yield await p.end(true, { epoch: 0 })
    yield await p.addOffsets({ epoch: 0 })
    yield await p.describe()
  }),
  question('partitions that are not there', async function* (p) {
    yield await p.init()
    yield await p.add([0, 7, 1])
    yield await p.add([0], { topic: 'no-such-topic' })
    yield await p.describe()
  }),
  question('a wrong epoch or producer id', async function* (p) {
    yield await p.init()
    yield await p.init()
    for (const version of [0, 1, 2, 3]) yield await p.add([0], { version, epoch: 0 })
    for (const version of [0, 1, 2, 3]) yield await p.add([0], { version, epoch: 5 })
    yield await p.add([0], { producerId: p.producerId + 1 })
    for (const version of [0, 1, 2, 3, 4]) yield await p.end(true, { version, epoch: 0 })
    yield await p.end(true, { version: 4, epoch: 5 })
    yield await p.end(true, { epoch: 5 })
    yield await p.end(true, { producerId: p.producerId + 1 })
    for (const version of [0, 1, 2, 3, 4]) yield await p.addOffsets({ version, epoch: 0 })
    yield await p.commitOffset(1, { epoch: 0 })
    yield await p.commitOffset(1, { epoch: 0, version: 3 })
    yield await p.produce(0, 0, { epoch: 0 })
    yield await p.produce(0, 0, { epoch: 0, version: 11 })
  }),
  question('v1: produce without AddPartitionsToTxn', async function* (p) {
    yield await p.init()
    yield await p.produce(0, 0, { version: 11 })
    yield await p.add([0])
    yield await p.produce(0, 0, { version: 11 })
    yield await p.produce(1, 0, { version: 11 })
    yield await p.end(true, { version: 4 })
    await again(async () => ((await p.latest(1)) === 2 ? 0 : NOT_YET_CODE))
    // A Kafka whose coordinator has not noted that all markers are there answers "try again" (19).
    await p.describe()
    yield await p.produce(0, 1, { version: 11 })
    yield await p.produce(0, 1, { version: 10 })
  }),
  question('v2: the first sequence is 0', async function* (p) {
    yield await p.init()
    yield await p.produce(0, 3)
    yield await p.produce(0, 0)
    yield await p.end(true)
    yield await p.produce(0, 1)
    yield await p.produce(0, 0)
  }),
  question('batches that do not belong to the transaction', async function* (p) {
    yield await p.init()
    yield await p.produce(0, 0)
    yield await p.produce(0, 1, { transactional: false })
    yield await p.produce(0, 1, { transactional: false, withId: false })
    yield await p.produce(0, 1, { withId: false })
    yield await p.produce(1, 0, { transactional: false, withId: false })
    yield await p.end(true)
  }),
  question('v1: the end in every state', async function* (p) {
    yield await p.init()
    yield await p.end(true, { version: 4 })
    yield await p.end(false, { version: 4 })
    yield await p.add([0])
    yield await p.end(true, { version: 4 })
    yield await p.end(true, { version: 4 })
    yield await p.end(false, { version: 4 })
    yield await p.add([0])
    yield await p.end(false, { version: 4 })
    yield await p.end(false, { version: 4 })
    yield await p.end(true, { version: 4 })
    yield await p.describe()
  }),
  question('v2: the end with nothing open', async function* (p) {
    yield await p.init()
    yield await p.end(true)
    yield await p.end(true, { epoch: p.epoch - 1 })
    yield await p.end(false)
    yield await p.end(false)
    yield await p.describe()
  }),
  question('v2: an abort of Empty that is repeated with the epoch before', async function* (p) {
    yield await p.init()
    yield await p.init()
    yield await p.end(false, { epoch: 0 })
    yield await p.end(true, { epoch: 0 })
  }),
  question('v2: a commit, and all that may follow', async function* (p) {
    yield await p.init()
    yield await p.produce(0, 0)
    yield await p.end(true)
    yield await p.end(true, { epoch: 0 })
    yield await p.end(false, { epoch: 0 })
    yield await p.end(true)
    yield await p.end(false)
    yield await p.describe()
  }),
  question('v2: an abort, and all that may follow', async function* (p) {
    yield await p.init()
    yield await p.produce(0, 0)
    yield await p.end(false)
    yield await p.end(false, { epoch: 0 })
    yield await p.end(true, { epoch: 0 })
    yield await p.end(true)
    yield await p.end(false)
    yield await p.describe()
  }),
  question('v2: the epoch before, while a transaction is open', async function* (p) {
    yield await p.init()
    yield await p.produce(0, 0)
    yield await p.end(true)
    yield await p.produce(0, 0)
    yield await p.end(true, { epoch: 0 })
    yield await p.end(false, { epoch: 0 })
    yield await p.produce(0, 1, { epoch: 0 })
    yield await p.end(true)
  }),
  question('times of records in an open transaction', async function* (p) {
    yield await p.init()
    yield await p.produce(0, 0, { count: 2 })
    yield [await p.offsetAt(0, 1_600_000_000_000), await p.offsetAt(1, 1_600_000_000_000)]
    yield await p.end(true)
    await again(async () => ((await p.latest(1)) === 3 ? 0 : NOT_YET_CODE))
    yield [await p.offsetAt(0, 1_600_000_000_000), await p.offsetAt(1, 1_600_000_000_000)]
  }),
  question('InitProducerId while a transaction is open', async function* (p) {
    yield await p.init()
    yield await p.produce(0, 0)
    yield await p.init({ once: true })
    await again(async () => ((await p.latest(1)) === 2 ? 0 : NOT_YET_CODE))
    yield await p.fetch(1)
    yield await p.init()
    yield await p.fetch(1)
    yield await p.produce(0, 1, { epoch: 0 })
    yield await p.end(true, { epoch: 0 })
    yield await p.describe()
  }),
  ...PROTOCOLS.map(({ name, produce, end }) =>
    question(`${name}: what readers see`, async function* (p) {
      yield await p.init()
      if (name === 'v1') yield await p.add([0, 1])
      yield await p.produce(0, 0, { version: produce, count: 3 })
      yield await p.fetch(0)
      yield await p.fetch(1)
      yield [await p.latest(0), await p.latest(1)]
      yield await p.describe()
      yield await p.end(false, { version: end })
      await again(async () => ((await p.latest(1)) === 4 ? 0 : NOT_YET_CODE))
      yield await p.fetch(0)
      yield await p.fetch(1)
      yield await p.fetch(1, 3)
      if (name === 'v1') yield await p.add([0])
      yield await p.produce(0, name === 'v1' ? 3 : 0, { version: produce, count: 2 })
      yield await p.end(true, { version: end })
      await again(async () => ((await p.latest(1)) === 7 ? 0 : NOT_YET_CODE))
      yield await p.fetch(1)
      yield await p.fetch(1, 4)
      yield await p.describe()
    }),
  ),
  ...PROTOCOLS.map(({ name, offsets, end }) =>
    question(`${name}: offsets of a group`, async function* (p) {
      yield await p.init()
      yield await p.commitOffset(5, { version: offsets })
      yield await p.addOffsets({ version: offsets === 5 ? 4 : 3 })
      yield await p.commitOffset(5, { version: offsets })
      yield [await p.committed(false), await p.committed(true)]
      yield await p.end(true, { version: end })
      await again(async () => ((await p.committed(true)) === 'offset 5' ? 0 : NOT_YET_CODE))
      yield [await p.committed(false), await p.committed(true)]
      yield await p.addOffsets({ version: offsets === 5 ? 4 : 3 })
      yield await p.commitOffset(9, { version: offsets })
      yield await p.end(false, { version: end })
      await again(async () => ((await p.committed(true)) === 'offset 5' ? 0 : NOT_YET_CODE))
      yield await p.committed(true)
    }),
  ),
  question('offsets of members that are not there', async function* (p) {
    yield await p.init()
    yield await p.addOffsets({ version: 3 })
    yield await p.commitOffset(5, { version: 3, generation: 1 })
    yield await p.commitOffset(5, { version: 3, memberId: 'nobody' })
    yield await p.commitOffset(5, { version: 3, partition: 9 })
    yield await p.commitOffset(5, { version: 2 })
    yield await p.commitOffset(5, { version: 3, memberId: 'nobody' })
    yield await p.end(true, { version: 4 })
  }),
  question('offsets of members of a group that only an open transaction has', async function* (p) {
    yield await p.init()
    yield await p.addOffsets({ version: 3 })
    yield await p.commitOffset(5, { version: 2 })
    yield await p.commitOffset(5, { version: 3, memberId: 'nobody', generation: 1 })
  }),
]
