import assert from 'node:assert/strict'
import { test } from 'node:test'
import { principalNamed } from '../../../src/broker/security/principal-named.ts'
import { UserStore } from '../../../src/broker/security/user-store.ts'
import type { LogStore } from '../../../src/log/ports.ts'
import { systemRandom } from '../../../src/runtime/random.ts'

const users = new UserStore({ register: () => {} } as unknown as LogStore, systemRandom, { superUsers: [], maxUsers: 3 })

test('a kept session belongs to the same principal after a restart, whether anonymous or a user', () => {
  assert.equal(principalNamed(users, users.anonymous.name), users.anonymous)
  assert.equal(principalNamed(users, users.principalOf('alice').name).name, users.principalOf('alice').name)
})
