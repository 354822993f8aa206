import type { MessageProperties } from '../../../src/broker/sessions/ports.ts'
import type { RecordHeader } from '../../../src/log/record-batch.ts'
import type { PublishPacket } from '../../../src/mqtt/wire/packets.ts'
import { DAMAGED } from '../damage.ts'
import { type KafkaClient, onConnections } from '../kafka-client.ts'
import type { LogModel, Sent } from '../log-model.ts'
import type { World } from '../world.ts'
import { kafkaRecordOf, mqttDressOf, wrongHeaders, wrongProperties } from './dressed-messages.ts'
import type { FetchedRecord } from './fetched-records.ts'
import { EXCUSED, fetchOnce, readWhole } from './kafka-readers.ts'

const OFFSET_OUT_OF_RANGE = 1

/** What a message must look like on both sides. */
interface Expected {
  readonly key: Uint8Array | null
  readonly headers: readonly RecordHeader[]
  readonly mqttTopic: string
  readonly properties: MessageProperties | null
  readonly qos: 0 | 1 | 2
}

/** By the names of senders: who they are. */
export type Senders = Readonly<Record<string, 'kafka' | 4 | 5>>

/** One topic that both protocols write and read: what each is given of what the other wrote. */
export class DressedTopic {
  readonly #world: World
  readonly #model: LogModel
  readonly #topic: string
  readonly #partitions: number
  readonly #senders: Senders

  constructor(
    world: World,
    model: LogModel,
    { topic, partitions, senders }: { readonly topic: string; readonly partitions: number; readonly senders: Senders },
  ) {
    this.#world = world
    this.#model = model
    this.#topic = topic
    this.#partitions = partitions
    this.#senders = senders
  }

  /** What is wrong with a message as an MQTT client was given it, in words; null where nothing is. `qos` is that of the subscription. */
  judge(packet: PublishPacket, sent: Sent, level: 4 | 5, qos: 0 | 1 | 2): string | null {
    const expected = this.#expected(sent)
    if (packet.topic !== expected.mqttTopic) return `the topic ${packet.topic}, it is ${expected.mqttTopic}`
    if (packet.qos !== Math.min(expected.qos, qos)) return `QoS ${packet.qos}, it was published with ${expected.qos} and subscribed with ${qos}`
    if (packet.retain) return 'RETAIN'
    return wrongProperties(packet.properties, level === 4 ? null : expected.properties)
  }

  /** A Kafka reader of all partitions, until the run stops. */
  async follow(): Promise<void> {
    const world = this.#world
    const next = Array.from({ length: this.#partitions }, () => 0)
    await onConnections(world, 200, async (client) => {
      for (let index = 0; index < next.length; index++) next[index] = await this.#read(client, index, next[index] as number)
      await world.sleep(world.random.below(200))
    })
  }

  /** All that is there. */
  async verify(): Promise<void> {
    for (let index = 0; index < this.#partitions; index++) {
      const records = await readWhole(this.#world, this.#topic, index)
      for (const record of records ?? []) this.#check(index, record)
    }
  }

  /** Answers the offset to go on from. */
  async #read(client: KafkaClient, index: number, offset: number): Promise<number> {
    const world = this.#world
    const got = await fetchOnce(world, client, { topic: this.#topic, index, offset }, { maxWaitMs: world.random.below(100), maxBytes: 20_000 })
    if (got.errorCode === OFFSET_OUT_OF_RANGE) return 0
    if (got.errorCode !== 0 && !EXCUSED.has(got.errorCode)) world.violate(`Fetch of ${this.#topic}-${index} at ${offset} answered ${got.errorCode}`)
    for (const record of got.records) this.#check(index, record)
    return got.nextOffset
  }

  #check(index: number, { value, key, headers }: Pick<FetchedRecord, 'value' | 'key' | 'headers'>): void {
    const world = this.#world
    const sent = this.#model.sent.get(value)
    if (value === DAMAGED || sent === undefined) return
    const expected = this.#expected(sent)
    const place = `${this.#topic}-${index}: ${value}`
    if (keyText(key) !== keyText(expected.key)) world.violate(`${place} has the key ${keyText(key)}, written was ${keyText(expected.key)}`)
    const wrong = wrongHeaders(headers, expected.headers)
    if (wrong !== null) world.violate(`${place} has ${wrong}`)
    world.count('dressed records read')
  }

  #expected({ sender, number, mqttTopic, guarantee }: Sent): Expected {
    const kind = this.#senders[sender.slice(0, sender.indexOf('.'))]
    if (kind === 'kafka') {
      const { mqtt, headers = [], ...record } = kafkaRecordOf(this.#topic, number)
      return { ...record, headers, properties: mqtt }
    }
    const qos = (['at-most-once', 'at-least-once', 'exactly-once'] as const).indexOf(guarantee) as 0 | 1 | 2
    const dress = kind === 5 ? mqttDressOf(number) : { mqtt: null, headers: [] }
    const topic = mqttTopic as string
    return {
      // A publish to the topic's name alone has no key, one to `name/` an empty one.
      key: topic === this.#topic ? null : Buffer.from(topic.slice(this.#topic.length + 1)),
      headers: qos === 1 ? dress.headers : [{ key: 'mqtt.qos', value: Buffer.from(String(qos)) }, ...dress.headers],
      mqttTopic: topic,
      properties: dress.mqtt,
      qos,
    }
  }
}

function keyText(key: Uint8Array | null): string {
  return key === null ? 'null' : `0x${Buffer.from(key).toString('hex')}`
}
