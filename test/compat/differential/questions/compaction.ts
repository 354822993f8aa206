import { CreateTopicsRequest, CreateTopicsResponse } from '../../../../src/kafka/messages/create-topics.ts'
import { DeleteRecordsRequest, DeleteRecordsResponse } from '../../../../src/kafka/messages/delete-records.ts'
import { DescribeConfigsRequest, DescribeConfigsResponse } from '../../../../src/kafka/messages/describe-configs.ts'
import { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse } from '../../../../src/kafka/messages/incremental-alter-configs.ts'
import { buildBatch } from '../../../../src/log/record-batch.ts'
import type { Peer, Question } from '../question.ts'
import { makeTopic, produceTo, T0 } from './topics-for-questions.ts'

const TOPIC = 2
const BROKER = 4

/** What is told of one config. */
async function toldOf(peer: Peer, resourceType: number, resourceName: string, key: string): Promise<unknown> {
  const resources = [{ resourceType, resourceName, configurationKeys: [key] }]
  const answer = await peer.ask([DescribeConfigsRequest, DescribeConfigsResponse], 4, { resources })
  return answer.results.map(({ configs }) => configs.map(({ value, configSource, configType, readOnly }) => [value, configSource, configType, readOnly]))
}

const POLICIES = ['compact', 'delete,compact', 'compact,delete', ' compact , delete ', 'compact,compact', '', 'Compact', 'compacted', 'compact;delete', ',']

const policies: Question[] = POLICIES.map((policy) => ({
  name: `compaction: a topic with the cleanup.policy "${policy}"`,
  ask: async (peer) => {
    const name = peer.name('policy')
    const topics = [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [{ name: 'cleanup.policy', value: policy }] }]
    const made = await peer.ask([CreateTopicsRequest, CreateTopicsResponse], 7, { topics })
    const [topic] = made.topics
    return [topic?.errorCode, topic?.errorCode === 0 ? await toldOf(peer, TOPIC, name, 'cleanup.policy') : null]
  },
}))

const changes: Question[] = [
  ['delete', 2, 'compact'],
  ['compact', 2, 'delete'],
  ['compact', 2, 'compact'],
  ['compact,delete', 3, 'delete'],
  ['compact,delete', 3, 'compact,delete'],
  ['compact', 3, 'delete'],
  ['compact', 1, null],
  ['delete', 0, 'compact'],
].map(([before, configOperation, value]) => ({
  name: `compaction: the cleanup.policy ${before}, changed by ${configOperation} ${value}`,
  ask: async (peer) => {
    const { name } = await makeTopic(peer, { configs: { 'cleanup.policy': String(before) } }, peer.name('changed'))
    const configs = [{ name: 'cleanup.policy', configOperation: Number(configOperation), value: value as string | null }]
    const resources = [{ resourceType: TOPIC, resourceName: name, configs }]
    const { responses } = await peer.ask([IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse], 1, { resources, validateOnly: true })
    return responses.map(({ errorCode }) => errorCode)
  },
}))

const deletions: Question[] = ['compact', 'compact,delete', 'delete', ''].flatMap((policy) =>
  [0, 1, -1, 3].map((offset) => ({
    name: `compaction: DeleteRecords up to ${offset} of two, with the cleanup.policy "${policy}"`,
    ask: async (peer) => {
      const topic = await makeTopic(peer, { configs: { 'cleanup.policy': policy } }, peer.name('kept'))
      await produceTo(peer, topic, 0, buildBatch(['a', 'b'].map((key) => ({ key: Buffer.from(key), value: null, timestampMs: T0 }))))
      const topics = [{ name: topic.name, partitions: [{ partitionIndex: 0, offset }] }]
      return peer.plain([DeleteRecordsRequest, DeleteRecordsResponse], 2, { topics, timeoutMs: 5_000 })
    },
  })),
)

/** What Kafka 4.4 takes and what it refuses, of each config of its cleaner that can change. */
const CLEANER: Readonly<Record<string, readonly string[]>> = {
  'log.cleaner.threads': ['0', '1', '-1', 'x'],
  'log.cleaner.dedupe.buffer.size': ['1048576', '1', '-1'],
  'log.cleaner.io.max.bytes.per.second': ['0', '1000000.5', '-1', 'x'],
  'log.cleaner.backoff.ms': ['0', '1', '-1'],
  'log.cleaner.enable': ['true', 'false'],
  'log.cleaner.min.cleanable.ratio': ['0', '0.5', '1', '1.1'],
  'log.cleaner.delete.retention.ms': ['0', '-1'],
  'log.cleaner.min.compaction.lag.ms': ['0', '-1'],
  'log.cleaner.max.compaction.lag.ms': ['1', '0'],
  'log.cleanup.policy': ['compact', 'compact,delete', 'x'],
}

const cleaner: Question[] = Object.entries(CLEANER).flatMap(([key, values]) => [
  { name: `compaction: what is told of ${key}`, ask: (peer) => toldOf(peer, BROKER, '1', key) },
  ...values.map((value) => ({
    name: `compaction: ${key} as ${value}`,
    ask: async (peer: Peer) => {
      const resources = [{ resourceType: BROKER, resourceName: '', configs: [{ name: key, configOperation: 0, value }] }]
      const { responses } = await peer.ask([IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse], 1, { resources, validateOnly: true })
      return responses.map(({ errorCode }) => errorCode)
    },
  })),
])

export const COMPACTION_QUESTIONS: readonly Question[] = [...policies, ...changes, ...deletions, ...cleaner]
