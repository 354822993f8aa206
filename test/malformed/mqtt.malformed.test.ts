/**
 * Broken MQTT. Table-driven: bytes after a good CONNECT (or instead of one), and the reason an MQTT 5 client must be told
 * before the close. 3.1.1 has no reasons: there a close is all.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { openPeer, type Peer, unique } from '../compat/lib/broker.ts'
import { until } from '../compat/lib/process.ts'
import { mutated, pickSeed, RawSocket, randomBytes, randomFrom } from './raw-socket.ts'
import { assertUnharmed, memoryMb, startWitness, type Witness } from './witness.ts'

const text = (value: string | Buffer): Buffer => {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}

const packet = (first: number, ...body: (Buffer | readonly number[])[]): Buffer => {
  const bytes = Buffer.concat(body.map((part) => Buffer.from(part as Buffer)))
  const length: number[] = []
  let rest = bytes.length
  do {
    length.push(rest > 127 ? (rest % 128) | 0x80 : rest)
    rest = Math.floor(rest / 128)
  } while (rest > 0)
  return Buffer.concat([Buffer.from([first, ...length]), bytes])
}

const connectPacket = (level: number, clientId: string, options: { flags?: number; name?: string; properties?: Buffer; tail?: Buffer } = {}): Buffer =>
  packet(
    0x10,
    text(options.name ?? 'MQTT'),
    [level, options.flags ?? 0x02, 0, 60],
    level === 5 ? (options.properties ?? [0]) : [],
    text(clientId),
    options.tail ?? Buffer.alloc(0),
  )

const properties = (...body: (Buffer | readonly number[])[]): Buffer => {
  const bytes = Buffer.concat(body.map((part) => Buffer.from(part as Buffer)))
  return Buffer.concat([Buffer.from([bytes.length]), bytes])
}

interface Case {
  readonly what: string
  readonly bytes: Buffer
  /** What an MQTT 5 client may be told in DISCONNECT. */
  readonly reasons: readonly number[]
  /** Only in MQTT 5, where it has properties or reasons. */
  readonly only5?: boolean
}

const publish = (level: number, first: number, topic: Buffer, rest: Buffer | readonly number[], props: Buffer = properties()): Buffer =>
  packet(first, topic, rest, level === 5 ? props : [], [0x78])

const cases = (level: number): readonly Case[] => {
  const none = level === 5 ? [0] : []
  const subscribe = (id: readonly number[], ...rest: (Buffer | readonly number[])[]) => packet(0x82, id, none, ...rest)
  return [
    { what: 'packet type 0', bytes: Buffer.from([0x00, 0x00]), reasons: [0x81, 0x82] },
    { what: 'a remaining length of five bytes', bytes: Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01]), reasons: [0x81] },
    { what: 'a PUBLISH announced as 256 MB', bytes: Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f, 0x00, 0x01, 0x61]), reasons: [0x95] },
    { what: 'PUBLISH with QoS 3', bytes: publish(level, 0x36, text('a/b'), [0, 1]), reasons: [0x81, 0x82] },
    { what: 'PUBLISH QoS 0 with DUP', bytes: publish(level, 0x38, text('a/b'), []), reasons: [0x81, 0x82] },
    { what: 'PUBLISH QoS 1 with packet id 0', bytes: publish(level, 0x32, text('a/b'), [0, 0]), reasons: [0x81, 0x82] },
    { what: 'PUBLISH to a wildcard', bytes: publish(level, 0x32, text('a/#'), [0, 1]), reasons: [0x90, 0x81, 0x82] },
    { what: 'PUBLISH to an empty topic', bytes: publish(level, 0x32, text(''), [0, 1]), reasons: [0x82, 0x90, 0x81] },
    { what: 'PUBLISH with U+0000 in its topic', bytes: publish(level, 0x32, text('a/\0'), [0, 1]), reasons: [0x81, 0x90, 0x82] },
    { what: 'PUBLISH with a surrogate in its topic', bytes: publish(level, 0x32, text(Buffer.from([0x61, 0xed, 0xa0, 0x80])), [0, 1]), reasons: [0x81] },
    { what: 'PUBLISH with broken UTF-8', bytes: publish(level, 0x32, text(Buffer.from([0x61, 0xc3, 0x28])), [0, 1]), reasons: [0x81] },
    { what: 'PUBLISH whose topic is longer than the packet', bytes: packet(0x30, [0xff, 0xff, 0x61]), reasons: [0x81] },
    { what: 'PUBLISH of one byte', bytes: packet(0x30, [0x00]), reasons: [0x81] },
    { what: 'PUBLISH QoS 1 without a packet id', bytes: packet(0x32, text('a/b')), reasons: [0x81] },
    { what: 'SUBSCRIBE with flags 0000', bytes: packet(0x80, [0, 1], none, text('a'), [1]), reasons: [0x81, 0x82] },
    { what: 'SUBSCRIBE without a filter', bytes: subscribe([0, 1]), reasons: [0x81, 0x82] },
    { what: 'SUBSCRIBE with packet id 0', bytes: subscribe([0, 0], text('a'), [1]), reasons: [0x81, 0x82] },
    { what: 'SUBSCRIBE with QoS 3', bytes: subscribe([0, 1], text('a'), [3]), reasons: [0x81, 0x82] },
    { what: 'SUBSCRIBE with reserved option bits', bytes: subscribe([0, 1], text('a'), [0xc1]), reasons: [0x81, 0x82] },
    { what: 'SUBSCRIBE cut after the filter', bytes: subscribe([0, 1], text('a')), reasons: [0x81, 0x82] },
    { what: 'SUBSCRIBE of one byte', bytes: packet(0x82, [0]), reasons: [0x81, 0x82] },
    { what: 'UNSUBSCRIBE without a filter', bytes: packet(0xa2, [0, 1], none), reasons: [0x81, 0x82] },
    { what: 'UNSUBSCRIBE with a filter that ends early', bytes: packet(0xa2, [0, 1], none, [0, 9, 0x61]), reasons: [0x81, 0x82] },
    { what: 'PUBREL with flags 0000', bytes: Buffer.from([0x60, 2, 0, 1]), reasons: [0x81, 0x82] },
    { what: 'PINGREQ with a body', bytes: Buffer.from([0xc0, 1, 0]), reasons: [0x81, 0x82] },
    { what: 'PINGREQ with flags', bytes: Buffer.from([0xc1, 0]), reasons: [0x81, 0x82] },
    { what: 'CONNACK from a client', bytes: packet(0x20, [0, 0], none), reasons: [0x82, 0x81] },
    { what: 'SUBACK from a client', bytes: packet(0x90, [0, 1], none, [0]), reasons: [0x82, 0x81] },
    { what: 'PINGRESP from a client', bytes: Buffer.from([0xd0, 0]), reasons: [0x82, 0x81] },
    { what: 'a second CONNECT', bytes: connectPacket(level, 'second'), reasons: [0x82] },
    { what: 'topic alias 0', bytes: publish(level, 0x32, text('a/b'), [0, 1], properties([0x23, 0, 0])), reasons: [0x94, 0x82], only5: true },
    {
      what: 'a topic alias beyond the maximum',
      bytes: publish(level, 0x32, text('a/b'), [0, 1], properties([0x23, 0xff, 0xff])),
      reasons: [0x94],
      only5: true,
    },
    { what: 'a topic alias never set', bytes: publish(level, 0x32, text(''), [0, 1], properties([0x23, 0, 3])), reasons: [0x82, 0x94], only5: true },
    { what: 'a property twice', bytes: publish(level, 0x32, text('a/b'), [0, 1], properties([0x01, 1, 0x01, 1])), reasons: [0x82, 0x81], only5: true },
    { what: 'an unknown property', bytes: publish(level, 0x32, text('a/b'), [0, 1], properties([0x7f, 1])), reasons: [0x81, 0x82], only5: true },
    { what: 'a property of another packet', bytes: publish(level, 0x32, text('a/b'), [0, 1], properties([0x21, 0, 5])), reasons: [0x82, 0x81], only5: true },
    { what: 'properties longer than the packet', bytes: packet(0x32, text('a/b'), [0, 1], [0x7f], [1, 1]), reasons: [0x81], only5: true },
    { what: 'an over-long property length', bytes: packet(0x32, text('a/b'), [0, 1], [0x80, 0x00], [0x78]), reasons: [0x81], only5: true },
    { what: 'a user property cut short', bytes: publish(level, 0x32, text('a/b'), [0, 1], properties([0x26, 0, 1, 0x61, 0, 9])), reasons: [0x81], only5: true },
    {
      what: 'a subscription identifier from a publisher',
      bytes: publish(level, 0x32, text('a/b'), [0, 1], properties([0x0b, 1])),
      reasons: [0x82, 0x81],
      only5: true,
    },
    {
      what: 'a response topic with a wildcard',
      bytes: publish(level, 0x32, text('a/b'), [0, 1], properties([0x08], text('x/#'))),
      reasons: [0x82, 0x81, 0x90],
      only5: true,
    },
    { what: 'subscription identifier 0', bytes: packet(0x82, [0, 1], properties([0x0b, 0]), text('a'), [1]), reasons: [0x82, 0x81], only5: true },
    { what: 'AUTH without a method', bytes: Buffer.from([0xf0, 0]), reasons: [0x82, 0x81, 0x8c], only5: true },
    {
      what: 'DISCONNECT that sets a session expiry where CONNECT said none',
      bytes: packet(0xe0, [0x00], properties([0x11, 0, 0, 0, 9])),
      reasons: [0x82],
      only5: true,
    },
  ]
}

const instead: readonly { readonly what: string; readonly bytes: Buffer; readonly connack?: readonly number[] }[] = [
  { what: 'another protocol name', bytes: connectPacket(4, 'c', { name: 'MQTX' }), connack: [0x01, 0x84] },
  { what: 'protocol level 7', bytes: connectPacket(7, 'c'), connack: [0x01, 0x84] },
  { what: 'the reserved connect flag', bytes: connectPacket(4, 'c', { flags: 0x03 }), connack: [] },
  { what: 'a will of QoS 3', bytes: connectPacket(4, 'c', { flags: 0x1e, tail: Buffer.concat([text('w'), text('x')]) }), connack: [] },
  { what: 'will bits without a will', bytes: connectPacket(4, 'c', { flags: 0x0a }), connack: [] },
  { what: 'a password without a user name, 3.1.1', bytes: connectPacket(4, 'c', { flags: 0x42, tail: text('p') }), connack: [] },
  { what: 'a user name that is not there', bytes: connectPacket(4, 'c', { flags: 0x82 }), connack: [] },
  { what: 'a client id that is no UTF-8', bytes: packet(0x10, text('MQTT'), [4, 2, 0, 60], text(Buffer.from([0xc3, 0x28]))), connack: [0x02] },
  { what: 'an empty client id without clean session, 3.1.1', bytes: connectPacket(4, '', { flags: 0 }), connack: [0x02] },
  { what: 'CONNECT of one byte', bytes: packet(0x10, [0]), connack: [] },
  {
    what: 'a session expiry interval twice',
    bytes: connectPacket(5, 'c', { properties: properties([0x11, 0, 0, 0, 1, 0x11, 0, 0, 0, 1]) }),
    connack: [0x82, 0x81],
  },
  { what: 'receive maximum 0', bytes: connectPacket(5, 'c', { properties: properties([0x21, 0, 0]) }), connack: [0x82, 0x81] },
  { what: 'PUBLISH before CONNECT', bytes: publish(4, 0x30, text('a'), []), connack: [] },
  { what: 'an HTTP request', bytes: Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), connack: [] },
  { what: 'a TLS hello', bytes: Buffer.from('160301020001000001fc0303', 'hex'), connack: [] },
  { what: 'a CONNECT announced as 256 MB', bytes: Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f, 0x00, 0x04]), connack: [0x95] },
]

describe('malformed MQTT', () => {
  let peer: Peer
  let witness: Witness
  before(async () => {
    peer = await openPeer()
    witness = await startWitness(peer)
  })
  after(async () => {
    await peer?.close()
  })

  /** A connection that has its CONNACK. */
  const connected = async (level: number): Promise<RawSocket> => {
    const raw = await RawSocket.open(peer.mqtt)
    raw.write(connectPacket(level, unique('raw')))
    const size = () => (raw.received.length < 2 ? Number.POSITIVE_INFINITY : 2 + (raw.received[1] ?? 0))
    await until('CONNACK', () => raw.received.length >= size())
    assert.equal(raw.received[0], 0x20)
    raw.received = raw.received.subarray(size())
    return raw
  }

  for (const level of [4, 5]) {
    for (const one of cases(level)) {
      if (one.only5 && level !== 5) continue
      test(`${level === 4 ? '3.1.1' : '5.0'}: ${one.what} closes the connection with the reason`, async () => {
        const raw = await connected(level)
        raw.write(one.bytes)
        await raw.closing(one.what)
        if (level === 4) {
          assert.equal(raw.received.toString('hex'), '', '3.1.1 has no DISCONNECT from the broker')
        } else if (peer.elytra) {
          assert.equal(raw.received[0], 0xe0, `DISCONNECT before the close, got ${raw.received.toString('hex')}`)
          const reason = raw.received[2] ?? 0
          assert.ok(one.reasons.includes(reason), `reason 0x${reason.toString(16)}`)
        }
        raw.destroy()
      })
    }
  }

  for (const { what, bytes, connack } of instead) {
    test(`instead of CONNECT: ${what} is refused and closed`, async () => {
      const raw = await RawSocket.open(peer.mqtt)
      raw.write(bytes)
      await raw.closing(what)
      if (raw.received.length > 0 && peer.elytra) {
        assert.equal(raw.received[0], 0x20, `only a CONNACK may be sent, got ${raw.received.toString('hex')}`)
        assert.equal(raw.received[2], 0, 'session present is 0')
        const code = raw.received[3] ?? 0
        assert.ok(code !== 0 && (connack?.length === 0 || connack?.includes(code) || code >= 0x80), `code 0x${code.toString(16)}`)
      }
      raw.destroy()
    })
  }

  test('PUBREL of an unknown packet id is answered PUBCOMP 0x92 in 5.0, and the connection stays', async () => {
    const raw = await connected(5)
    raw.write(Buffer.from([0x62, 2, 0x12, 0x34]))
    await until('PUBCOMP', () => raw.received.length >= 4)
    assert.deepEqual([...raw.received.subarray(2, 5)], [0x12, 0x34, 0x92])
    raw.write(Buffer.from([0xc0, 0]))
    await until('PINGRESP', () => raw.received.includes(0xd0))
    raw.destroy()
  })

  test('a packet in pieces of one byte is one packet', async () => {
    const raw = await connected(4)
    for (const byte of publish(4, 0x32, text('pieces/k'), [0, 7])) {
      raw.write(Buffer.from([byte]))
      await new Promise(setImmediate)
    }
    await until('PUBACK', () => raw.received.length >= 4)
    assert.equal(raw.received.toString('hex'), '40020007')
    raw.destroy()
  })

  test('a megabyte of noise, with and without CONNECT, twenty times', async () => {
    const next = randomFrom(pickSeed())
    for (let round = 0; round < 20; round++) {
      const raw = round % 2 === 0 ? await RawSocket.open(peer.mqtt) : await connected(round % 4 === 1 ? 4 : 5)
      raw.write(randomBytes(next, 1_000_000))
      raw.socket.end()
      await raw.closing('noise')
      raw.destroy()
    }
  })

  test('a thousand mutated packet streams end in an answer or a close', async () => {
    const next = randomFrom(pickSeed())
    for (let round = 0; round < 1000; round++) {
      const level = round % 2 === 0 ? 4 : 5
      const good = [
        connectPacket(level, `fuzz-${round % 5}`, {
          flags: 0x26,
          tail: Buffer.concat([...(level === 5 ? [Buffer.from([0])] : []), text('fuzz/will'), text('gone')]),
        }),
        packet(0x82, [0, 1], level === 5 ? [0] : [], text('fuzz/#'), [1]),
        publish(level, 0x34, text('fuzz/k'), [0, 2], properties([0x26], text('a'), text('b'))),
        Buffer.from([0x62, 2, 0, 2]),
        packet(0xa2, [0, 3], level === 5 ? [0] : [], text('fuzz/#')),
      ]
      const raw = await RawSocket.open(peer.mqtt)
      raw.write(mutated(Buffer.concat(good), next))
      raw.socket.end()
      await raw.closing('a mutated stream')
      raw.destroy()
    }
  })

  test('10,000 half-open connections cost little and others go on', { timeout: 120_000 }, async () => {
    const sockets: RawSocket[] = []
    const partial = connectPacket(5, 'half').subarray(0, 5)
    for (let n = 0; n < 10_000; n += 250) {
      const some = await Promise.all(Array.from({ length: 250 }, () => RawSocket.open(peer.mqtt)))
      for (const raw of some) raw.write(partial)
      sockets.push(...some)
    }
    if (peer.elytra) {
      const { now } = memoryMb(peer.elytra.pid)
      console.log(`# ${Math.round(now)} MB with 10,000 half-open MQTT connections`)
      assert.ok(now < 300, `${now} MB`)
    }
    const raw = await connected(4)
    raw.write(Buffer.from([0xc0, 0]))
    await until('PINGRESP', () => raw.received.length >= 2)
    raw.destroy()
    for (const one of sockets) one.destroy()
  })

  test('the witnesses lost nothing, and the broker stayed under 300 MB', async () => {
    await assertUnharmed(peer, witness)
  })
})
