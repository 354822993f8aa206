import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PasswordCheck } from '../../../src/broker/security/password-check.ts'
import { credentialOf, saltPassword } from '../../../src/broker/security/scram.ts'
import { systemRandom } from '../../../src/runtime/random.ts'

const salt = systemRandom.bytes(16)
const credential = credentialOf('SCRAM-SHA-256', await saltPassword('SCRAM-SHA-256', 'right', salt, 4096), salt, 4096)

test('checks beyond the bound of those that wait are refused at once', async () => {
  const check = new PasswordCheck(systemRandom, { maxVerified: 10, maxWaiting: 2 })
  const answers = await Promise.all([1, 2, 3].map(() => check.check('a', 'right', credential)))
  assert.deepEqual(answers, [true, true, false])
})

test('beyond the bound the password longest unused is forgotten, not the access', async () => {
  const check = new PasswordCheck(systemRandom, { maxVerified: 1, maxWaiting: 10 })
  assert.equal(await check.check('a', 'right', credential), true)
  assert.equal(await check.check('b', 'right', credential), true)
  assert.equal(await check.check('a', 'right', credential), true)
})

test('an unknown user is refused even with the password of the decoy’s neighbour', async () => {
  const check = new PasswordCheck(systemRandom)
  assert.equal(await check.check('nobody', 'right', undefined), false)
  assert.equal(await check.check('nobody', 'right', undefined), false)
})

test('a storm of logins with one password derives one key', async () => {
  const strong = credentialOf('SCRAM-SHA-256', await saltPassword('SCRAM-SHA-256', 'right', salt, 16_384), salt, 16_384)
  const check = new PasswordCheck(systemRandom)
  const cpu = process.cpuUsage()
  const answers = await Promise.all(Array.from({ length: 500 }, () => check.check('a', 'right', strong)))
  const spent = process.cpuUsage(cpu)
  assert.ok(answers.every(Boolean))
  // 500 derivations of 16,384 iterations take seconds of CPU.
  assert.ok(spent.user + spent.system < 500_000, `${spent.user + spent.system} µs`)
})
