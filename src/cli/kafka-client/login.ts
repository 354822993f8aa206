import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { SaslAuthenticateRequest, SaslAuthenticateResponse } from '../../kafka/messages/sasl-authenticate.ts'
import { SaslHandshakeRequest, SaslHandshakeResponse } from '../../kafka/messages/sasl-handshake.ts'
import { CommandError } from '../command.ts'
import type { KafkaConnection } from './connection.ts'
import { throwOnError } from './errors.ts'

const derive = promisify(pbkdf2)

/** A name and a password, as the command line got them. */
export interface Credentials {
  readonly username: string
  readonly password: string
}

/** Logs in by SCRAM-SHA-256 (RFC 5802, 7677): the password does not cross the network. */
export async function logIn(connection: KafkaConnection, { username, password }: Credentials): Promise<void> {
  const handshake = await connection.request(SaslHandshakeRequest, SaslHandshakeResponse, { mechanism: 'SCRAM-SHA-256' })
  throwOnError(handshake.errorCode, `cannot log in by SCRAM-SHA-256 (the broker offers ${handshake.mechanisms.join(', ') || 'nothing'})`)
  const exchange = async (message: string): Promise<string> => {
    const answer = await connection.request(SaslAuthenticateRequest, SaslAuthenticateResponse, { authBytes: Buffer.from(message) })
    throwOnError(answer.errorCode, `cannot log in as "${username}"`, answer.errorMessage)
    return Buffer.from(answer.authBytes).toString()
  }
  const nonce = randomBytes(18).toString('base64')
  const firstBare = `n=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`
  const first = await exchange(`n,,${firstBare}`)
  const { r: serverNonce = '', s: salt = '', i: iterations = '' } = attributesOf(first)
  if (!serverNonce.startsWith(nonce)) throw new CommandError('the broker answered the login with a nonce of its own')
  const salted = await derive(password, Buffer.from(salt, 'base64'), Number(iterations), 32, 'sha256')
  const withoutProof = `c=biws,r=${serverNonce}`
  const signed = `${firstBare},${first},${withoutProof}`
  const clientKey = hmac(salted, 'Client Key')
  const signature = hmac(createHash('sha256').update(clientKey).digest(), signed)
  const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] as number)))
  const last = await exchange(`${withoutProof},p=${proof.toString('base64')}`)
  const given = Buffer.from(attributesOf(last).v ?? '', 'base64')
  const expected = hmac(hmac(salted, 'Server Key'), signed)
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw new CommandError('the broker does not know the password: it is not who it says')
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function attributesOf(message: string): Record<string, string> {
  return Object.fromEntries(message.split(',').map((part) => [part.slice(0, 1), part.slice(2)]))
}
