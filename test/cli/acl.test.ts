import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Broker, startBroker } from '../../src/index.ts'
import { certificateFile, keyFile } from '../net/certificates.ts'
import { cli, linesOf } from './run-cli.ts'

let broker: Broker

before(async () => {
  broker = await startBroker()
})
after(() => broker.close())

const acl = (...words: string[]) => cli(['acl', ...words, '-b', broker.kafka])

test('rights are added, listed and removed', async () => {
  assert.deepEqual(await acl('add', 'bob', 'read,write', 'topic:orders'), { exitCode: 0, stdout: '', stderr: 'allowed bob: read,write on topic:orders\n' })
  assert.equal((await acl('add', '*', 'read', 'topic:secret*', '--deny', '--host', '10.0.0.1')).exitCode, 0)
  assert.equal((await acl('add', 'bob', 'alter', 'cluster')).exitCode, 0)
  assert.equal((await acl('add', 'bob', 'write', 'topic:plant/+/t')).exitCode, 0)
  assert.deepEqual(linesOf((await acl('list')).stdout), [
    'USER  PERMISSION  OPERATION  RESOURCE         HOST',
    '*     deny        read       topic:secret*    10.0.0.1',
    'bob   allow       alter      cluster          *',
    'bob   allow       read       topic:orders     *',
    'bob   allow       write      topic:orders     *',
    'bob   allow       write      topic:plant/+/t  *',
  ])
  assert.equal(linesOf((await acl('list', '--on', 'topic:secret-1')).stdout).length, 2)
  assert.equal(linesOf((await acl('list', '--of', 'bob', '--json')).stdout).length, 4)
  assert.equal((await acl('remove', 'bob', 'any', 'topic:orders')).stderr, 'removed 2 rights\n')
  const again = await acl('remove', 'bob', 'any', 'topic:orders')
  assert.equal(again.exitCode, 1)
  assert.match(again.stderr, /there is no such right/)
  assert.equal((await acl('remove', '*', 'read', 'topic:secret*', '--deny')).exitCode, 1, 'another host')
  assert.equal((await acl('remove', '*', 'read', 'topic:secret*', '--deny', '--host', '10.0.0.1')).exitCode, 0)
})

test('what makes no sense is said, by the command line or by the broker', async () => {
  for (const words of [
    ['bob', 'raed', 'topic:x'],
    ['bob', 'read', 'topics:x'],
    ['bob', 'read', 'topic:'],
    ['bob', 'read', 'topic:a/#/b'],
    ['bob', 'read', 'topic:$share/g/orders/#'],
  ]) {
    assert.equal((await acl('add', ...words)).exitCode, 2, words.join(' '))
  }
  assert.match((await acl('add', 'bob', 'descibe', 'topic:x')).stderr, /did you mean "describe"/)
  const refused = await acl('add', 'bob', 'read', `topic:${'x'.repeat(5_000)}`)
  assert.equal(refused.exitCode, 1)
  assert.match(refused.stderr, /INVALID_REQUEST/)
})

test('commands connect by TLS, with a certificate where one is asked for', async () => {
  const address = '127.0.0.1:0'
  await using secure = await startBroker({
    kafka: address,
    mqtt: address,
    settings: {
      'tls.listeners': [address],
      'ssl.certificate.files': [certificateFile('server')],
      'ssl.key.files': [keyFile('server')],
      'ssl.ca.files': [certificateFile('authority')],
      'ssl.client.auth': ['required'],
    },
  })
  const ca = ['--ca', certificateFile('authority')]
  const own = ['--cert', certificateFile('alice'), '--key-file', keyFile('alice')]
  assert.equal((await cli(['topic', 'create', 'x', '-b', secure.kafka, ...ca, ...own])).exitCode, 1, 'alice may not')
  assert.equal((await cli(['topic', 'list', '-b', secure.kafka, ...ca, ...own])).exitCode, 0)
  const other = await cli(['topic', 'list', '-b', secure.kafka, '--tls', ...own])
  assert.equal(other.exitCode, 1)
  assert.match(other.stderr, /no Kafka listener answers/)
  const refused = await cli(['pub', 'x/y', '-b', secure.mqtt.slice('mqtts://'.length), ...ca, ...own], { stdin: 'hello\n' })
  assert.match(refused.stderr, /may not publish/)
  assert.equal((await cli(['topic', 'list', '-b', secure.kafka, '--cert', certificateFile('alice')])).exitCode, 2)
})
