import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { SaslAuthenticateRequest, SaslAuthenticateResponse } from '../../src/kafka/messages/sasl-authenticate.ts'
import { SaslHandshakeRequest, SaslHandshakeResponse } from '../../src/kafka/messages/sasl-handshake.ts'
import type { KafkaClient } from './kafka-client.ts'

/** A user of the simulation. Its salted password is made beforehand: no thread of the machine may take part in a run. */
export interface ScramUser {
  readonly name: string
  readonly salt: Buffer
  readonly iterations: number
  readonly saltedPassword: Buffer
}

const ITERATIONS = 4_096

export function scramUser(name: string, password: string): ScramUser {
  const salt = createHash('sha256').update(name).digest().subarray(0, 16)
  return { name, salt, iterations: ITERATIONS, saltedPassword: pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256') }
}

/** SCRAM-SHA-256 (RFC 5802, 7677) as a client speaks it; whether the broker took it. Rejects with Disconnected. */
export async function logIn(client: KafkaClient, user: ScramUser, nonce: string): Promise<boolean> {
  await client.request(SaslHandshakeRequest, SaslHandshakeResponse, 1, { mechanism: 'SCRAM-SHA-256' })
  const say = (text: string) => client.request(SaslAuthenticateRequest, SaslAuthenticateResponse, 2, { authBytes: Buffer.from(text) })
  const firstBare = `n=${user.name},r=${nonce}`
  const first = await say(`n,,${firstBare}`)
  if (first.errorCode !== 0) return false
  const serverFirst = Buffer.from(first.authBytes).toString()
  const serverNonce = /r=([^,]+)/.exec(serverFirst)?.[1] ?? ''
  const withoutProof = `c=biws,r=${serverNonce}`
  const clientKey = createHmac('sha256', user.saltedPassword).update('Client Key').digest()
  const storedKey = createHash('sha256').update(clientKey).digest()
  const signature = createHmac('sha256', storedKey).update(`${firstBare},${serverFirst},${withoutProof}`).digest()
  const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0))).toString('base64')
  return (await say(`${withoutProof},p=${proof}`)).errorCode === 0
}
