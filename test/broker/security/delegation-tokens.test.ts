import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Failure, isFailure } from '../../../src/broker/errors.ts'
import { DEFAULT_TOKEN_SETTINGS, TokenStore } from '../../../src/broker/security/delegation-tokens.ts'
import type { IssuedToken, TokenRequest } from '../../../src/broker/security/ports.ts'
import { provesCredential, saltPassword } from '../../../src/broker/security/scram.ts'
import { systemRandom } from '../../../src/runtime/random.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import { HeldStateLog } from './support/held-state-log.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const ASKED: TokenRequest = { owner: 'User:alice', requester: 'User:alice', renewers: ['User:bob'], maxLifetimeMs: -1 }

function open(log = new HeldStateLog(), clock = new ManualClock(), maxTokens = 100) {
  const store = new TokenStore(log.store, clock, systemRandom, { ...DEFAULT_TOKEN_SETTINGS, maxTokens })
  log.replay()
  store.open()
  const create = (asked: Partial<TokenRequest> = {}): IssuedToken => {
    let result: IssuedToken | Failure | null = null
    store.create({ ...ASKED, ...asked }, (made) => {
      result = made
    })
    log.commit()
    assert.ok(result !== null && !isFailure(result))
    return result
  }
  const outcome = (ask: (onDone: (result: number | Failure) => void) => void): number | string => {
    let told: number | string = 'waits'
    ask((result) => {
      told = typeof result === 'number' ? result : result.error.name
    })
    log.commit()
    return told
  }
  const renew = (hmac: Uint8Array, who: string, periodMs = -1) => outcome((onDone) => store.renew(hmac, who, periodMs, onDone))
  const expire = (hmac: Uint8Array, who: string, periodMs = -1) => outcome((onDone) => store.expire(hmac, who, periodMs, onDone))
  const proves = async (tokenId: string, hmac: Uint8Array): Promise<boolean> => {
    const proof = await store.prove(tokenId, 'SCRAM-SHA-256')
    if (proof === undefined) return false
    const { credential } = proof
    return provesCredential(credential, await saltPassword('SCRAM-SHA-256', Buffer.from(hmac).toString('base64'), credential.salt, credential.iterations))
  }
  return { log, clock, store, create, renew, expire, proves }
}

test('a token is good for a day, can be renewed for a week, and its HMAC is its password', async () => {
  const { clock, create, proves } = open()
  const token = create()
  assert.equal(token.expiryMs, clock.now() + DAY_MS)
  assert.equal(token.maxMs, clock.now() + 7 * DAY_MS)
  assert.equal(token.hmac.length, 64)
  assert.equal(await proves(token.tokenId, token.hmac), true)
  assert.equal(await proves(token.tokenId, Buffer.alloc(64)), false)
  assert.equal(await proves('unknown', token.hmac), false)
  clock.advance(DAY_MS + 1)
  assert.equal(await proves(token.tokenId, token.hmac), false)
})

test('a token survives a restart with its password', async () => {
  const first = open()
  const token = first.create()
  const second = open(HeldStateLog.after(first.log), first.clock)
  assert.equal(await second.proves(token.tokenId, token.hmac), true)
  assert.deepEqual([...second.store.all()], [token])
  assert.equal(second.renew(token.hmac, 'User:alice'), first.clock.now() + DAY_MS)
})

test('a token that the disk refused is none, and the secret is kept with the next one', async () => {
  const { log, store, create } = open()
  let refused: IssuedToken | Failure | null = null
  store.create(ASKED, (result) => {
    refused = result
  })
  log.fail()
  assert.ok(isFailure(refused))
  assert.deepEqual([...store.all()], [])
  const token = create()
  const again = open(HeldStateLog.after(log))
  assert.equal(await again.proves(token.tokenId, token.hmac), true)
})

test('owner and renewers renew, at most to the end of its life; others do not', () => {
  const { clock, create, renew } = open()
  const { hmac, maxMs } = create()
  clock.advance(HOUR_MS)
  assert.equal(renew(hmac, 'User:bob', 2 * HOUR_MS), clock.now() + 2 * HOUR_MS)
  assert.equal(renew(hmac, 'User:alice'), clock.now() + DAY_MS)
  assert.equal(renew(hmac, 'User:carol'), 'DELEGATION_TOKEN_OWNER_MISMATCH')
  assert.equal(renew(Buffer.from('nothing'), 'User:alice'), 'DELEGATION_TOKEN_NOT_FOUND')
  for (let day = 0; day < 6; day++) {
    clock.advance(DAY_MS)
    renew(hmac, 'User:alice')
  }
  assert.equal(renew(hmac, 'User:alice'), maxMs)
})

test('nobody renews a token that has expired', () => {
  const { clock, create, renew } = open()
  const { hmac } = create({ maxLifetimeMs: 1_000 })
  clock.advance(1_001)
  assert.equal(renew(hmac, 'User:alice'), 'DELEGATION_TOKEN_EXPIRED')
})

test('a token ends when it is told to, at once where the period is negative', async () => {
  const { clock, create, expire, proves } = open()
  const later = create()
  assert.equal(expire(later.hmac, 'User:carol', 1), 'DELEGATION_TOKEN_OWNER_MISMATCH')
  assert.equal(expire(later.hmac, 'User:bob', 1_000), clock.now() + 1_000)
  clock.advance(1_001)
  assert.equal(await proves(later.tokenId, later.hmac), false)
  assert.equal(expire(later.hmac, 'User:bob', 1_000), 'DELEGATION_TOKEN_EXPIRED')
  const now = create()
  assert.equal(expire(now.hmac, 'User:alice', -1), clock.now())
  assert.equal(await proves(now.tokenId, now.hmac), false)
  assert.equal(expire(now.hmac, 'User:alice', -1), 'DELEGATION_TOKEN_NOT_FOUND')
})

test('expired tokens are forgotten', () => {
  const { clock, create, store, log } = open()
  create({ maxLifetimeMs: HOUR_MS })
  create()
  clock.advance(2 * HOUR_MS + 1)
  log.commit()
  assert.equal([...store.all()].length, 1)
  clock.advance(2 * DAY_MS)
  log.commit()
  assert.deepEqual([...store.all()], [])
  assert.equal([...log.durable.values()].length, 1, 'the secret stays')
})

test('there are no more tokens than the bound', () => {
  const { store, create } = open(new HeldStateLog(), new ManualClock(), 1)
  create()
  let refused: IssuedToken | Failure | null = null
  store.create(ASKED, (result) => {
    refused = result
  })
  assert.ok(isFailure(refused))
})
