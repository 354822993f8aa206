import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { KAFKA_APIS } from '../../../src/kafka/apis.ts'
import { AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse } from '../../../src/kafka/messages/alter-user-scram-credentials.ts'
import { ApiVersionsRequest, ApiVersionsResponse } from '../../../src/kafka/messages/api-versions.ts'
import { CreatePartitionsRequest, CreatePartitionsResponse } from '../../../src/kafka/messages/create-partitions.ts'
import { DeleteRecordsRequest, DeleteRecordsResponse } from '../../../src/kafka/messages/delete-records.ts'
import { FetchRequest } from '../../../src/kafka/messages/fetch.ts'
import { HeartbeatRequest, HeartbeatResponse } from '../../../src/kafka/messages/heartbeat.ts'
import { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse } from '../../../src/kafka/messages/incremental-alter-configs.ts'
import { InitProducerIdRequest, InitProducerIdResponse } from '../../../src/kafka/messages/init-producer-id.ts'
import { JoinGroupRequest, JoinGroupResponse } from '../../../src/kafka/messages/join-group.ts'
import { LeaveGroupRequest, LeaveGroupResponse } from '../../../src/kafka/messages/leave-group.ts'
import { ListOffsetsRequest, ListOffsetsResponse } from '../../../src/kafka/messages/list-offsets.ts'
import { MetadataRequest, MetadataResponse } from '../../../src/kafka/messages/metadata.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from '../../../src/kafka/messages/offset-commit.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../../src/kafka/messages/offset-fetch.ts'
import { ProduceRequest, ProduceResponse } from '../../../src/kafka/messages/produce.ts'
import { SaslAuthenticateRequest, SaslAuthenticateResponse } from '../../../src/kafka/messages/sasl-authenticate.ts'
import { SaslHandshakeRequest, SaslHandshakeResponse } from '../../../src/kafka/messages/sasl-handshake.ts'
import { SyncGroupRequest, SyncGroupResponse } from '../../../src/kafka/messages/sync-group.ts'
import { isFlexible, layoutOfMessage } from '../../../src/kafka/wire/message.ts'
import { buildBatch } from '../../../src/log/record-batch.ts'
import type { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { type CompressionCodec, compressSync } from '../../../src/util/compression.ts'
import { type BrokerStage, MOST_INFLATED_BYTES } from './broker-stage.ts'
import { START_MS } from './fuzz-disk.ts'
import type { KafkaPeer } from './kafka-peer.ts'
import { ReferenceEncoder } from './kafka-reference.ts'
import { randomStruct } from './kafka-values.ts'
import { randomRecords } from './random-records.ts'

/** A topic that exists. */
export const FUZZED_TOPIC = 'orders'
const GROUP = 'group-1'
const USER = 'fuzzer'
const SALTED_PASSWORD = Buffer.alloc(32, 7)

/** What a well-behaved client does, up to a deep state. */
export type KafkaSession = (peer: KafkaPeer, random: SeededRandom, stage: BrokerStage) => Promise<void>

export const KAFKA_SESSIONS: Readonly<Record<string, KafkaSession>> = {
  produce: produceSession,
  group: groupSession,
  login: loginSession,
  anything: anySession,
}

async function produceSession(peer: KafkaPeer, random: SeededRandom): Promise<void> {
  await peer.ask(ApiVersionsRequest, ApiVersionsResponse, 3, { clientSoftwareName: 'fuzz', clientSoftwareVersion: '1' })
  await peer.ask(MetadataRequest, MetadataResponse, 9, {
    topics: [{ topicId: '', name: FUZZED_TOPIC }],
    allowAutoTopicCreation: false,
    includeClusterAuthorizedOperations: false,
    includeTopicAuthorizedOperations: false,
  })
  const { producerId, producerEpoch } = await peer.ask(InitProducerIdRequest, InitProducerIdResponse, 4, {
    transactionalId: null,
    transactionTimeoutMs: 60_000,
  })
  let baseSequence = 0
  for (let i = random.between(2, 5); i > 0; i--) {
    const codec = random.pick([0, 0, 1, 2, 3, 4] as const)
    const records = random.chance(0.15) ? bomb(codec) : randomRecords(random, 5).map((record) => ({ ...record, timestampMs: START_MS }))
    const batch = buildBatch(records, {
      producerId,
      producerEpoch,
      baseSequence,
      attributes: codec,
      ...(codec === 0 ? {} : { compress: (section: Uint8Array) => compressSync(codec, section) }),
    })
    baseSequence += records.length
    const partitionData = [{ index: 0, records: Buffer.from(batch) }]
    await peer.ask(ProduceRequest, ProduceResponse, random.pick([7, 9]), {
      acks: -1,
      timeoutMs: 5_000,
      topicData: [{ name: FUZZED_TOPIC, topicId: '', partitionData }],
    })
  }
  await peer.ask(ListOffsetsRequest, ListOffsetsResponse, 5, {
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ name: FUZZED_TOPIC, partitions: [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp: START_MS }] }],
    timeoutMs: 1_000,
  })
  await peer.ask(DeleteRecordsRequest, DeleteRecordsResponse, 1, {
    topics: [{ name: FUZZED_TOPIC, partitions: [{ partitionIndex: 0, offset: 1 }] }],
    timeoutMs: 1_000,
  })
  await peer.ask(IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, 0, {
    resources: [{ resourceType: 2, resourceName: FUZZED_TOPIC, configs: [{ name: 'retention.ms', configOperation: 0, value: '1000000' }] }],
    validateOnly: false,
  })
  await peer.ask(CreatePartitionsRequest, CreatePartitionsResponse, 1, {
    topics: [{ name: FUZZED_TOPIC, count: 2, assignments: null }],
    timeoutMs: 1_000,
    validateOnly: false,
  })
  peer.tell(FetchRequest, 11, fetchOf(random.pick([0, 1])))
}

/** Records that become more than the broker inflates. */
function bomb(codec: CompressionCodec) {
  return [{ key: null, value: Buffer.alloc(codec === 0 ? 1_000 : MOST_INFLATED_BYTES * 2), timestampMs: START_MS }]
}

function fetchOf(offset: number) {
  const partitions = [{ partition: 0, currentLeaderEpoch: -1, fetchOffset: offset, lastFetchedEpoch: -1, logStartOffset: -1, partitionMaxBytes: 100_000 }]
  return {
    replicaId: -1,
    maxWaitMs: 5_000,
    minBytes: 1_000_000,
    maxBytes: 1_000_000,
    isolationLevel: 1,
    sessionId: 0,
    sessionEpoch: -1,
    topics: [{ topic: FUZZED_TOPIC, topicId: '', partitions }],
    forgottenTopicsData: [],
    rackId: '',
  }
}

async function groupSession(peer: KafkaPeer, random: SeededRandom): Promise<void> {
  const version = random.pick([3, 5, 7])
  const join = (memberId: string) =>
    peer.ask(JoinGroupRequest, JoinGroupResponse, version, {
      groupId: GROUP,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      memberId,
      groupInstanceId: random.chance(0.3) && version >= 5 ? 'static-1' : null,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.from('000000000001000600006f72646572730000', 'hex') }],
    })
  let joined = await join('')
  if (joined.errorCode === 79) joined = await join(joined.memberId)
  const { generationId, memberId } = joined
  const member = { groupId: GROUP, generationId, memberId, groupInstanceId: null }
  await peer.ask(SyncGroupRequest, SyncGroupResponse, 3, {
    ...member,
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: [{ memberId, assignment: Buffer.from('0001', 'hex') }],
  })
  await peer.ask(HeartbeatRequest, HeartbeatResponse, 3, member)
  await peer.ask(OffsetCommitRequest, OffsetCommitResponse, 7, {
    groupId: GROUP,
    generationIdOrMemberEpoch: generationId,
    memberId,
    groupInstanceId: null,
    retentionTimeMs: -1,
    topics: [{ name: FUZZED_TOPIC, topicId: '', partitions: [{ partitionIndex: 0, committedOffset: 1, committedLeaderEpoch: 0, committedMetadata: 'm' }] }],
  })
  await peer.ask(OffsetFetchRequest, OffsetFetchResponse, 5, {
    groupId: GROUP,
    topics: [{ name: FUZZED_TOPIC, partitionIndexes: [0] }],
    groups: [],
    requireStable: false,
  })
  if (random.chance(0.5))
    await peer.ask(LeaveGroupRequest, LeaveGroupResponse, 3, { groupId: GROUP, memberId, members: [{ memberId, groupInstanceId: null, reason: null }] })
}

/** Makes the user who logs in below; done by another client. */
export async function makeUser(admin: KafkaPeer): Promise<void> {
  const { results } = await admin.ask(AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse, 0, {
    deletions: [],
    upsertions: [{ name: USER, mechanism: 1, iterations: 4096, salt: Buffer.from('saltsalt'), saltedPassword: SALTED_PASSWORD }],
  })
  assert.equal(results[0]?.errorMessage, null)
}

/** RFC 5802; the password comes salted, so that nothing is derived here. */
async function loginSession(peer: KafkaPeer, random: SeededRandom): Promise<void> {
  const version = random.pick([0, 1, 2])
  await peer.ask(SaslHandshakeRequest, SaslHandshakeResponse, 1, { mechanism: 'SCRAM-SHA-256' })
  const firstBare = `n=${USER},r=fuzznonce`
  const first = await peer.ask(SaslAuthenticateRequest, SaslAuthenticateResponse, version, { authBytes: Buffer.from(`n,,${firstBare}`) })
  const serverFirst = Buffer.from(first.authBytes).toString()
  const nonce = /r=([^,]*)/.exec(serverFirst)?.[1] ?? ''
  const withoutProof = `c=biws,r=${nonce}`
  const clientKey = hmac(SALTED_PASSWORD, 'Client Key')
  const signature = hmac(createHash('sha256').update(clientKey).digest(), `${firstBare},${serverFirst},${withoutProof}`)
  const proof = clientKey.map((byte, i) => byte ^ (signature[i] as number))
  const authBytes = Buffer.from(`${withoutProof},p=${Buffer.from(proof).toString('base64')}`)
  const { errorMessage } = await peer.ask(SaslAuthenticateRequest, SaslAuthenticateResponse, version, { authBytes })
  assert.equal(errorMessage, null)
  await peer.ask(MetadataRequest, MetadataResponse, 1, {
    topics: null,
    allowAutoTopicCreation: false,
    includeClusterAuthorizedOperations: false,
    includeTopicAuthorizedOperations: false,
  })
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

/** Users would close the door to those without a password. */
const LEFT_OUT = new Set(['AlterUserScramCredentialsRequest'])
/** Requests of any API and version, with values that fit their fields and make no sense together. */
async function anySession(peer: KafkaPeer, random: SeededRandom, stage: BrokerStage): Promise<void> {
  for (let i = random.between(2, 8); i > 0; i--) {
    const api = KAFKA_APIS.get(random.pick(KAFKA_APIS.ranges).apiKey)
    if (api === undefined || LEFT_OUT.has(api.request.name)) continue
    const version = random.between(...api.serves)
    const flexible = isFlexible(api.request, version)
    const layout = layoutOfMessage(api.request, version)
    const body = new ReferenceEncoder(flexible)
    body.struct(layout, randomStruct(random, layout))
    const header = Buffer.alloc(flexible ? 15 : 14)
    header.writeInt16BE(api.key, 4)
    header.writeInt16BE(version, 6)
    header.writeInt32BE(i, 8)
    header.writeInt16BE(0, 12)
    const frame = Buffer.concat([header, body.bytes()])
    frame.writeInt32BE(frame.length - 4)
    await peer.reopen()
    peer.write(frame)
    await stage.run(5)
  }
}
