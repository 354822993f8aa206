import assert from 'node:assert/strict'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../../src/kafka/messages/create-topics.ts'
import { FetchRequest, FetchResponse } from '../../../src/kafka/messages/fetch.ts'
import { ProduceRequest, ProduceResponse } from '../../../src/kafka/messages/produce.ts'
import { type BatchRecord, batchSizeBytes, buildBatch, readRecords } from '../../../src/log/record-batch.ts'
import type { PublishPacket } from '../../../src/mqtt/wire/packets.ts'
import type { BrokerStage } from './broker-stage.ts'
import { START_MS } from './fuzz-disk.ts'
import { KafkaPeer } from './kafka-peer.ts'
import { MqttPeer } from './mqtt-peer.ts'

export const WITNESS_TOPIC = 'witness'
const PRODUCE_VERSION = 9
const FETCH_VERSION = 11

/** Clients of both protocols that do nothing wrong, and must lose nothing whatever others do. */
export class Witness {
  readonly connections = 2
  readonly #stage: BrokerStage
  readonly #kafka: KafkaPeer
  readonly #mqtt: MqttPeer
  readonly #produced: string[] = []
  readonly #delivered: string[] = []
  #packetId = 1

  private constructor(stage: BrokerStage, kafka: KafkaPeer, mqtt: MqttPeer) {
    this.#stage = stage
    this.#kafka = kafka
    this.#mqtt = mqtt
  }

  /** `alsoReads`: a topic that others write to, whose last record must come. */
  static async open(stage: BrokerStage, alsoReads: readonly string[]): Promise<Witness> {
    const kafka = await KafkaPeer.open(stage)
    const created = await kafka.ask(CreateTopicsRequest, CreateTopicsResponse, 5, {
      topics: [WITNESS_TOPIC, ...alsoReads].map((name) => ({ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] })),
      timeoutMs: 10_000,
      validateOnly: false,
    })
    assert.deepEqual(
      created.topics.map(({ errorCode }) => errorCode),
      created.topics.map(() => 0),
    )
    const mqtt = await MqttPeer.open(stage, 4)
    const witness = new Witness(stage, kafka, mqtt)
    mqtt.onPacket = (packet) => {
      if (packet.type !== 'PUBLISH') return
      witness.#received(packet)
    }
    mqtt.send({
      type: 'CONNECT',
      level: 4,
      cleanStart: true,
      keepAliveS: 0,
      clientId: 'witness',
      will: null,
      username: undefined,
      password: undefined,
      properties: {},
    })
    const subscriptions = [WITNESS_TOPIC, ...alsoReads].map((topic) => ({
      filter: `${topic}/#`,
      qos: 1 as const,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0 as const,
    }))
    mqtt.send({ type: 'SUBSCRIBE', packetId: 1, subscriptions, properties: {} })
    await stage.run(50)
    assert.deepEqual(
      mqtt.received.map(({ type }) => type),
      ['CONNACK', 'SUBACK'],
    )
    return witness
  }

  #received(packet: PublishPacket): void {
    if (packet.qos === 1) this.#mqtt.send({ type: 'PUBACK', packetId: packet.packetId, reason: 0, properties: {} })
    this.#delivered.push(`${packet.topic} ${Buffer.from(packet.payload).toString()}`)
  }

  /** One record each way, acknowledged. */
  async speak(what: string): Promise<void> {
    const value = `${what}-${this.#produced.length}`
    assert.equal(await this.produce(WITNESS_TOPIC, 'k', value), 0)
    this.#produced.push(value)
    const published = `m${value}`
    this.#mqtt.send({
      type: 'PUBLISH',
      topic: `${WITNESS_TOPIC}/k`,
      payload: Buffer.from(published),
      qos: 1,
      retain: false,
      dup: false,
      packetId: ++this.#packetId,
      properties: null,
      packet: null,
      packetLevel: 4,
      topicAlias: 0,
      subscriptionIdentifiers: [],
    })
    this.#produced.push(published)
    await this.#stage.run(5)
  }

  /** The error code. */
  async produce(topic: string, key: string, value: string): Promise<number> {
    const records = Buffer.from(buildBatch([{ key: Buffer.from(key), value: Buffer.from(value), timestampMs: START_MS }]))
    const answer = await this.#kafka.ask(ProduceRequest, ProduceResponse, PRODUCE_VERSION, {
      acks: -1,
      timeoutMs: 10_000,
      topicData: [{ name: topic, topicId: '', partitionData: [{ index: 0, records }] }],
    })
    return answer.responses[0]?.partitionResponses[0]?.errorCode ?? -1
  }

  /** Whether a message has come over MQTT. */
  has(topic: string, value: string): boolean {
    return this.#delivered.includes(`${topic} ${value}`)
  }

  /** Everything that was said is in the log, once and in order, and came over MQTT. */
  async check(stage: BrokerStage): Promise<void> {
    await stage.run(2_000)
    const values = await this.#read()
    assert.deepEqual(values, this.#produced, 'the witness reads other records than it wrote')
    const delivered = this.#delivered.filter((line) => line.startsWith(WITNESS_TOPIC))
    assert.deepEqual(
      delivered,
      this.#produced.map((value) => `${WITNESS_TOPIC}/k ${value}`),
      'the witness was given other messages than were written',
    )
  }

  async #read(): Promise<string[]> {
    const answer = await this.#kafka.ask(FetchRequest, FetchResponse, FETCH_VERSION, {
      replicaId: -1,
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 10_000_000,
      isolationLevel: 0,
      sessionId: 0,
      sessionEpoch: -1,
      topics: [
        {
          topic: WITNESS_TOPIC,
          topicId: '',
          partitions: [{ partition: 0, currentLeaderEpoch: -1, fetchOffset: 0, lastFetchedEpoch: -1, logStartOffset: -1, partitionMaxBytes: 10_000_000 }],
        },
      ],
      forgottenTopicsData: [],
      rackId: '',
    })
    const bytes = Buffer.concat(answer.responses[0]?.partitions[0]?.records ?? [])
    const values: string[] = []
    for (let at = 0; at < bytes.length; at += batchSizeBytes(bytes, at)) {
      for (const record of readRecords(bytes.subarray(at, at + batchSizeBytes(bytes, at))) as BatchRecord[]) values.push(String(record.value))
    }
    return values
  }
}
