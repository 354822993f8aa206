import assert from 'node:assert/strict'
import { type Failure, isFailure } from '../../../../src/broker/errors.ts'
import type { ShareHeartbeat, ShareHeartbeatAnswer } from '../../../../src/broker/groups/share/share-heartbeat.ts'
import type { Waiting, World } from '../support/world.ts'

/** ShareGroupHeartbeat; without words of its own `m1` joins with `t`. */
export function send(it: World, words: Partial<ShareHeartbeat> = {}): Waiting<ShareHeartbeatAnswer | Failure> {
  const waiting: Waiting<ShareHeartbeatAnswer | Failure> = { result: undefined }
  const request: ShareHeartbeat = {
    groupId: 'g',
    memberId: 'm1',
    memberEpoch: 0,
    rackId: null,
    topicNames: (words.memberEpoch ?? 0) === 0 ? ['t'] : null,
    clientId: 'client',
    clientHost: '/127.0.0.1',
    connection: null,
    ...words,
  }
  it.groups.share.heartbeat(request, (result) => {
    assert.equal(waiting.result, undefined, 'a heartbeat was answered twice')
    waiting.result = result
  })
  return waiting
}

/** A heartbeat whose answer is on disk at once. */
export function beat(it: World, words: Partial<ShareHeartbeat> = {}): ShareHeartbeatAnswer {
  const waiting = send(it, words)
  it.log.commit()
  const { result } = waiting
  assert.ok(result !== undefined && !isFailure(result), JSON.stringify(result))
  return result
}

/** The name of the error that a heartbeat meets; NONE where it meets none. */
export function errorOf(it: World, words: Partial<ShareHeartbeat> = {}): string {
  const waiting = send(it, words)
  it.log.commit()
  return nameOf(waiting)
}

export function nameOf({ result }: Waiting<ShareHeartbeatAnswer | Failure>): string {
  if (result === undefined) return 'waiting'
  return isFailure(result) ? result.error.name : 'NONE'
}

/** `t-0 t-1`; null where the answer told nothing of it. */
export function assignmentOf(it: World, { assignment }: ShareHeartbeatAnswer): string | null {
  if (assignment === null) return null
  return assignment.flatMap(({ topicId, partitions }) => partitions.map((partition) => `${it.topics.getById(topicId)?.name}-${partition}`)).join(' ')
}

/** What ShareGroupDescribe says: `Stable 4/4 m1@4[t-0 t-1] m2@4[t-2 t-3]`. */
export function stateOf(it: World, groupId = 'g'): string {
  const group = it.groups.share.describe(groupId)
  if (isFailure(group)) return group.error.name
  const members = group.members.map(({ memberId, memberEpoch, assigned }) => {
    const names = assigned.flatMap(({ topicName, partitions }) => partitions.map((partition) => `${topicName}-${partition}`))
    return `${memberId}@${memberEpoch}[${names.join(' ')}]`
  })
  return [group.state, `${group.groupEpoch}/${group.targetEpoch}`, ...members].join(' ')
}
