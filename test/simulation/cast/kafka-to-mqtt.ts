import type { CompressionCodec } from '../../../src/util/compression.ts'
import { actor, startReceivers, type Workload } from '../stage.ts'
import { Producer, type RecordShape } from '../workloads/kafka-producers.ts'
import { Subscriber } from '../workloads/mqtt-subscriber.ts'

const TOPIC = 'packed'
const CODECS: readonly CompressionCodec[] = [0, 1, 2, 3, 4]
const KEYS = ['a', 'b', 'c/d']

function recordOf(number: number): RecordShape {
  const key = KEYS[number % KEYS.length] as string
  return { key: Buffer.from(key), mqttTopic: `${TOPIC}/${key}` }
}

const SUBSCRIBERS = [
  { name: 'k-at-least', level: 4, filter: `${TOPIC}/#`, qos: 1, receiveMaximum: 100, clean: false },
  { name: 'k-exactly', level: 5, filter: `${TOPIC}/a`, qos: 2, receiveMaximum: 5, clean: false },
] as const

/** Kafka producers write batches of every codec, which MQTT subscribers are given message by message. */
export const kafkaToMqtt: Workload = {
  topics: [{ name: TOPIC, partitions: 2, alwaysDurable: true }],
  start(stage) {
    const { world, model, actors } = stage
    for (const [i, idempotent] of [true, false].entries()) {
      const producer = new Producer(world, model, { name: `z${i}`, topic: TOPIC, partitions: 2, acks: -1, idempotent, codecs: CODECS, recordOf })
      actors.push(actor(`producer z${i}`, () => producer.idle))
      void producer.run()
    }
    return startReceivers(
      stage,
      SUBSCRIBERS.map((options) => [`subscriber ${options.name}`, new Subscriber(world, model, options)]),
    )
  },
}
