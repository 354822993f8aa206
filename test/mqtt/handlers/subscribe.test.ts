import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ERRORS, failure } from '../../../src/broker/errors.ts'
import type { SubscribeRequest } from '../../../src/broker/sessions/ports.ts'
import { Bench, type BenchClient, connectedUser, publishPacket, subscribePacket } from '../harness.ts'

/** What the session was asked to subscribe to. */
function requested(client: BenchClient): readonly SubscribeRequest[] {
  const call = client.session.calls.find(([name]) => name === 'subscribe')
  return (call?.[1] ?? []) as readonly SubscribeRequest[]
}

test('what may not be read is 0x87 in SUBACK, 0x80 before 5.0, beside what may', async () => {
  const bench = new Bench({ allowAnonymous: false, hasUsers: true })
  for (const level of [4, 5] as const) {
    const client = await connectedUser(bench, level)
    const [theirs, mine] = [subscribePacket('theirs/#').subscriptions[0], subscribePacket('mine/#').subscriptions[0]]
    assert.ok(theirs && mine)
    client.send(subscribePacket('', { subscriptions: [theirs, mine, theirs] }), level)
    const [suback] = client.take()
    const refused = level === 5 ? 0x87 : 0x80
    assert.deepEqual(suback?.type === 'SUBACK' && suback.reasons, [refused, 1, refused])
  }
})

test('[MQTT-3.8.4-6] SUBACK has a reason per filter in their order; shared subscriptions are 0x9E, bad filters 0x8F', () => {
  const client = new Bench().connected(5)
  const filters = ['a/#', 'a#', '$share/g/a', '$share//a', '__x', '$replay/earliest/a/#', '$replay/never/a']
  const subscriptions = filters.map((filter) => ({ filter, qos: 2 as const, noLocal: false, retainAsPublished: true, retainHandling: 1 as const }))
  client.send(subscribePacket('', { subscriptions, properties: { subscriptionIdentifiers: [9] } }))
  const [suback] = client.take()
  assert.deepEqual(suback?.type === 'SUBACK' && suback.reasons, [2, 0x8f, 0x9e, 0x8f, 0x8f, 2, 0x8f])
  assert.deepEqual(requested(client)[0], {
    filter: 'a/#',
    qos: 2,
    noLocal: false,
    retainAsPublished: true,
    retainHandling: 1,
    subscriptionId: 9,
    from: undefined,
  })
})

test('the user property "from" asks for history, and is refused where it makes no sense', () => {
  const client = new Bench().connected(5)
  client.send(subscribePacket('a', { properties: { userProperties: [['from', '-1h']] } }))
  assert.equal(requested(client)[0]?.from, '-1h')
  client.take()
  client.send(subscribePacket('a', { properties: { userProperties: [['from', 'yesterday']] } }))
  const [suback] = client.take()
  assert.deepEqual(suback?.type === 'SUBACK' && suback.reasons, [0x83])
})

test('[MQTT-3.1.2-29] a client that wants no problem information gets no Reason String in SUBACK and PUBACK, but in DISCONNECT', () => {
  const client = new Bench().connected(5, { properties: { requestProblemInformation: false } })
  client.send(subscribePacket('a#'))
  client.send(publishPacket({ topic: '$SYS/x', qos: 1, packetId: 1 }))
  client.sendBytes('f0 00')
  assert.deepEqual(
    client.take().map((packet) => 'properties' in packet && Object.keys(packet.properties ?? {})),
    [[], [], ['reasonString']],
  )
})

test('[MQTT-3.11.3-2] UNSUBACK has a reason per filter: 0x11 where there was no subscription', () => {
  const client = new Bench().connected(5)
  client.send({ type: 'UNSUBSCRIBE', packetId: 3, filters: ['there', 'not', 'a#'], properties: {} })
  const [unsuback] = client.take()
  assert.deepEqual(unsuback, { type: 'UNSUBACK', packetId: 3, reasons: [0, 0x11, 0x8f], properties: {} })
  const four = new Bench().connected(4)
  four.send({ type: 'UNSUBSCRIBE', packetId: 3, filters: ['there'], properties: {} })
  assert.equal(four.takeHex(), 'b0020003')
})

test('an end of a subscription that is not kept is 0x80 in UNSUBACK, and before 5.0, which has no word for it, the end of the connection', () => {
  for (const level of [4, 5] as const) {
    const client = new Bench().connected(level)
    client.session.unsubscribeFailure = failure(ERRORS.kafkaStorageError, 'no room')
    client.send({ type: 'UNSUBSCRIBE', packetId: 3, filters: ['there', 'a#'], properties: {} }, level)
    if (level === 5) assert.deepEqual(client.take(), [{ type: 'UNSUBACK', packetId: 3, reasons: [0x80, 0x8f], properties: {} }])
    else {
      assert.deepEqual(client.take(), [])
      assert.ok(client.socket.ended)
    }
  }
})
