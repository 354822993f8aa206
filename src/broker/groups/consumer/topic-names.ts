import type { TopicRegistry } from '../../topics/topic-registry.ts'
import type { NamedPartitions } from '../consumer-protocol.ts'
import { type EpochedPartitions, listPartitions, type Partitions, type TopicPartitions } from './partitions.ts'

/** By name, as classic members speak; topics that are gone are left out. */
export function namesOf(partitions: Partitions | EpochedPartitions, topics: TopicRegistry): NamedPartitions[] {
  return listPartitions(partitions).flatMap((listed) => {
    const topic = topics.getById(listed.topicId)
    return topic === undefined ? [] : [{ topicName: topic.name, partitions: listed.partitions }]
  })
}

/** By id; topics that do not exist are left out. */
export function idsOf(named: readonly NamedPartitions[], topics: TopicRegistry): TopicPartitions[] {
  return named.flatMap(({ topicName, partitions }) => {
    const topic = topics.get(topicName)
    return topic === undefined ? [] : [{ topicId: topic.id, partitions }]
  })
}
