import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Failure, isFailure } from '../../../src/broker/errors.ts'
import { type Acl, type AclFilter, keyOfAcl } from '../../../src/broker/security/acl.ts'
import { AclStore } from '../../../src/broker/security/acl-store.ts'
import { aclOf, filterOf } from './support/acls.ts'
import { HeldStateLog } from './support/held-state-log.ts'

const ALICE = aclOf('allow User:alice read topic orders')
const BOB = aclOf('deny User:bob write topic ord*')
const INVALID_REQUEST = 42

function open(log = new HeldStateLog(), maxAcls = 1_000) {
  let changes = 0
  const store = new AclStore(log.store, maxAcls, () => changes++)
  log.replay()
  const create = (...acls: Acl[]) => {
    const answer: { results: readonly (Failure | null)[] | null } = { results: null }
    store.create(acls, (results) => {
      answer.results = results
    })
    return answer
  }
  const remove = (...filters: AclFilter[]) => {
    const answer: { results: readonly (readonly Acl[] | Failure)[] | null } = { results: null }
    store.delete(filters, (results) => {
      answer.results = results
    })
    return answer
  }
  return { log, store, create, remove, changes: () => changes, all: () => store.matching(filterOf()).map(keyOfAcl) }
}

const keys = (...acls: Acl[]) => acls.map(keyOfAcl)

test('an ACL holds at once, is answered when it is durable, and is there after a restart', () => {
  const { log, create, all, changes } = open()
  const answer = create(ALICE, BOB)
  assert.deepEqual(all(), keys(ALICE, BOB))
  assert.equal(changes(), 1)
  assert.equal(answer.results, null)
  log.commit()
  assert.deepEqual(answer.results, [null, null])
  assert.deepEqual(open(HeldStateLog.after(log)).all(), keys(ALICE, BOB))
})

test('an ACL that is there already is no error, and is answered only when the first one is durable', () => {
  const { log, create, all } = open()
  create(ALICE)
  const second = create(ALICE)
  log.commit(1)
  assert.equal(second.results, null)
  log.commit()
  assert.deepEqual(second.results, [null])
  assert.deepEqual(all(), keys(ALICE))
})

test('what the disk refuses is undone, also among changes that overlap', () => {
  const { log, create, remove, all } = open()
  create(ALICE)
  log.commit()
  const made = create(BOB)
  const removed = remove(filterOf({ principal: 'User:alice' }))
  assert.deepEqual(all(), keys(BOB))
  log.fail()
  assert.ok(made.results?.every((result) => isFailure(result)))
  assert.ok(removed.results?.every((result) => isFailure(result)))
  assert.deepEqual(all(), keys(ALICE))

  create(BOB)
  remove(filterOf({ principal: 'User:bob' }))
  log.fail(1)
  log.commit()
  assert.deepEqual(all(), keys(ALICE))

  create(BOB)
  remove(filterOf({ principal: 'User:bob' }))
  log.commit(1)
  assert.deepEqual(all(), keys(ALICE), 'the first change of two does not bring back what the second took')
  log.fail()
  assert.deepEqual(all(), keys(ALICE, BOB))
})

test('a filter answers what went, and each ACL goes once', async () => {
  const { log, create, remove, all } = open()
  create(ALICE, BOB)
  log.commit()
  const first = remove(filterOf({ resourceType: 'topic', patternType: 'match', resourceName: 'orders' }), filterOf({ operation: 'read' }))
  const second = remove(filterOf())
  await Promise.resolve()
  assert.equal(second.results, null, 'that nothing is there is not answered before it is durable')
  log.commit()
  assert.deepEqual(first.results, [[ALICE, BOB], [ALICE]])
  await Promise.resolve()
  log.commit()
  assert.deepEqual(second.results, [[]])
  assert.deepEqual(all(), [])
  assert.deepEqual(open(HeldStateLog.after(log)).all(), [])
})

test('ACLs that make no sense are refused, and only they', () => {
  const { log, create, all } = open()
  const answer = create(
    { ...ALICE, resourceName: '' },
    { ...ALICE, principal: 'alice' },
    { ...ALICE, resourceType: 'cluster', resourceName: 'other' },
    { ...ALICE, host: '' },
    { ...ALICE, principal: `User:${'x'.repeat(5_000)}` },
    ALICE,
  )
  log.commit()
  assert.deepEqual(
    answer.results?.map((result) => result?.error.kafka ?? 0),
    [...Array(5).fill(INVALID_REQUEST), 0],
  )
  assert.deepEqual(all(), keys(ALICE))
})

test('there are no more ACLs than the bound', () => {
  const { log, create, all } = open(new HeldStateLog(), 1)
  const answer = create(ALICE, BOB)
  log.commit()
  assert.deepEqual(
    answer.results?.map((result) => result?.error.name ?? null),
    [null, 'POLICY_VIOLATION'],
  )
  assert.deepEqual(all(), keys(ALICE))
})

test('a removal of what is not there is confirmed only while the disk works: it may hold an ACL that was refused', async () => {
  const { log, create, remove } = open()
  create(ALICE)
  log.fail()
  const refused = remove(filterOf())
  await Promise.resolve()
  log.fail()
  assert.deepEqual(
    refused.results?.map((result) => isFailure(result)),
    [true],
  )
  const confirmed = remove(filterOf())
  await Promise.resolve()
  assert.equal(confirmed.results, null)
  log.commit()
  assert.deepEqual(confirmed.results, [[]])
})
