import { ApiVersionsRequest, ApiVersionsResponse } from '../../../../src/kafka/messages/api-versions.ts'
import { decodeResponse, encodeRequest } from '../../../../src/kafka/wire/frame.ts'
import type { Peer, Question } from '../question.ts'

/** An unsigned varint. */
function varint(value: number): Buffer {
  const bytes: number[] = []
  let left = value
  for (; left > 127; left = Math.floor(left / 128)) bytes.push((left % 128) + 128)
  bytes.push(left)
  return Buffer.from(bytes)
}

const int16 = (value: number): Buffer => {
  const out = Buffer.alloc(2)
  out.writeInt16BE(value)
  return out
}
const int32 = (value: number): Buffer => {
  const out = Buffer.alloc(4)
  out.writeInt32BE(value)
  return out
}
const string = (text: string): Buffer => Buffer.concat([int16(Buffer.byteLength(text)), Buffer.from(text)])
const compact = (text: string): Buffer => Buffer.concat([varint(Buffer.byteLength(text) + 1), Buffer.from(text)])

const NO_TAGS = varint(0)
/** Two tagged fields that nobody knows. */
const UNKNOWN_TAGS = Buffer.concat([varint(2), varint(50), varint(3), Buffer.from('abc'), varint(77), varint(0)])
const CORRELATION = 7

const frame = (...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts)
  return Buffer.concat([int32(body.length), body])
}
/** Of versions that are not flexible. */
const head = (key: number, version: number, clientId = string('raw')): Buffer => Buffer.concat([int16(key), int16(version), int32(CORRELATION), clientId])
const flexibleHead = (key: number, version: number, tags = NO_TAGS): Buffer => Buffer.concat([head(key, version), tags])

/** What comes back: how the connection went on, and the answer's bytes where they are the same each time. */
async function exchange(peer: Peer, bytes: Buffer, told: (answer: Buffer) => unknown = () => 'answered'): Promise<unknown> {
  await using client = await peer.connect()
  client.sendBytes(bytes)
  // A second request tells whether the connection still lives, where the first one got no answer.
  client.sendBytes(
    Buffer.concat(encodeRequest(ApiVersionsRequest, 0, { correlationId: 999, clientId: null }, { clientSoftwareName: '', clientSoftwareVersion: '' })),
  )
  const answer = await client.nextFrame()
  if (answer === null) return 'closed'
  if (answer.readInt32BE(0) === 999) return 'passed over'
  return [answer.readInt32BE(0), told(answer), (await client.nextFrame()) === null ? 'closed' : 'goes on']
}

const topicsOfMetadata = (answer: Buffer): unknown => answer.length > 20

const METADATA = 3
const HEARTBEAT = 12
const FRAMES: Readonly<Record<string, Buffer>> = {
  'an unknown API': frame(head(999, 0)),
  'API -1': frame(head(-1, 0)),
  ...Object.fromEntries([4, 5, 6, 7].map((key) => [`API ${key}, which brokers used among themselves`, frame(head(key, 0))])),
  ...Object.fromEntries(
    [
      [0, 2],
      [0, 14],
      [1, 3],
      [1, 19],
      [2, 0],
      [3, 14],
      [3, -1],
      [8, 1],
      [9, 0],
      [11, 10],
      [19, 1],
      [20, 0],
      [22, 6],
      [26, 6],
      [32, 0],
      [60, 3],
      [75, 1],
    ].map(([key, version]) => [`API ${key} v${version}, which there is not`, frame(head(key as number, version as number), Buffer.alloc(40))]),
  ),
  'a frame of no bytes': int32(0),
  'a negative size': int32(-1),
  'a size of 2 GiB': int32(0x7fff_ffff),
  'a header that is cut': frame(int16(METADATA), int16(1)),
  'a header without a client id': frame(int16(METADATA), int16(1), int32(CORRELATION)),
  'a null client id': frame(head(METADATA, 1, int16(-1)), int32(0)),
  'a client id of -2 bytes': frame(head(METADATA, 1, int16(-2)), int32(0)),
  'a client id longer than the frame': frame(head(METADATA, 1, int16(500)), int32(0)),
  'a client id that is not UTF-8': frame(head(METADATA, 1, Buffer.concat([int16(2), Buffer.from([0xff, 0xfe])])), int32(0)),
  'a topic that is not UTF-8': frame(head(METADATA, 1), int32(1), int16(3), Buffer.from([0x61, 0xff, 0xfe])),
  'a group that is not UTF-8': frame(head(15, 0), int32(1), int16(2), Buffer.from([0xc3, 0x28])),
  'flexible: a null string of another negative length': frame(
    flexibleHead(METADATA, 9),
    varint(2),
    Buffer.from('feffffff0f', 'hex'),
    NO_TAGS,
    Buffer.from([0, 0, 0]),
    NO_TAGS,
  ),
  'an array of null': frame(head(METADATA, 1), int32(-1)),
  'an array of null where it must not be': frame(head(15, 0), int32(-1)),
  'an array of -2': frame(head(METADATA, 1), int32(-2)),
  'an array of two thousand million': frame(head(METADATA, 1), int32(2_000_000_000)),
  'a string of null where it must not be': frame(head(METADATA, 1), int32(1), int16(-1)),
  'a string of -2': frame(head(METADATA, 1), int32(1), int16(-2)),
  'a string longer than the frame': frame(head(METADATA, 1), int32(1), int16(100), Buffer.from('abc')),
  'bytes behind the request': frame(head(METADATA, 1), int32(0), Buffer.from('more')),
  'a request that is cut': frame(head(METADATA, 1), Buffer.alloc(2)),
  'a request without a body': frame(head(METADATA, 1)),
  'flexible: no tags': frame(flexibleHead(METADATA, 9), varint(1), Buffer.from([0, 0, 0]), NO_TAGS),
  'flexible: unknown tags in the header': frame(flexibleHead(METADATA, 9, UNKNOWN_TAGS), varint(1), Buffer.from([0, 0, 0]), NO_TAGS),
  'flexible: unknown tags behind the body': frame(flexibleHead(METADATA, 9), varint(1), Buffer.from([0, 0, 0]), UNKNOWN_TAGS),
  'flexible: unknown tags within a topic': frame(flexibleHead(METADATA, 9), varint(2), compact('tagged-topic'), UNKNOWN_TAGS, Buffer.from([0, 0, 0]), NO_TAGS),
  'flexible: tags that do not rise': frame(
    flexibleHead(METADATA, 9),
    varint(1),
    Buffer.from([0, 0, 0]),
    Buffer.concat([varint(2), varint(5), varint(0), varint(5), varint(0)]),
  ),
  'flexible: a tag longer than the frame': frame(
    flexibleHead(METADATA, 9),
    varint(1),
    Buffer.from([0, 0, 0]),
    Buffer.concat([varint(1), varint(5), varint(100)]),
  ),
  'flexible: more tags than there are': frame(flexibleHead(METADATA, 9), varint(1), Buffer.from([0, 0, 0]), varint(9)),
  'flexible: an array that is too long': frame(flexibleHead(METADATA, 9), varint(1_000_000_000), Buffer.from([0, 0, 0]), NO_TAGS),
  'flexible: a null string where it must not be': frame(flexibleHead(HEARTBEAT, 4), varint(0), int32(1), compact('m'), varint(0), NO_TAGS),
  'flexible: a varint without an end': frame(flexibleHead(METADATA, 9), Buffer.alloc(12, 0xff)),
  'flexible: no tags at the end at all': frame(flexibleHead(METADATA, 9), varint(1), Buffer.from([0, 0, 0])),
}

/** Of Kafka's cluster, which is not here. */
const CLUSTER_FEATURES: ReadonlySet<string> = new Set(['eligible.leader.replicas.version', 'metadata.version', 'streams.version'])

/** Kafka 4.4 has level 2 of it, with queues for what could not be delivered; here it is level 1 (docs/internals/kafka-server.md). */
const HIGHER_LEVEL = 'share.version'

const frames: readonly Question[] = Object.entries(FRAMES).map(([what, bytes]) => ({
  name: `wire: ${what}`,
  ask: (peer: Peer) => exchange(peer, bytes, topicsOfMetadata),
}))

const apiVersions: readonly Question[] = [-1, 0, 1, 2, 3, 4, 5, 6, 99].flatMap((version) =>
  (
    [
      ['elytra-test', '1.0'],
      ['', '1.0'],
      ['a b', '1.0'],
      ['-a', '1'],
      ['a-', '1'],
      ['a', ''],
      ['a.b-c', '1.0.0-rc1'],
    ] as const
  )
    .filter((_, i) => i === 0 || (version >= 3 && version <= 5))
    .map(([name, software]) => ({
      name: `ApiVersions v${version} of ${JSON.stringify(name)} ${JSON.stringify(software)}`,
      ask: (peer: Peer) => {
        const body = version >= 3 ? [NO_TAGS, compact(name), compact(software), ...(version === 5 ? [varint(0), int32(-1)] : []), NO_TAGS] : []
        return exchange(peer, frame(head(18, version), ...body), (answer) => {
          const { value } = decodeResponse(ApiVersionsResponse, version < 0 || version > 5 ? 0 : version, answer)
          return [value.errorCode, value.apiKeys.length > 1 ? 'many' : value.apiKeys, features(value)]
        })
      },
    })),
)

function features({ finalizedFeatures }: ApiVersionsResponse): string[] {
  return finalizedFeatures
    .filter(({ name }) => !CLUSTER_FEATURES.has(name))
    .map(({ name, minVersionLevel, maxVersionLevel }) => (name === HIGHER_LEVEL ? name : `${name} ${minVersionLevel}-${maxVersionLevel}`))
    .sort()
}

/** What brokers and controllers ask each other, and streams groups: not here (docs/internals/kafka-rules.md). */
const NOT_HERE: ReadonlySet<number> = new Set([27, 34, 45, 64, 80, 81, 83, 84, 85, 86, 87, 88, 89, 93, 94])
const ADD_PARTITIONS_TO_TXN = 24

const ranges: Question = {
  name: 'wire: the versions of every API for clients',
  ask: async (peer) => {
    const { apiKeys } = await peer.ask([ApiVersionsRequest, ApiVersionsResponse], 4, { clientSoftwareName: 'elytra-test', clientSoftwareVersion: '1' })
    return apiKeys
      .filter(({ apiKey }) => !NOT_HERE.has(apiKey))
      .map(({ apiKey, minVersion, maxVersion }) => [apiKey, minVersion, apiKey === ADD_PARTITIONS_TO_TXN ? 'for clients 3' : maxVersion])
      .toSorted((left, right) => Number(left[0]) - Number(right[0]))
  },
}

/** Frames and headers (rules 1 to 4). */
export const WIRE_QUESTIONS: readonly Question[] = [...frames, ...apiVersions, ranges]
