import assert from 'node:assert/strict'
import { isFailure } from '../../../../src/broker/errors.ts'
import type { HeartbeatAnswer, HeartbeatRequest } from '../../../../src/broker/groups/consumer/heartbeat-request.ts'
import type { World } from '../support/world.ts'

/** A heartbeat whose answer is on disk at once. */
export function beat(it: World, words: Partial<HeartbeatRequest> = {}): HeartbeatAnswer {
  const waiting = it.beat(words)
  it.log.commit()
  const { result } = waiting
  assert.ok(result !== undefined && !isFailure(result), JSON.stringify(result))
  return result
}

/** The name of the error that a heartbeat meets; NONE where it meets none. */
export function errorOfBeat(it: World, words: Partial<HeartbeatRequest> = {}): string {
  const waiting = it.beat(words)
  it.log.commit()
  const { result } = waiting
  assert.ok(result !== undefined, 'a heartbeat was not answered')
  return isFailure(result) ? result.error.name : 'NONE'
}

/** `t-0 t-1`, of topics in their order; null where the answer told nothing of it. */
export function assignmentOf(it: World, { assignment }: HeartbeatAnswer): string | null {
  if (assignment === null) return null
  return assignment.flatMap(({ topicId, partitions }) => partitions.map((partition) => `${it.topics.getById(topicId)?.name}-${partition}`)).join(' ')
}

/** As heartbeats list it. */
export function owned(it: World, partitions: Readonly<Record<string, readonly number[]>>) {
  return Object.entries(partitions).map(([topic, indexes]) => ({ topicId: it.topic(topic).id, partitions: indexes }))
}

/** What ConsumerGroupDescribe says: `Stable m1@3 m2@3`. */
export function stateOf(it: World): string {
  const group = it.groups.describeConsumerGroup('g')
  return isFailure(group) ? group.error.name : [group.state, ...group.members.map(({ memberId, memberEpoch }) => `${memberId}@${memberEpoch}`)].join(' ')
}
