import { CreateTopicsRequest, CreateTopicsResponse } from '../../../../src/kafka/messages/create-topics.ts'
import { DeleteTopicsRequest, DeleteTopicsResponse } from '../../../../src/kafka/messages/delete-topics.ts'
import { FetchRequest, FetchResponse } from '../../../../src/kafka/messages/fetch.ts'
import { ProduceRequest, ProduceResponse } from '../../../../src/kafka/messages/produce.ts'
import { ZERO_UUID } from '../../../../src/util/uuid.ts'
import { batchOf } from '../../../kafka/lib/batches.ts'
import type { RawClient } from '../../../kafka/lib/raw-client.ts'
import type { Peer, Question } from '../question.ts'

/** What a Fetch asks of one partition: `[index, offset]`. */
type Ask = readonly [index: number, offset: number]

interface Options {
  readonly forget?: readonly number[]
  readonly topic?: string
  readonly maxWaitMs?: number
}

/** One consumer with its session; every answer is noted in a form that can be compared. */
class Consumer {
  readonly #client: RawClient
  readonly #peer: Peer
  readonly #version: number
  readonly topic: string
  #topicId = ZERO_UUID
  /** The session that the broker made last. */
  sessionId = 0

  constructor(peer: Peer, client: RawClient, version: number, topic: string) {
    this.#peer = peer
    this.#client = client
    this.#version = version
    this.topic = topic
  }

  /** Made, and its partitions can be read. */
  async makeTopic(partitions = 2): Promise<void> {
    const topics = [{ name: this.topic, numPartitions: partitions, replicationFactor: 1, assignments: [], configs: [] }]
    const made = await this.#peer.ask([CreateTopicsRequest, CreateTopicsResponse], 7, { topics })
    // The one that a session had stays the session's.
    if (this.#topicId === ZERO_UUID) this.#topicId = made.topics[0]?.topicId ?? ZERO_UUID
    const asked = Array.from({ length: partitions }, (_, partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: 0, replicaDirectoryId: ZERO_UUID }))
    for (let tries = 0; tries < 100; tries++) {
      const answer = await this.#peer.ask([FetchRequest, FetchResponse], 12, {
        maxWaitMs: 0,
        minBytes: 0,
        topics: [{ topic: this.topic, topicId: ZERO_UUID, partitions: asked }],
        forgottenTopicsData: [],
      })
      if (answer.responses[0]?.partitions.every(({ errorCode }) => errorCode === 0)) return
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new Error(`${this.topic} does not come`)
  }

  async deleteTopic(): Promise<void> {
    await this.#peer.ask([DeleteTopicsRequest, DeleteTopicsResponse], 6, {
      topics: [{ name: this.topic, topicId: ZERO_UUID }],
      topicNames: [],
      timeoutMs: 10_000,
    })
    await new Promise((resolve) => setTimeout(resolve, 300))
  }

  async produce(index: number, values: readonly string[]): Promise<void> {
    const topicData = [{ name: this.topic, topicId: ZERO_UUID, partitionData: [{ index, records: batchOf(values, { timestampMs: Date.now() }) }] }]
    for (;;) {
      const answer = await this.#peer.ask([ProduceRequest, ProduceResponse], 9, { acks: -1, timeoutMs: 5_000, topicData })
      if (answer.responses[0]?.partitionResponses[0]?.errorCode === 0) return
    }
  }

  /** `session` is an id, or `mine`. */
  async fetch(session: number | 'mine', sessionEpoch: number, asks: readonly Ask[], options: Options = {}, version = this.#version): Promise<unknown> {
    const sessionId = session === 'mine' ? this.sessionId : session
    const partitions = asks.map(([partition, fetchOffset]) => ({ partition, fetchOffset, partitionMaxBytes: 1_000_000, replicaDirectoryId: ZERO_UUID }))
    const named = { topic: options.topic ?? this.topic, topicId: this.#topicId }
    const answer = await this.#client.ask([FetchRequest, FetchResponse], version, {
      maxWaitMs: options.maxWaitMs ?? 0,
      minBytes: 1,
      sessionId,
      sessionEpoch,
      topics: asks.length === 0 ? [] : [{ ...named, partitions }],
      forgottenTopicsData: options.forget === undefined ? [] : [{ ...named, partitions: options.forget }],
    })
    const told = answer.sessionId === 0 ? 'none' : answer.sessionId === this.sessionId ? 'same' : 'new'
    if (answer.sessionId !== 0) this.sessionId = answer.sessionId
    return {
      errorCode: answer.errorCode,
      session: told,
      topics: answer.responses.map(({ partitions: found }) =>
        found.map((one) => [
          one.partitionIndex,
          one.errorCode,
          one.highWatermark,
          one.logStartOffset,
          (one.records ?? []).reduce((sum, part) => sum + part.length, 0),
        ]),
      ),
    }
  }
}

type Story = (consumer: Consumer) => Promise<unknown[]>

const STORIES: Readonly<Record<string, Story>> = {
  'a session is made, and goes on with what changed': async (c) => {
    await c.produce(0, ['a'])
    const told = [
      await c.fetch(0, 0, [
        [0, 0],
        [1, 0],
      ]),
      await c.fetch('mine', 1, [[0, 1]]),
    ]
    await c.produce(1, ['b'])
    told.push(await c.fetch('mine', 2, []), await c.fetch('mine', 3, [[1, 1]]), await c.fetch('mine', 4, []))
    return told
  },
  'epochs: skipped, repeated, and after an error': async (c) => [
    await c.fetch(0, 0, [[0, 0]]),
    await c.fetch('mine', 2, []),
    await c.fetch('mine', 1, []),
    await c.fetch('mine', 1, []),
    await c.fetch('mine', 2, []),
  ],
  'a session nobody made': async (c) => [await c.fetch(77, 1, [[0, 0]]), await c.fetch(77, 0, [[0, 0]]), await c.fetch(0, 5, [[0, 0]])],
  'a session ends with epoch -1': async (c) => [await c.fetch(0, 0, [[0, 0]]), await c.fetch('mine', -1, [[0, 0]]), await c.fetch('mine', 1, [])],
  'a session is replaced with epoch 0': async (c) => {
    const first = await c.fetch(0, 0, [[0, 0]])
    const before = c.sessionId
    return [first, await c.fetch('mine', 0, [[1, 0]]), await c.fetch(before, 1, [])]
  },
  'partitions are forgotten, the last one ends the session': async (c) => {
    await c.produce(0, ['a'])
    await c.produce(1, ['b'])
    return [
      await c.fetch(0, 0, [
        [0, 0],
        [1, 0],
      ]),
      await c.fetch('mine', 1, [], { forget: [0] }),
      await c.fetch('mine', 2, [], { forget: [1] }),
      await c.fetch('mine', 3, []),
    ]
  },
  'a partition is added, and forgotten in the same request': async (c) => [
    await c.fetch(0, 0, [[0, 0]]),
    await c.fetch('mine', 1, [[1, 0]]),
    await c.fetch('mine', 2, [[1, 0]], { forget: [1] }),
    await c.fetch('mine', 3, []),
  ],
  'a session without partitions': async (c) => [await c.fetch(0, 0, []), await c.fetch('mine', 1, []), await c.fetch('mine', 2, [])],
  'errors are told each time': async (c) => [
    await c.fetch(0, 0, [
      [0, 0],
      [9, 0],
    ]),
    await c.fetch('mine', 1, []),
    await c.fetch('mine', 2, [[0, 5]]),
    await c.fetch('mine', 3, []),
    await c.fetch('mine', 4, [[0, 0]]),
    await c.fetch('mine', 5, []),
  ],
  'what was not read comes again': async (c) => {
    const made = await c.fetch(0, 0, [[0, 0]])
    await c.produce(0, ['a'])
    return [made, await c.fetch('mine', 1, []), await c.fetch('mine', 2, []), await c.fetch('mine', 3, [[0, 1]]), await c.fetch('mine', 4, [])]
  },
  'a partition with records goes behind the others': async (c) => {
    await c.produce(0, ['a'])
    const told = [
      await c.fetch(0, 0, [
        [0, 0],
        [1, 0],
      ]),
    ]
    await c.produce(1, ['b'])
    told.push(await c.fetch('mine', 1, [[0, 0]]), await c.fetch('mine', 2, [[1, 0]]), await c.fetch('mine', 3, []))
    return told
  },
  'a topic that goes away and comes back': async (c) => {
    const told = [await c.fetch(0, 0, [[0, 0]])]
    await c.deleteTopic()
    told.push(await c.fetch('mine', 1, []))
    await c.makeTopic()
    await c.produce(0, ['a'])
    told.push(await c.fetch('mine', 2, []))
    return told
  },
  'the same partition twice': async (c) => {
    await c.produce(0, ['a'])
    return [
      await c.fetch(0, -1, [
        [0, 0],
        [0, 1],
      ]),
      await c.fetch(0, 0, [
        [0, 0],
        [0, 1],
      ]),
      await c.fetch('mine', 1, []),
    ]
  },
  'names and ids mixed': async (c) => [
    await c.fetch(0, 0, [[0, 0]]),
    await c.fetch('mine', 1, [], {}, 12),
    await c.fetch('mine', 1, [], {}, 13),
    await c.fetch('mine', 1, [], {}, 11),
  ],
}

/** Incremental fetch sessions (KIP-227), by name and by id. */
export const FETCH_SESSION_QUESTIONS: readonly Question[] = [7, 12, 13, 18].flatMap((version) =>
  Object.entries(STORIES).map(([name, story]) => ({
    name: `fetch session v${version}: ${name}`,
    ask: async (peer: Peer) => {
      await using client = await peer.connect()
      const consumer = new Consumer(peer, client, version, peer.name('sessions'))
      await consumer.makeTopic()
      return await story(consumer)
    },
  })),
)
