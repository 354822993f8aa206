import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { test } from 'node:test'
import type { Security } from '../../../src/broker/security/ports.ts'
import { credentialOf, saltPassword } from '../../../src/broker/security/scram.ts'
import { DEFAULT_SASL_OFFER } from '../../../src/kafka/sasl/mechanism.ts'
import { ScramExchange } from '../../../src/kafka/sasl/scram.ts'
import { systemRandom } from '../../../src/runtime/random.ts'
import { systemClock } from '../../../src/runtime/system-clock.ts'

const SALT = Buffer.from('a salt of alice')
const salted = await saltPassword('SCRAM-SHA-256', 'pencil', SALT, 4096)
const credential = credentialOf('SCRAM-SHA-256', salted, SALT, 4096)
const security = {
  scramCredential: () => credential,
  principalOf: (name: string) => ({ name: `User:${name}`, isAdministrator: false }),
} as unknown as Security

/** The client's side, whose last message carries the nonce that `nonceOf` makes of its own and the whole one. */
async function outcome(nonceOf: (own: string, whole: string) => string): Promise<string> {
  const exchange = new ScramExchange({ security, random: systemRandom, clock: systemClock, offer: DEFAULT_SASL_OFFER, decoySeed: SALT }, 'SCRAM-SHA-256')
  const first = await exchange.step(Buffer.from('n,,n=alice,r=clientnonce'))
  assert.equal(first.outcome, 'continue')
  const serverFirst = Buffer.from(first.outcome === 'continue' ? first.challenge : []).toString()
  const whole = /r=([^,]+)/.exec(serverFirst)?.[1] ?? ''
  const withoutProof = `c=biws,r=${nonceOf('clientnonce', whole)}`
  const clientKey = createHmac('sha256', salted).update('Client Key').digest()
  const storedKey = createHash('sha256').update(clientKey).digest()
  const signature = createHmac('sha256', storedKey).update(`n=alice,r=clientnonce,${serverFirst},${withoutProof}`).digest()
  const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0))).toString('base64')
  return (await exchange.step(Buffer.from(`${withoutProof},p=${proof}`))).outcome
}

test('the whole nonce is taken (RFC 5802)', async () => {
  assert.equal(await outcome((_own, whole) => whole), 'success')
})

test('the client’s nonce before the whole one is taken: librdkafka before 2.6.1 sends that, and Kafka takes it', async () => {
  assert.equal(await outcome((own, whole) => own + whole), 'success')
})

test('another nonce, a cut one and that of the client alone are refused', async () => {
  assert.equal(await outcome(() => 'somethingelse'), 'failure')
  assert.equal(await outcome((_own, whole) => whole.slice(0, -1)), 'failure')
  assert.equal(await outcome((own) => own), 'failure')
})
