/** Debian's programs: kcat (librdkafka 2.0) and mosquitto_pub, mosquitto_sub 2.0.11. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { openPeer, type Peer, unique } from '../lib/broker.ts'
import { Companion, runOk, until } from '../lib/process.ts'
import { programsMissing } from '../lib/toolchain.ts'

describe('debian', { skip: programsMissing('kcat', 'mosquitto_pub', 'mosquitto_sub') }, () => {
  let peer: Peer
  before(async () => {
    peer = await openPeer()
  })
  after(async () => {
    await peer?.close()
  })
  const kcat = (...args: string[]) => ['-b', peer.kafka, ...args]
  const mqtt = (...args: string[]) => ['-h', peer.mqtt.host, '-p', `${peer.mqtt.port}`, ...args]

  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
    test(`kcat: what is produced through ${codec} is consumed from the beginning`, async () => {
      const topic = unique('kcat')
      const lines = Array.from({ length: 500 }, (_, n) => `k${n % 11}:${n} größe ${'x'.repeat(n % 200)}`)
      await runOk('kcat', kcat('-P', '-t', topic, '-p', '0', '-K:', '-z', codec, '-H', 'origin=kcat'), { input: `${lines.join('\n')}\n` })
      const { stdout } = await runOk('kcat', kcat('-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-f', '%p %o %h %k:%s\n'))
      assert.deepEqual(
        stdout.trim().split('\n'),
        lines.map((line, offset) => `0 ${offset} origin=kcat ${line}`),
      )
    })
  }

  test('kcat: metadata, offsets by number, from the end and by time', async () => {
    const topic = unique('kcat')
    await runOk('kcat', kcat('-P', '-t', topic, '-p', '0'), { input: 'a\nb\nc\n' })
    assert.match((await runOk('kcat', kcat('-L', '-t', topic))).stdout, new RegExp(`topic "${topic}" with [1-9]`))
    const from = async (offset: string) => (await runOk('kcat', kcat('-C', '-t', topic, '-p', '0', '-o', offset, '-e', '-q'))).stdout.trim().split('\n')
    assert.deepEqual(await from('1'), ['b', 'c'])
    assert.deepEqual(await from('-1'), ['c'])
    assert.deepEqual(await from(`s@${Date.now() - 60_000}`), ['a', 'b', 'c'])
    assert.match((await runOk('kcat', kcat('-Q', '-t', `${topic}:0:-1`))).stdout, /offset 3/)
  })

  test('kcat: a balanced group reads all and goes on after what it committed', async () => {
    const topic = unique('kcat')
    const group = unique('group')
    const read = async (count: number) => (await runOk('kcat', kcat('-G', group, '-c', `${count}`, '-X', 'auto.offset.reset=earliest', '-q', topic))).stdout
    await runOk('kcat', kcat('-P', '-t', topic), { input: 'a\nb\nc\n' })
    assert.deepEqual((await read(3)).trim().split('\n').sort(), ['a', 'b', 'c'])
    await runOk('kcat', kcat('-P', '-t', topic), { input: 'd\n' })
    assert.equal(await read(1), 'd\n')
  })

  for (const version of ['mqttv31', 'mqttv311', 'mqttv5']) {
    test(`mosquitto_pub to mosquitto_sub, ${version}, QoS 0, 1 and 2`, async () => {
      const topic = `${unique('deb')}/room`
      for (const qos of ['0', '1', '2']) {
        await using subscriber = new Companion('stdbuf', [
          '-oL',
          'mosquitto_sub',
          ...mqtt('-V', version, '-q', qos, '-t', topic, '-C', '50', '-F', '%q %r %t %p', '-d'),
        ])
        await until('SUBACK', () => subscriber.lines.some((line) => line.includes('Subscribed')))
        const lines = Array.from({ length: 50 }, (_, n) => `${n} größe`)
        await runOk('mosquitto_pub', mqtt('-V', version, '-q', qos, '-t', topic, '-l'), { input: `${lines.join('\n')}\n` })
        assert.equal(await subscriber.ended(10_000), 0)
        assert.deepEqual(
          subscriber.lines.filter((line) => line.startsWith(`${qos} 0 ${topic}`)),
          lines.map((line) => `${qos} 0 ${topic} ${line}`),
        )
      }
    })
  }

  test('mosquitto_sub: retained message, wildcard and MQTT 5 properties', async () => {
    const topic = `${unique('deb')}/state`
    const properties = ['-D', 'publish', 'user-property', 'trace', '42', '-D', 'publish', 'content-type', 'text/plain']
    await runOk('mosquitto_pub', mqtt('-V', 'mqttv5', '-q', '1', '-r', '-t', topic, '-m', 'on', ...properties))
    const { stdout } = await runOk('mosquitto_sub', mqtt('-V', 'mqttv5', '-q', '1', '-t', `${topic.split('/')[0]}/#`, '-C', '1', '-F', '%r %t %p %C %P'))
    assert.equal(stdout.trim(), `1 ${topic} on text/plain trace:42`)
    await runOk('mosquitto_pub', mqtt('-q', '1', '-r', '-t', topic, '-n'))
  })

  test('mosquitto_sub: an offline session gets what it missed', async () => {
    const topic = `${unique('deb')}/k`
    const session = mqtt('-i', unique('deb'), '-c', '-q', '1', '-t', topic)
    await runOk('mosquitto_sub', [...session, '-E'])
    await runOk('mosquitto_pub', mqtt('-q', '1', '-t', topic, '-l'), { input: 'a\nb\nc\n' })
    const { stdout } = await runOk('mosquitto_sub', [...session, '-C', '3'], { timeoutMs: 15_000 })
    assert.equal(stdout, 'a\nb\nc\n')
  })
})
