import type { LogStore, PartitionSettings } from '../../../src/log/ports.ts'
import { withFiles } from './disk-plants.ts'
import { withPartitions } from './log-wrappers.ts'
import type { PlantedFault } from './planted-fault.ts'

/** What compaction may get wrong. */
export const COMPACTION_PLANTS: Readonly<Record<string, PlantedFault>> = {
  'tombstones go with the first compaction': {
    withinSeeds: 20,
    wrapLog: (log) =>
      withSettings(log, ({ compaction, ...others }) =>
        compaction === undefined ? others : { ...others, compaction: { ...compaction, deleteRetentionMs: 0 } },
      ),
  },
  'a compacted segment takes its place without a sync': {
    withinSeeds: 20,
    wrapFiles: (files) =>
      withFiles(files, (path, file) => {
        if (path.endsWith('.log.cleaned')) file.sync = () => Promise.resolve()
      }),
  },
}

/** The log with other settings of partitions than the broker gives it. */
function withSettings(log: LogStore, change: (settings: PartitionSettings) => PartitionSettings): LogStore {
  const { openPartition, createPartition } = log
  log.openPartition = (topicId, topicName, index, settings) => openPartition.call(log, topicId, topicName, index, change(settings))
  log.createPartition = (topicId, topicName, index, settings) => createPartition.call(log, topicId, topicName, index, change(settings))
  return withPartitions(log, (partition) => {
    const { setSettings } = partition
    partition.setSettings = (settings) => setSettings.call(partition, change(settings))
  })
}
