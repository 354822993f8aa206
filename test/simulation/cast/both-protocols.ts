import type { CompressionCodec } from '../../../src/util/compression.ts'
import { actor, startReceivers, type Workload } from '../stage.ts'
import { kafkaRecordOf, mqttDressOf } from '../workloads/dressed-messages.ts'
import { DressedTopic } from '../workloads/dressed-topic.ts'
import { Producer } from '../workloads/kafka-producers.ts'
import { Publisher } from '../workloads/mqtt-publisher.ts'
import { Subscriber } from '../workloads/mqtt-subscriber.ts'

const TOPIC = 'both'
const PARTITIONS = 2
const CODECS: readonly CompressionCodec[] = [0, 0, 1, 2, 3, 4]
const KEYS = [null, '', 'a', 'c/d', 'e']
const SENDERS = { dk: 'kafka', d4: 4, d5: 5 } as const

const SUBSCRIBERS = [
  { name: 'd-at-least', level: 4, filter: `${TOPIC}/#`, qos: 1, receiveMaximum: 100, clean: false },
  { name: 'd-exactly', level: 5, filter: `${TOPIC}/#`, qos: 2, receiveMaximum: 7, clean: false },
  { name: 'd-alone', level: 5, filter: TOPIC, qos: 2, receiveMaximum: 20, clean: false },
  { name: 'd-clean', level: 5, filter: `${TOPIC}/#`, qos: 1, receiveMaximum: 100, clean: true },
] as const

/** Both protocols write to one topic and read it, with all that a message can carry on either side. */
export const bothProtocols: Workload = {
  topics: [{ name: TOPIC, partitions: PARTITIONS, alwaysDurable: false }],
  start(stage) {
    const { world, model, actors } = stage
    const topic = new DressedTopic(world, model, { topic: TOPIC, partitions: PARTITIONS, senders: SENDERS })
    const recordOf = (number: number) => kafkaRecordOf(TOPIC, number)
    const producer = new Producer(world, model, { name: 'dk', topic: TOPIC, partitions: PARTITIONS, acks: -1, idempotent: true, codecs: CODECS, recordOf })
    const propertiesOf = (number: number) => mqttDressOf(number).mqtt
    const publishers = ([4, 5] as const).map((level) => new Publisher(world, model, { name: `d${level}`, level, topic: TOPIC, keys: KEYS, propertiesOf }))
    for (const [name, sender] of Object.entries({ dk: producer, d4: publishers[0] as Publisher, d5: publishers[1] as Publisher })) {
      actors.push(actor(`sender ${name}`, () => sender.idle))
      void sender.run()
    }
    void topic.follow()
    const receivers = startReceivers(
      stage,
      SUBSCRIBERS.map((options) => [
        `subscriber ${options.name}`,
        new Subscriber(world, model, { ...options, judge: (packet, sent, level) => topic.judge(packet, sent, level, options.qos) }),
      ]),
    )
    return { ...receivers, verify: () => topic.verify() }
  },
}
