import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { type ConnectionOptions, connect } from 'node:tls'
import mqtt from 'mqtt'
import { type Broker, type SettingsInput, startBroker } from '../src/index.ts'
import { codesOfAcl } from '../src/kafka/acl-codes.ts'
import { CreateAclsRequest, CreateAclsResponse } from '../src/kafka/messages/create-acls.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../src/kafka/messages/create-topics.ts'
import { MetadataRequest } from '../src/kafka/messages/metadata.ts'
import { aclOf } from './broker/security/support/acls.ts'
import { RawClient } from './kafka/lib/raw-client.ts'
import { certificate, certificateFile, keyFile, privateKey } from './net/certificates.ts'

const RULES = 'RULE:^CN=(alice),OU=Engineering,.*$/$1/L'
const ADDRESS = '127.0.0.1:0'

/** Every listener speaks TLS, with these settings; alice's certificate is mapped to the super user alice. */
function open(settings: SettingsInput = {}): Promise<Broker> {
  return startBroker({
    kafka: ADDRESS,
    mqtt: ADDRESS,
    settings: {
      'tls.listeners': [ADDRESS],
      'ssl.certificate.files': [certificateFile('server')],
      'ssl.key.files': [keyFile('server')],
      'ssl.ca.files': [certificateFile('authority')],
      'ssl.client.auth': ['requested'],
      'ssl.principal.mapping.rules': RULES,
      'super.users': ['alice'],
      ...settings,
    },
  })
}

const AS_ALICE = { cert: certificate('alice'), key: privateKey('alice') }

async function kafka(broker: Broker, options: ConnectionOptions = {}): Promise<RawClient> {
  const [host, port] = broker.kafka.split(':') as [string, string]
  const socket = connect({ host, port: Number(port), ca: certificate('authority'), ...options })
  await once(socket, 'secureConnect')
  return new RawClient(socket)
}

const ALL = { topics: null, allowAutoTopicCreation: false, includeTopicAuthorizedOperations: false, includeClusterAuthorizedOperations: true }

test('a Kafka client is who its certificate says', async () => {
  await using broker = await open()
  await using alice = await kafka(broker, AS_ALICE)
  const topic = { name: 'orders', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  const made = await alice.ask([CreateTopicsRequest, CreateTopicsResponse] as const, 7, { topics: [topic], timeoutMs: 1_000, validateOnly: false })
  assert.equal(made.topics[0]?.errorCode, 0)
  const { resourceType, resourceName, patternType, ...entry } = codesOfAcl(aclOf('allow User:ANONYMOUS describe topic other'))
  const creations = [{ resourceType, resourceName, resourcePatternType: patternType, ...entry }]
  const created = await alice.ask([CreateAclsRequest, CreateAclsResponse] as const, 3, { creations })
  assert.deepEqual(created.results, [{ errorCode: 0, errorMessage: null }])
})

test('a certificate that no rule maps ends the connection', async () => {
  await using broker = await open({ 'ssl.principal.mapping.rules': 'RULE:^CN=bob$/bob/' })
  await using client = await kafka(broker, AS_ALICE)
  client.send(MetadataRequest, 12, ALL)
  assert.equal(await client.nextFrame(), null)
})

test('an MQTT client is who its certificate says, and needs no password', async () => {
  await using broker = await open({ 'ssl.client.auth': ['required'] })
  assert.match(broker.mqtt, /^mqtts:/)
  const client = await mqtt.connectAsync(broker.mqtt, { ca: certificate('authority'), ...AS_ALICE, protocolVersion: 5, reconnectPeriod: 0 })
  const arrived = new Promise<string>((resolve) => client.once('message', (_, payload) => resolve(String(payload))))
  await client.subscribeAsync('orders/#', { qos: 1 })
  await client.publishAsync('orders/eu', 'x', { qos: 1 })
  assert.equal(await arrived, 'x')
  await client.endAsync()
  await assert.rejects(mqtt.connectAsync(broker.mqtt, { ca: certificate('authority'), reconnectPeriod: 0, connectTimeout: 2_000 }))
})

test('a listener beyond loopback starts without users where it requires certificates, and else does not', async () => {
  const settings = { 'kafka.listeners': ['0.0.0.0:0'], 'mqtt.listeners': 'off', 'tls.listeners': ['0.0.0.0:0'] } as const
  await using broker = await open({ ...settings, 'ssl.client.auth': ['required'] })
  assert.match(broker.kafka, /^0\.0\.0\.0:\d+$/)
  await assert.rejects(open(settings), /can be reached from other machines/)
})

test('what is wrong with the settings of TLS is said at the start', async () => {
  await assert.rejects(open({ 'tls.listeners': ['localhost:1'] }), /names localhost:1, which is no listener/)
  await assert.rejects(open({ 'ssl.key.files': [] }), /ssl.key.files has 0 values/)
  await assert.rejects(open({ 'ssl.ca.files': [] }), /ssl.ca.files has 0 values/)
  await assert.rejects(open({ 'ssl.certificate.files': ['/no/such/file'] }), /cannot read the certificates of tls.listeners: .*no such file/)
  await assert.rejects(open({ 'ssl.principal.mapping.rules': 'RULE:(' }), /ssl.principal.mapping.rules is no list/)
})
