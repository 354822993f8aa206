import { array, bool, int8, int16, int32, int64, nullable, recordSlices, since, string, struct, uuid, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * ShareFetch (key 78): records that the member of a share group takes, and what became of those it had (KIP-932). 2 renews locks
 * (KIP-1222) and can ask for no record more than `maxRecords` (KIP-1206).
 */

/** What became of a range of records; one type for all, or one for each. */
export const ACKNOWLEDGEMENT_BATCH = {
  firstOffset: int64,
  /** Inclusive. */
  lastOffset: int64,
  /** 0: there is no such record, 1: accept, 2: release, 3: reject, 4: renew. */
  acknowledgeTypes: array(int8),
}

export const LEADER = {
  leaderId: withDefault(int32, 0),
  leaderEpoch: withDefault(int32, 0),
}

export const ENDPOINT = {
  nodeId: int32,
  host: string,
  port: int32,
  rack: withDefault(nullable(string), null),
}

export const ShareFetchRequest = message(
  { key: 78, name: 'ShareFetchRequest', versions: [1, 2], flexible: 0 },
  {
    groupId: withDefault(nullable(string), null),
    memberId: nullable(string),
    /** 0 opens a share session, -1 closes it. */
    shareSessionEpoch: int32,
    maxWaitMs: int32,
    minBytes: int32,
    maxBytes: withDefault(int32, 0x7fff_ffff),
    maxRecords: int32,
    batchSize: int32,
    /** 0: whole batches, 1: no record more than `maxRecords`. */
    shareAcquireMode: since(2, int8, 0),
    isRenewAck: since(2, bool, false),
    topics: array({
      topicId: uuid,
      partitions: array({
        partitionIndex: int32,
        acknowledgementBatches: array(ACKNOWLEDGEMENT_BATCH),
      }),
    }),
    /** Partitions that leave the session. */
    forgottenTopicsData: array({
      topicId: uuid,
      partitions: array(int32),
    }),
  },
)
export type ShareFetchRequest = Infer<typeof ShareFetchRequest>

export const ShareFetchResponse = message(
  { key: 78, name: 'ShareFetchResponse', versions: [1, 2], flexible: 0 },
  {
    throttleTimeMs: withDefault(int32, 0),
    errorCode: int16,
    errorMessage: withDefault(nullable(string), null),
    acquisitionLockTimeoutMs: withDefault(int32, 0),
    responses: array({
      topicId: uuid,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: withDefault(nullable(string), null),
        acknowledgeErrorCode: withDefault(int16, 0),
        acknowledgeErrorMessage: withDefault(nullable(string), null),
        currentLeader: withDefault(struct(LEADER), { leaderId: 0, leaderEpoch: 0 }),
        records: recordSlices,
        acquiredRecords: array({
          firstOffset: int64,
          /** Inclusive. */
          lastOffset: int64,
          deliveryCount: int16,
        }),
      }),
    }),
    nodeEndpoints: withDefault(array(ENDPOINT), []),
  },
)
export type ShareFetchResponse = Infer<typeof ShareFetchResponse>
