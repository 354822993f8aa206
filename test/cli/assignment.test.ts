import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription, rangeAssign } from '../../src/cli/kafka-client/assignment.ts'

test('a subscription as Kafka’s Java client 4.4 writes it is read', () => {
  // ConsumerProtocolSubscription v3: version, [topics], userData null, ownedPartitions [], generation -1, rack null.
  const bytes = Buffer.from('0003000000010006' + '6f7264657273' + 'ffffffff' + '00000000' + 'ffffffff' + 'ffff', 'hex')
  assert.deepEqual(decodeSubscription(bytes), ['orders'])
})

test('subscription and assignment have version 0 and their layout', () => {
  assert.equal(Buffer.from(encodeSubscription(['ab'])).toString('hex'), '0000' + '00000001' + '0002' + '6162' + 'ffffffff')
  const assignment = encodeAssignment([{ topic: 'ab', partitions: [1, 2] }])
  assert.equal(Buffer.from(assignment).toString('hex'), '0000' + '00000001' + '0002' + '6162' + '00000002' + '00000001' + '00000002' + 'ffffffff')
  assert.deepEqual(decodeAssignment(assignment), [{ topic: 'ab', partitions: [1, 2] }])
  assert.deepEqual(decodeAssignment(Buffer.alloc(0)), [])
})

test('the range assignor gives the first members one more, as in Kafka’s documentation', () => {
  // org.apache.kafka.clients.consumer.RangeAssignor: 2 consumers, t0 and t1 with 3 partitions each.
  const topics = ['t0', 't1'].map((topic) => ({ topic, partitions: [0, 1, 2] }))
  const members = ['C1', 'C0'].map((memberId) => ({ memberId, topics: ['t0', 't1'] }))
  const assigned = rangeAssign(members, topics)
  assert.deepEqual(assigned.get('C0'), [
    { topic: 't0', partitions: [0, 1] },
    { topic: 't1', partitions: [0, 1] },
  ])
  assert.deepEqual(assigned.get('C1'), [
    { topic: 't0', partitions: [2] },
    { topic: 't1', partitions: [2] },
  ])
})

test('members without the topic, and more members than partitions, get nothing', () => {
  const assigned = rangeAssign(
    [
      { memberId: 'a', topics: ['t'] },
      { memberId: 'b', topics: ['other'] },
      { memberId: 'c', topics: ['t'] },
    ],
    [{ topic: 't', partitions: [0] }],
  )
  assert.deepEqual(
    [...assigned],
    [
      ['a', [{ topic: 't', partitions: [0] }]],
      ['b', []],
      ['c', []],
    ],
  )
})
