import type { Target } from '../lib/target.ts'
import { compression } from './compression.ts'
import { journalGroups } from './journal-groups.ts'
import { kafkaBroker } from './kafka-broker.ts'
import { kafkaFrames } from './kafka-frames.ts'
import { kafkaMessages } from './kafka-messages.ts'
import { mqttBroker } from './mqtt-broker.ts'
import { mqttPackets } from './mqtt-packets.ts'
import { recordBatches } from './record-batches.ts'
import { store } from './store.ts'
import { tableStore } from './table-store.ts'

/** Everything that is fuzzed; docs/internals/fuzzing.md has what for, and what was found. */
export const TARGETS: readonly Target[] = [
  kafkaMessages,
  kafkaFrames,
  recordBatches,
  compression,
  mqttPackets,
  journalGroups,
  store,
  tableStore,
  kafkaBroker,
  mqttBroker,
]
