import { COMPACTION_PLANTS } from './compaction-plants.ts'
import { DISK_PLANTS } from './disk-plants.ts'
import { KAFKA_PLANTS } from './kafka-plants.ts'
import { LOG_PLANTS } from './log-plants.ts'
import { MQTT_PLANTS } from './mqtt-plants.ts'
import type { PlantedFault } from './planted-fault.ts'
import { RESOURCE_PLANTS } from './resource-plants.ts'
import { SHARE_PLANTS } from './share-plants.ts'
import { STATE_PLANTS } from './state-plants.ts'
import { WIRE_PLANTS } from './wire-plants.ts'

/** All of them, by what is wrong. */
export const PLANTED_FAULTS: Readonly<Record<string, PlantedFault>> = {
  ...DISK_PLANTS,
  ...LOG_PLANTS,
  ...STATE_PLANTS,
  ...SHARE_PLANTS,
  ...WIRE_PLANTS,
  ...RESOURCE_PLANTS,
  ...COMPACTION_PLANTS,
  ...MQTT_PLANTS,
  ...KAFKA_PLANTS,
}
