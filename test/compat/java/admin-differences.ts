/** Where Elytra answers a method of Admin in another way than Apache Kafka 4.4.0, on purpose. */
export interface Difference {
  readonly method: string
  /** What the lines begin with that differ; '' is all of them. */
  readonly line: string
  readonly why: string
}

const ONE_DIRECTORY = 'there is one directory, so that nothing moves: AlterReplicaLogDirs is not served'
const STREAMS = 'groups of the new streams protocol (KIP-1071) are not served; Kafka Streams with its classic protocol is'
const NO_CONTROLLERS = 'there are no controllers and no other brokers: what would add or remove them is not served'

export const DIFFERENCES: readonly Difference[] = [
  { method: 'alterPartitionReassignments', line: '', why: 'one broker has all partitions: AlterPartitionReassignments is not served' },
  { method: 'alterReplicaLogDirs', line: '', why: ONE_DIRECTORY },
  { method: 'describeConfigs', line: 'mqtt.deliver', why: 'a config of ours' },
  { method: 'describeConfigs', line: 'broker node.id', why: 'what Kafka is started with and nothing here obeys is not shown' },
  { method: 'incrementalAlterConfigs', line: 'metrics of clients', why: 'telemetry of clients (KIP-714) is not served' },
  { method: 'describeStreamsGroups', line: 'described', why: STREAMS },
  {
    method: 'abortTransaction',
    line: '',
    why: 'WriteTxnMarkers is for brokers. No transaction hangs here: its coordinator and its partitions are one process and one journal group',
  },
  { method: 'describeFeatures', line: 'streams.version', why: STREAMS },
  { method: 'describeFeatures', line: 'share.version', why: 'level 2 is dead letter queues of share groups (KIP-1191), which are not served' },
  { method: 'describeFeatures', line: 'kraft.version', why: NO_CONTROLLERS },
  { method: 'describeFeatures', line: 'metadata.version', why: NO_CONTROLLERS },
  { method: 'describeFeatures', line: 'eligible.leader.replicas.version', why: NO_CONTROLLERS },
  { method: 'updateFeatures', line: 'down:', why: 'the levels are what this broker does: none is lowered' },
  { method: 'unregisterBroker', line: '', why: NO_CONTROLLERS },
  { method: 'unregisterController', line: '', why: NO_CONTROLLERS },
]
