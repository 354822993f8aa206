import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SharePartitions } from '../../src/broker/shares/share-partitions.ts'
import type { ClientConnection } from '../../src/kafka/handler.ts'
import type { ShareFetchRequest } from '../../src/kafka/messages/share-fetch.ts'
import { ShareSessions } from '../../src/kafka/share-sessions.ts'

const TOPIC = 'AAAAAAAAAAAAAAAAAAAAAQ'

class Connection {
  readonly closing = new Set<() => void>()

  onClose(run: () => void): () => void {
    this.closing.add(run)
    return () => this.closing.delete(run)
  }

  close(): void {
    for (const run of [...this.closing]) run()
  }
}

function setup({ maxSessions = 10, maxPlaces = 100 } = {}) {
  const told: string[] = []
  const shares = {
    release: (groupId: string, memberId: string) => void told.push(`${memberId} of ${groupId}`),
    releaseGroup: (groupId: string) => void told.push(`all of ${groupId}`),
  } as unknown as SharePartitions
  const sessions = new ShareSessions(shares, () => maxSessions, maxPlaces)
  const begin = (
    memberId: string,
    shareSessionEpoch: number,
    partitions: readonly number[],
    connection = new Connection(),
    forgotten: readonly number[] = [],
  ) => {
    const request: ShareFetchRequest = {
      groupId: 'g',
      memberId,
      shareSessionEpoch,
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 1,
      maxRecords: 1,
      batchSize: 1,
      shareAcquireMode: 0,
      isRenewAck: false,
      topics: [{ topicId: TOPIC, partitions: partitions.map((partitionIndex) => ({ partitionIndex, acknowledgementBatches: [] })) }],
      forgottenTopicsData: [{ topicId: TOPIC, partitions: forgotten }],
    }
    const scope = sessions.begin({ groupId: 'g', memberId }, request, connection as unknown as ClientConnection)
    return 'kafka' in scope ? scope.name : scope.places.map(({ partition }) => partition)
  }
  return { sessions, told, begin }
}

test('a session that goes on reads what came to it and not what left, another partition first each time', () => {
  const { begin } = setup()
  assert.deepEqual(begin('m', 0, [0, 1, 2]), [0, 1, 2])
  assert.deepEqual(begin('m', 1, [3], new Connection(), [1]), [2, 3, 0])
  assert.deepEqual(begin('m', 2, []), [3, 0, 2])
})

test('what a member has goes back with its connection, and all of the group with the last one', () => {
  const { begin, told, sessions } = setup()
  const [one, two] = [new Connection(), new Connection()]
  begin('one', 0, [0], one)
  begin('two', 0, [0], two)
  one.close()
  assert.deepEqual(told, ['one of g'])
  two.close()
  assert.deepEqual(told, ['one of g', 'all of g'])
  assert.equal(sessions.size, 0)
})

test('a session that another connection took over does not end with the former one', () => {
  const { begin, told } = setup()
  const former = new Connection()
  begin('m', 0, [0], former)
  begin('m', 0, [0])
  former.close()
  assert.deepEqual(told, [])
  assert.equal(former.closing.size, 0)
  assert.deepEqual(begin('m', 1, []), [0])
})

test('partitions of all sessions are bounded', () => {
  const { begin, sessions } = setup({ maxPlaces: 4 })
  assert.deepEqual(begin('one', 0, [0, 1, 2]), [0, 1, 2])
  assert.equal(begin('two', 0, [0, 1]), 'SHARE_SESSION_LIMIT_REACHED')
  assert.deepEqual(begin('two', 0, [0]), [0])
  assert.equal(begin('two', 1, [1]), 'SHARE_SESSION_NOT_FOUND')
  assert.equal(sessions.size, 1)
  assert.deepEqual(begin('one', 1, [3], new Connection(), [0]), [2, 3, 1])
  assert.deepEqual(begin('two', 0, [5]), [5])
})

test('acknowledgements move the epoch on, but for the last one', () => {
  const { begin, sessions } = setup()
  begin('m', 0, [0])
  const member = { groupId: 'g', memberId: 'm' }
  assert.equal(sessions.acknowledge(member, 1), null)
  assert.equal(sessions.acknowledge(member, 1)?.name, 'INVALID_SHARE_SESSION_EPOCH')
  assert.equal(sessions.acknowledge(member, -1), null)
  assert.equal(sessions.acknowledge(member, 2), null)
})
