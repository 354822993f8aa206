import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import { rowOfLogFailure } from '../../broker/topics/produce.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { DeleteRecordsRequest, DeleteRecordsResponse } from '../messages/delete-records.ts'
import type { Input } from '../wire/message.ts'

type PartitionResponse = Input<typeof DeleteRecordsResponse>['topics'][number]['partitions'][number]

/** Stands for the high watermark: all there is. */
const ALL = -1

/** DeleteRecords (21): raises the start of partitions (rule 9). Beyond the high watermark gets 1; below the start changes nothing; a topic that is only compacted gets 44. */
export const deleteRecords: Handler<DeleteRecordsRequest, Input<typeof DeleteRecordsResponse>> = async (request, context) => {
  const named = request.topics.filter(({ partitions }) => partitions.length > 0)
  const topics = named.map(async ({ name, partitions }) => {
    const allowed = context.broker.security.authorize(context.connection.principal, 'delete', 'topic', name)
    const answers = partitions.map(({ partitionIndex, offset }) =>
      allowed ? raise(name, partitionIndex, offset, context) : failed(partitionIndex, ERRORS.topicAuthorizationFailed),
    )
    return { name, partitions: await Promise.all(answers) }
  })
  return { topics: await Promise.all(topics) }
}

function raise(name: string, partitionIndex: number, offset: number, context: RequestContext): PartitionResponse | Promise<PartitionResponse> {
  const topic = context.broker.topics.get(name)
  const log = topic?.partitions[partitionIndex]?.log
  if (topic === undefined || log === undefined) return failed(partitionIndex, ERRORS.unknownTopicOrPartition)
  if (topic.settings.isCompacted && !topic.settings.log.deleteOld) return failed(partitionIndex, ERRORS.policyViolation)
  const target = offset === ALL ? log.highWatermark : offset
  if (target < 0 || target > log.highWatermark) return failed(partitionIndex, ERRORS.offsetOutOfRange)
  if (target <= log.logStartOffset) return { partitionIndex, errorCode: 0, lowWatermark: log.logStartOffset }
  return new Promise((resolve) => {
    log.raiseStart(target, (failure) => {
      resolve(failure === null ? { partitionIndex, errorCode: 0, lowWatermark: log.logStartOffset } : failed(partitionIndex, rowOfLogFailure(failure)))
    })
  })
}

function failed(partitionIndex: number, error: ErrorRow): PartitionResponse {
  return { partitionIndex, errorCode: error.kafka, lowWatermark: -1 }
}
