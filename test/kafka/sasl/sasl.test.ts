import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Kafka, logLevel, type SASLOptions } from 'kafkajs'
import type { ScramMechanism } from '../../../src/broker/security/ports.ts'
import { credentialOf, saltPassword } from '../../../src/broker/security/scram.ts'
import { AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse } from '../../../src/kafka/messages/alter-user-scram-credentials.ts'
import { ApiVersionsRequest, ApiVersionsResponse } from '../../../src/kafka/messages/api-versions.ts'
import { DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse } from '../../../src/kafka/messages/describe-user-scram-credentials.ts'
import { MetadataRequest } from '../../../src/kafka/messages/metadata.ts'
import { SaslAuthenticateRequest, SaslAuthenticateResponse } from '../../../src/kafka/messages/sasl-authenticate.ts'
import { SaslHandshakeRequest, SaslHandshakeResponse } from '../../../src/kafka/messages/sasl-handshake.ts'
import type { SaslPolicy } from '../../../src/kafka/sasl/authentication.ts'
import { startKafka } from '../lib/harness.ts'
import { HeldLog } from '../lib/held-log.ts'
import { RawClient } from '../lib/raw-client.ts'

const HANDSHAKE = [SaslHandshakeRequest, SaslHandshakeResponse] as const
const AUTHENTICATE = [SaslAuthenticateRequest, SaslAuthenticateResponse] as const
const ALTER = [AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse] as const
const DESCRIBE = [DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse] as const
const METADATA = { topics: null, includeClusterAuthorizedOperations: false, includeTopicAuthorizedOperations: false }

async function setup(sasl: SaslPolicy = 'required') {
  const kafka = await startKafka(new HeldLog(), { sasl })
  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const) await addUser('alice', 'pencil', mechanism)
  async function addUser(name: string, password: string, mechanism: ScramMechanism) {
    const salt = Buffer.from('a salt of alice')
    const salted = await saltPassword(mechanism, password, salt, 4096)
    await new Promise((resolve) => kafka.security.alterCredentials(name, { put: [credentialOf(mechanism, salted, salt, 4096)], remove: [] }, resolve))
  }
  const clients: RawClient[] = []
  const connect = async () => {
    const client = await RawClient.connect(kafka.address)
    clients.push(client)
    return client
  }
  const end = async () => {
    for (const client of clients) await client[Symbol.asyncDispose]()
    await kafka[Symbol.asyncDispose]()
  }
  return { kafka, connect, addUser, [Symbol.asyncDispose]: end }
}

const plain = (username: string, password: string) => Buffer.from(`\0${username}\0${password}`)

test('kafkajs authenticates with PLAIN and both SCRAM mechanisms, and not with a wrong password', async () => {
  await using t = await setup()
  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
    for (const [password, right] of [
      ['pencil', true],
      ['pen', false],
    ] as const) {
      const sasl = { mechanism, username: 'alice', password } as SASLOptions
      const { host, port } = t.kafka.address
      const client = new Kafka({ brokers: [`${host}:${port}`], sasl, ssl: false, retry: { retries: 0 }, logLevel: logLevel.NOTHING })
      const admin = client.admin()
      if (right) {
        await admin.connect()
        assert.deepEqual(await admin.listTopics(), [], mechanism)
      } else {
        await assert.rejects(admin.connect(), /[Aa]uthentication/, mechanism)
      }
      await admin.disconnect()
    }
  }
})

test('before authentication only ApiVersions and the handshake are answered, all else closes (rule 6)', async () => {
  await using t = await setup()
  const client = await t.connect()
  const versions = await client.ask([ApiVersionsRequest, ApiVersionsResponse], 3, { clientSoftwareName: 'x', clientSoftwareVersion: '1' })
  assert.equal(versions.errorCode, 0)
  client.send(MetadataRequest, 4, METADATA)
  assert.equal(await client.nextFrame(), null)
  const second = await t.connect()
  assert.equal((await second.ask(HANDSHAKE, 1, { mechanism: 'PLAIN' })).errorCode, 0)
  second.send(MetadataRequest, 4, METADATA)
  assert.equal(await second.nextFrame(), null)
})

test('before authentication ApiVersions is answered once, amid a login with 34; then the connection closes', async () => {
  await using t = await setup()
  const VERSIONS = [ApiVersionsRequest, ApiVersionsResponse] as const
  const named = { clientSoftwareName: 'x', clientSoftwareVersion: '1' }
  const twice = await t.connect()
  assert.equal((await twice.ask(VERSIONS, 3, { ...named, clientSoftwareName: '' })).errorCode, 42)
  assert.equal((await twice.ask(VERSIONS, 3, named)).errorCode, 0, 'one that was refused does not count')
  twice.send(ApiVersionsRequest, 3, named)
  assert.equal(await twice.nextFrame(), null)

  const amid = await t.connect()
  await amid.ask(HANDSHAKE, 1, { mechanism: 'PLAIN' })
  assert.equal((await amid.ask(VERSIONS, 3, named)).errorCode, 34)
  assert.equal(await amid.nextFrame(), null)

  const again = await t.connect()
  await again.ask(HANDSHAKE, 1, { mechanism: 'PLAIN' })
  assert.equal((await again.ask(AUTHENTICATE, 2, { authBytes: plain('alice', 'pencil') })).errorCode, 0)
  for (const _ of [1, 2]) assert.equal((await again.ask(VERSIONS, 3, named)).errorCode, 0, 'who is known may ask as often as it likes')
  await again.ask(HANDSHAKE, 1, { mechanism: 'PLAIN' })
  assert.equal((await again.ask(VERSIONS, 3, named)).errorCode, 34)
  assert.equal(await again.nextFrame(), null)
})

test('before authentication a request has at most 512 KiB, afterwards as many as the setting says', async () => {
  await using t = await setup()
  const head = (size: number) => {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(size, 0)
    return bytes
  }
  const stranger = await t.connect()
  stranger.sendBytes(head(524_289))
  assert.equal(await stranger.nextFrame(), null)
  const alice = await t.connect()
  await alice.ask(HANDSHAKE, 1, { mechanism: 'PLAIN' })
  await alice.ask(AUTHENTICATE, 2, { authBytes: plain('alice', 'pencil') })
  const names = Array.from({ length: 4_000 }, (_, index) => ({ name: `${'x'.repeat(240)}${index}`, topicId: '' }))
  alice.send(MetadataRequest, 4, { ...METADATA, topics: names, allowAutoTopicCreation: false })
  assert.ok(await alice.nextFrame())
})

test('a mechanism that is not offered gets 33 with the list, then the connection closes', async () => {
  await using t = await setup()
  const client = await t.connect()
  const answer = await client.ask(HANDSHAKE, 1, { mechanism: 'GSSAPI' })
  assert.equal(answer.errorCode, 33)
  assert.deepEqual(answer.mechanisms, ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'])
  assert.equal(await client.nextFrame(), null)
})

test('a wrong password gets 58 with a message, then the connection closes', async () => {
  await using t = await setup()
  for (const [username, password] of [
    ['alice', 'wrong'],
    ['nobody', 'pencil'],
  ] as const) {
    const client = await t.connect()
    await client.ask(HANDSHAKE, 1, { mechanism: 'PLAIN' })
    const answer = await client.ask(AUTHENTICATE, 2, { authBytes: plain(username, password) })
    assert.equal(answer.errorCode, 58)
    assert.match(answer.errorMessage ?? '', /Invalid username or password/)
    assert.equal(await client.nextFrame(), null)
  }
})

test('a token without a handshake gets 34 where a login is not asked for, and ends the connection where it is', async () => {
  await using optional = await setup('optional')
  const client = await optional.connect()
  assert.equal((await client.ask(AUTHENTICATE, 1, { authBytes: plain('alice', 'pencil') })).errorCode, 34)
  await using required = await setup()
  const other = await required.connect()
  other.send(SaslAuthenticateRequest, 1, { authBytes: plain('alice', 'pencil') })
  assert.equal(await other.nextFrame(), null)
})

test('after a handshake of version 0 tokens are bare frames', async () => {
  await using t = await setup()
  const client = await t.connect()
  assert.equal((await client.ask(HANDSHAKE, 0, { mechanism: 'PLAIN' })).errorCode, 0)
  const token = plain('alice', 'pencil')
  const frame = Buffer.alloc(4 + token.length)
  frame.writeInt32BE(token.length)
  token.copy(frame, 4)
  client.sendBytes(frame)
  assert.deepEqual(await client.nextFrame(), Buffer.alloc(0))
  client.send(MetadataRequest, 4, METADATA)
  assert.ok(await client.nextFrame())
})

test('a bare token that is wrong closes the connection', async () => {
  await using t = await setup()
  const client = await t.connect()
  await client.ask(HANDSHAKE, 0, { mechanism: 'PLAIN' })
  client.sendBytes(Buffer.from([0, 0, 0, 3, 1, 2, 3]))
  assert.equal(await client.nextFrame(), null)
})

test('requests sent behind a token wait for its verdict', async () => {
  await using t = await setup()
  const client = await t.connect()
  client.send(SaslHandshakeRequest, 1, { mechanism: 'PLAIN' })
  client.send(SaslAuthenticateRequest, 2, { authBytes: plain('alice', 'pencil') })
  client.send(MetadataRequest, 4, METADATA)
  assert.equal((await client.answer(SaslHandshakeResponse, 1)).value.errorCode, 0)
  assert.equal((await client.answer(SaslAuthenticateResponse, 2)).value.errorCode, 0)
  assert.ok(await client.nextFrame())
})

test('an unknown SCRAM user is told a salt that stays the same, and refused only at the end', async () => {
  await using t = await setup()
  const salts: string[] = []
  for (const nonce of ['first', 'second']) {
    const client = await t.connect()
    await client.ask(HANDSHAKE, 1, { mechanism: 'SCRAM-SHA-256' })
    const challenge = await client.ask(AUTHENTICATE, 2, { authBytes: Buffer.from(`n,,n=nobody,r=${nonce}`) })
    assert.equal(challenge.errorCode, 0)
    const parts = /^r=([^,]+),s=([^,]+),i=4096$/.exec(Buffer.from(challenge.authBytes).toString())
    assert.ok(parts !== null)
    assert.ok(parts[1]?.startsWith(nonce))
    salts.push(parts[2] as string)
    const proof = Buffer.alloc(32).toString('base64')
    const last = await client.ask(AUTHENTICATE, 2, { authBytes: Buffer.from(`c=biws,r=${parts[1]},p=${proof}`) })
    assert.equal(last.errorCode, 58)
  }
  assert.equal(salts[0], salts[1])
})

test('SCRAM messages that are none, another nonce and a channel binding get 58', async () => {
  await using t = await setup()
  const proof = Buffer.alloc(32).toString('base64')
  for (const first of ['', 'n,,', 'y,,n=alice', 'p=tls-unique,,n=alice,r=x', 'n,a=bob,n=alice,r=x', 'n,,n==2Z,r=x']) {
    const client = await t.connect()
    await client.ask(HANDSHAKE, 1, { mechanism: 'SCRAM-SHA-256' })
    assert.equal((await client.ask(AUTHENTICATE, 2, { authBytes: Buffer.from(first) })).errorCode, 58, first)
  }
  for (const final of [`c=biws,r=other,p=${proof}`, 'c=biws', '']) {
    const client = await t.connect()
    await client.ask(HANDSHAKE, 1, { mechanism: 'SCRAM-SHA-256' })
    await client.ask(AUTHENTICATE, 2, { authBytes: Buffer.from('n,,n=alice,r=x') })
    assert.equal((await client.ask(AUTHENTICATE, 2, { authBytes: Buffer.from(final) })).errorCode, 58, final)
  }
})

test('where SASL is optional, clients without it are served, and clients with it proven', async () => {
  await using t = await setup('optional')
  const anonymous = await t.connect()
  anonymous.send(MetadataRequest, 4, METADATA)
  assert.ok(await anonymous.nextFrame())
  const wrong = await t.connect()
  await wrong.ask(HANDSHAKE, 1, { mechanism: 'PLAIN' })
  assert.equal((await wrong.ask(AUTHENTICATE, 2, { authBytes: plain('alice', 'wrong') })).errorCode, 58)
})

test('an administrator makes, lists and deletes users; others may not: 31', async () => {
  await using t = await setup()
  const login = async (username: string, password: string) => {
    const client = await t.connect()
    await client.ask(HANDSHAKE, 1, { mechanism: 'PLAIN' })
    assert.equal((await client.ask(AUTHENTICATE, 2, { authBytes: plain(username, password) })).errorCode, 0)
    return client
  }
  const admin = await login('alice', 'pencil')
  const salt = Buffer.from('0123456789abcdef')
  const saltedPassword = await saltPassword('SCRAM-SHA-256', 'chalk', salt, 4096)
  const upsertion = { name: 'bob', mechanism: 1, iterations: 4096, salt, saltedPassword }
  const alter = async (client: RawClient, deletions: { name: string; mechanism: number }[], upsertions: (typeof upsertion)[]) =>
    (await client.ask(ALTER, 0, { deletions, upsertions })).results.map(({ user, errorCode }) => [user, errorCode])
  assert.deepEqual(await alter(admin, [], [upsertion]), [['bob', 0]])
  const bob = await login('bob', 'chalk')
  assert.deepEqual(await alter(bob, [], [{ ...upsertion, name: 'eve' }]), [['eve', 31]])
  assert.equal((await bob.ask(DESCRIBE, 0, { users: null })).errorCode, 31)
  const listed = await admin.ask(DESCRIBE, 0, { users: null })
  assert.deepEqual(
    listed.results.map(({ user, credentialInfos }) => [user, credentialInfos.map(({ mechanism }) => mechanism)]),
    [
      ['alice', [1, 2]],
      ['bob', [1]],
    ],
  )
  assert.deepEqual(await alter(admin, [], [{ ...upsertion, mechanism: 9 }]), [['bob', 33]])
  assert.deepEqual(await alter(admin, [], [upsertion, upsertion]), [['bob', 92]])
  assert.deepEqual(await alter(admin, [], [{ ...upsertion, iterations: 1 }]), [['bob', 93]])
  assert.deepEqual(await alter(admin, [], [{ ...upsertion, saltedPassword: salt }]), [['bob', 93]])
  assert.deepEqual(await alter(admin, [{ name: 'bob', mechanism: 2 }], []), [['bob', 91]])
  assert.deepEqual(await alter(admin, [{ name: 'bob', mechanism: 1 }], []), [['bob', 0]])
  assert.equal((await admin.ask(DESCRIBE, 0, { users: [{ name: 'bob' }] })).results[0]?.errorCode, 91)
})
