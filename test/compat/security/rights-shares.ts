import { AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse } from '../../../src/kafka/messages/alter-share-group-offsets.ts'
import { DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse } from '../../../src/kafka/messages/delete-share-group-offsets.ts'
import { DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse } from '../../../src/kafka/messages/describe-share-group-offsets.ts'
import { ShareGroupDescribeRequest, ShareGroupDescribeResponse } from '../../../src/kafka/messages/share-group-describe.ts'
import { ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse } from '../../../src/kafka/messages/share-group-heartbeat.ts'
import type { RightsPeer } from './rights-peer.ts'

const TOPICS = ['orders', 'secret']

/** What bob may do with the share group `g` and with one that nobody has heard of: codes only, so that nobody waits for Kafka's background. */
export async function askShareGroups(peer: RightsPeer, gone: string): Promise<unknown> {
  const leaves = { groupId: 'g', memberId: 'm', memberEpoch: -1 }
  const beats = []
  for (const subscribedTopicNames of [null, ['orders'], TOPICS]) {
    const answer = await peer.ask([ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse] as const, 1, { ...leaves, subscribedTopicNames })
    beats.push(answer.errorCode)
  }
  const described = await peer.ask([ShareGroupDescribeRequest, ShareGroupDescribeResponse] as const, 1, { groupIds: ['g'], includeAuthorizedOperations: true })
  const partitions = TOPICS.map((topicName) => ({ topicName, partitions: [0] }))
  const offsets = await peer.ask([DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse] as const, 1, {
    groups: [{ groupId: 'g', topics: partitions }],
  })
  const deleted = await peer.ask([DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse] as const, 0, {
    groupId: 'g',
    topics: TOPICS.map((topicName) => ({ topicName })),
  })
  const altered = await peer.ask([AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse] as const, 0, {
    groupId: gone,
    topics: [...TOPICS, 'nowhere'].map((topicName) => ({ topicName, partitions: [{ partitionIndex: 0, startOffset: 0 }] })),
  })
  const codes = (topics: readonly { readonly topicName: string; readonly partitions: readonly { readonly errorCode: number }[] }[]) =>
    topics.map(({ topicName, partitions: [first] }) => `${topicName}: ${first?.errorCode}`).sort()
  return {
    beats,
    described: described.groups.map(({ errorCode, authorizedOperations }) => [errorCode, authorizedOperations]),
    offsets: offsets.groups.map(({ errorCode, topics }) => [errorCode, codes(topics)]),
    deleted: [deleted.errorCode, deleted.responses.map(({ topicName, errorCode }) => `${topicName}: ${errorCode}`).sort()],
    altered: [altered.errorCode, codes(altered.responses)],
  }
}
