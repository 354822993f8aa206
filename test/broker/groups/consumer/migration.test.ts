import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeAssignment } from '../../../../src/broker/groups/consumer-protocol.ts'
import type { JoinResult } from '../../../../src/broker/groups/group-requests.ts'
import type { GroupSettings } from '../../../../src/broker/groups/group-settings.ts'
import { errorOf, protocol, World } from '../support/world.ts'
import { assignmentOf, beat, errorOfBeat, owned, stateOf } from './support.ts'

/** A classic group whose one member has all four partitions of `t`. */
async function classic(settings: Partial<GroupSettings> = {}) {
  const it = await new World(settings).open()
  it.topic('t', 4)
  const joined = it.join({ protocols: [consumerProtocol()] })
  it.clock.advance(0)
  const member = joined.result as JoinResult
  const assignment = Buffer.from(writeAssignment(0, [{ topicName: 't', partitions: [0, 1, 2, 3] }]))
  it.groups.sync(
    {
      groupId: 'g',
      generation: member.generation,
      memberId: member.memberId,
      instanceId: null,
      connection: null,
      protocolType: null,
      protocolName: null,
      assignments: [{ memberId: member.memberId, assignment }],
    },
    () => undefined,
  )
  it.log.commit()
  assert.equal(it.state(), 'Stable')
  return { it, member }
}

/** Version 0 of a subscription, and no user data. */
function consumerProtocol() {
  const { name, metadata } = protocol('range', ['t'])
  const bytes = Buffer.from(metadata)
  bytes.writeInt32BE(-1, bytes.length - 4)
  return { name, metadata: bytes }
}

const POLICIES = {
  bidirectional: ['NONE', 'classic'],
  upgrade: ['NONE', 'consumer'],
  downgrade: ['GROUP_ID_NOT_FOUND', 'classic'],
  disabled: ['GROUP_ID_NOT_FOUND', 'classic'],
} as const

for (const [migrationPolicy, [upgraded, typeAfter]] of Object.entries(POLICIES)) {
  test(`group.consumer.migration.policy=${migrationPolicy}: a new member gets ${upgraded}, after it the group is ${typeAfter}`, async () => {
    const { it } = await classic({ migrationPolicy: migrationPolicy as keyof typeof POLICIES })
    assert.equal(errorOfBeat(it), upgraded)
    if (upgraded === 'NONE') beat(it, { memberEpoch: -1 })
    assert.equal(it.groups.typeOf('g'), typeAfter)
  })
}

test('with the policy disabled a classic member meets INCONSISTENT_GROUP_PROTOCOL in a group of the new protocol', async () => {
  const it = await new World({ migrationPolicy: 'disabled' }).open()
  it.topic('t', 4)
  beat(it)
  assert.equal(errorOf(it.join({ protocols: [consumerProtocol()] })), 'INCONSISTENT_GROUP_PROTOCOL')
})

test('a classic member that is told to rejoin and does not is out', async () => {
  const { it, member } = await classic()
  beat(it)
  assert.equal(it.heartbeat(member), 'REBALANCE_IN_PROGRESS')
  // Its heartbeats go on, its JoinGroup never comes: 60 s.
  for (let second = 0; second < 60; second += 5) {
    it.clock.advance(5_000)
    it.heartbeat(member)
    beat(it, { memberEpoch: 2, owned: [] })
  }
  assert.equal(it.heartbeat(member), 'UNKNOWN_MEMBER_ID')
  assert.equal(stateOf(it), 'Stable m1@3')
})

test('a classic member that joined and never asks for its assignment is out', async () => {
  const it = await new World().open()
  it.topic('t', 4)
  beat(it)
  const joined = it.join({ protocols: [consumerProtocol()] })
  it.log.commit()
  assert.equal(errorOf(joined), 'NONE')
  for (let second = 0; second < 60; second += 5) {
    it.clock.advance(5_000)
    it.heartbeat(joined.result)
    beat(it, { memberEpoch: 2 })
  }
  assert.equal(it.heartbeat(joined.result), 'UNKNOWN_MEMBER_ID')
})

test('an upgrade that the disk refuses leaves the classic group as it was', async () => {
  const { it, member } = await classic()
  const waiting = it.beat()
  it.log.fail()
  assert.ok(waiting.result !== undefined && 'error' in waiting.result)
  assert.equal(it.groups.typeOf('g'), 'classic')
  assert.equal(it.state(), 'Stable')
  assert.equal(it.heartbeat(member), 'NONE')
})

test('a downgrade that the disk refuses leaves the group of the new protocol as it was', async () => {
  const { it } = await classic()
  beat(it)
  const leaving = it.beat({ memberEpoch: -1 })
  assert.equal(it.groups.typeOf('g'), 'classic')
  it.log.fail()
  assert.ok(leaving.result !== undefined && 'error' in leaving.result)
  assert.equal(it.groups.typeOf('g'), 'consumer')
  assert.match(stateOf(it), /^Reconciling .*m1@2/)
})

test('a crash right after a downgrade: members rejoin, since they do not have yet what they shall have', async () => {
  const before = await classic()
  beat(before.it)
  const leaving = before.it.beat({ memberEpoch: -1 })
  before.it.log.commit()
  assert.ok(leaving.result !== undefined && !('error' in leaving.result))
  const it = await before.it.restart()
  assert.equal(it.groups.typeOf('g'), 'classic')
  assert.equal(it.state(), 'PreparingRebalance')
})

test('nobody is given what a classic member has still, whatever way the group went meanwhile', async () => {
  const { it } = await classic()
  beat(it, { memberId: 'm1' })
  beat(it, { memberId: 'm1', memberEpoch: -1 })
  assert.equal(it.groups.typeOf('g'), 'classic')
  assert.equal(assignmentOf(it, beat(it, { memberId: 'm2' })), '')
})

test('nothing of a former group is left on disk when a new one takes its id', async () => {
  let it = await new World().open()
  it.topic('t', 4)
  beat(it, { memberId: 'old-1' })
  beat(it, { memberId: 'old-2' })
  // Their leaving is not written yet when a classic member takes the empty group over, and leaves it.
  it.beat({ memberId: 'old-1', memberEpoch: -1 })
  it.beat({ memberId: 'old-2', memberEpoch: -1 })
  const joined = it.join({ requiresKnownMemberId: true, protocols: [consumerProtocol()] })
  it.leave([{ memberId: joined.result?.memberId ?? '', instanceId: null }])
  it.log.commit(1)
  beat(it, { memberId: 'new', owned: owned(it, {}) })
  it = await it.restart()
  assert.equal(stateOf(it), 'Stable new@2')
})
