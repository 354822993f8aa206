import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Principal, Security } from '../../../src/broker/security/ports.ts'
import { Authentication, type SaslPolicy } from '../../../src/kafka/sasl/authentication.ts'
import { type BearerTokens, DEFAULT_SASL_OFFER, type SaslOffer } from '../../../src/kafka/sasl/mechanism.ts'
import { systemRandom } from '../../../src/runtime/random.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'

const FETCH = 1
const HANDSHAKE = 17
const NOBODY: Principal = { name: 'User:ANONYMOUS', isAdministrator: false }
const user = (name: string): Principal => ({ name: `User:${name}`, isAdministrator: false })

const security = {
  anonymous: NOBODY,
  checkPassword: async (name: string, password: string) => (password === 'secret' ? user(name) : null),
} as unknown as Security

/** A token names its user and how long it is good for: `alice.5000`. */
function tokens(clock: ManualClock): BearerTokens {
  return {
    verify: async (token) => {
      const [name = '', ms = ''] = token.split('.')
      return name === 'bad' ? null : { principal: user(name), expiresAtMs: clock.now() + Number(ms) }
    },
  }
}

function open(offer: Partial<SaslOffer> = {}, policy: SaslPolicy = 'required', proven: Principal | null = null) {
  const clock = new ManualClock()
  const full = { ...DEFAULT_SASL_OFFER, ...offer }
  const parts = { security, random: systemRandom, clock, decoySeed: Buffer.alloc(8), offer: full }
  return { clock, authentication: new Authentication(parts, policy, '10.0.0.1', proven) }
}

const plain = (name: string, password = 'secret') => Buffer.from(`\0${name}\0${password}`)
const bearer = (token: string, authzid = '') => Buffer.from(`n,${authzid === '' ? '' : `a=${authzid}`},\x01auth=Bearer ${token}\x01\x01`)

async function logIn(authentication: Authentication, mechanism: string, token: Uint8Array) {
  assert.equal(authentication.begin(mechanism, false), 'accepted')
  return authentication.step(token)
}

test('without a limit a session has no end', async () => {
  const { authentication, clock } = open()
  const step = await logIn(authentication, 'PLAIN', plain('alice'))
  assert.equal(step !== 'illegal' && step.outcome === 'success' ? step.lifetimeMs : null, 0)
  clock.advance(10 ** 9)
  assert.equal(authentication.permits(FETCH), true)
  assert.equal(authentication.principal.name, 'User:alice')
  assert.equal(authentication.principal.host, '10.0.0.1')
})

test('after connections.max.reauth.ms only a new login is served, and it goes on from there', async () => {
  const { authentication, clock } = open({ maxReauthMs: 5_000 })
  const step = await logIn(authentication, 'PLAIN', plain('alice'))
  assert.equal(step !== 'illegal' && step.outcome === 'success' ? step.lifetimeMs : null, 5_000)
  clock.advance(5_000)
  assert.equal(authentication.permits(FETCH), true)
  clock.advance(1)
  assert.equal(authentication.permits(FETCH), false)
  assert.equal(authentication.permits(HANDSHAKE), true)
  await logIn(authentication, 'PLAIN', plain('alice'))
  assert.equal(authentication.permits(FETCH), true)
  clock.advance(5_001)
  assert.equal(authentication.permits(FETCH), false)
})

test('nobody becomes somebody else by re-authentication, nor changes the mechanism', async () => {
  const other = open()
  await logIn(other.authentication, 'PLAIN', plain('alice'))
  const step = await logIn(other.authentication, 'PLAIN', plain('bob'))
  assert.match(step !== 'illegal' && step.outcome === 'failure' ? step.message : '', /Cannot change principals during re-authentication/)
  assert.equal(other.authentication.permits(FETCH), false)

  const changed = open({ mechanisms: ['PLAIN', 'OAUTHBEARER'], bearerTokens: tokens(new ManualClock()) })
  await logIn(changed.authentication, 'PLAIN', plain('alice'))
  const refused = await logIn(changed.authentication, 'OAUTHBEARER', bearer('alice.1000'))
  assert.match(refused !== 'illegal' && refused.outcome === 'failure' ? refused.message : '', /not supported for re-authentication of mechanism 'PLAIN'/)
})

test('a second re-authentication within a second is illegal, and the session stays as it is', async () => {
  const { authentication, clock } = open()
  await logIn(authentication, 'PLAIN', plain('alice'))
  await logIn(authentication, 'PLAIN', plain('alice'))
  clock.advance(999)
  assert.equal(authentication.begin('PLAIN', false), 'illegal')
  assert.equal(authentication.permits(FETCH), true)
  clock.advance(1)
  assert.equal(authentication.begin('PLAIN', false), 'accepted')
})

test('a session ends with its token, or before it where the broker says so', async () => {
  const clock = new ManualClock()
  const long = open({ mechanisms: ['OAUTHBEARER'], bearerTokens: tokens(clock), maxReauthMs: 2_000 })
  const short = await logIn(long.authentication, 'OAUTHBEARER', bearer('alice.1500'))
  assert.equal(short !== 'illegal' && short.outcome === 'success' ? short.lifetimeMs : null, 1_500)
  const capped = open({ mechanisms: ['OAUTHBEARER'], bearerTokens: tokens(clock), maxReauthMs: 1_000 })
  const step = await logIn(capped.authentication, 'OAUTHBEARER', bearer('alice.1500'))
  assert.equal(step !== 'illegal' && step.outcome === 'success' ? step.lifetimeMs : null, 1_000)
})

test('a token that is not valid is answered with JSON, which the client acknowledges before it is refused (RFC 7628)', async () => {
  const { authentication } = open({ mechanisms: ['OAUTHBEARER'], bearerTokens: tokens(new ManualClock()) })
  const step = await logIn(authentication, 'OAUTHBEARER', bearer('bad.1'))
  assert.equal(step !== 'illegal' && step.outcome === 'continue' ? Buffer.from(step.challenge).toString() : '', '{"status":"invalid_token"}')
  const end = await authentication.step(Buffer.from([1]))
  assert.deepEqual(end, { outcome: 'failure', message: '{"status":"invalid_token"}' })
  assert.equal(authentication.permits(FETCH), false)
})

test('what is no token of OAUTHBEARER is refused at once', async () => {
  const wrong = [
    'n,,auth=Bearer alice.1\x01\x01',
    'y,,\x01auth=Bearer alice.1\x01\x01',
    'n,,\x01auth=Bearer alice.1\x01',
    'n,,\x01auth=Basic alice.1\x01\x01',
    'n,,\x01auth=Bearer alice 1\x01\x01',
    'n,,\x01host=x\x01\x01',
    'n,,\x01auth=Bearer alice.1\x01x\x01\x01',
    '\x01',
    '',
  ]
  for (const text of wrong) {
    const { authentication } = open({ mechanisms: ['OAUTHBEARER'], bearerTokens: tokens(new ManualClock()) })
    const step = await logIn(authentication, 'OAUTHBEARER', Buffer.from(text))
    assert.equal(step !== 'illegal' && step.outcome, 'failure', JSON.stringify(text))
  }
})

test('extensions are let pass, another authorization id is not', async () => {
  const offer = { mechanisms: ['OAUTHBEARER'] as const, bearerTokens: tokens(new ManualClock()) }
  const step = await logIn(open(offer).authentication, 'OAUTHBEARER', Buffer.from('n,,\x01auth=Bearer alice.100\x01traceId=123\x01\x01'))
  assert.equal(step !== 'illegal' && step.outcome, 'success')
  const same = await logIn(open(offer).authentication, 'OAUTHBEARER', bearer('alice.100', 'alice'))
  assert.equal(same !== 'illegal' && same.outcome, 'success')
  const other = await logIn(open(offer).authentication, 'OAUTHBEARER', bearer('alice.100', 'bob'))
  assert.equal(other !== 'illegal' && other.outcome, 'failure')
})

test('only what is enabled is offered, OAUTHBEARER only with keys', () => {
  const { authentication } = open({ mechanisms: ['SCRAM-SHA-512', 'OAUTHBEARER'] })
  assert.deepEqual(authentication.mechanisms, ['SCRAM-SHA-512'])
  assert.equal(authentication.begin('PLAIN', false), 'unsupported')
})

test('a client with a certificate needs no login, and may become another user by one', async () => {
  const { authentication } = open({}, 'required', user('CN=cert'))
  assert.equal(authentication.permits(FETCH), true)
  assert.equal(authentication.principal.name, 'User:CN=cert')
  await logIn(authentication, 'PLAIN', plain('alice'))
  assert.equal(authentication.principal.name, 'User:alice')
})
