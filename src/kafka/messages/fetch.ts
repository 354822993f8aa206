import { array, int8, int16, int32, int64, nullable, recordSlices, since, string, struct, tagged, until, uuid, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * Fetch (key 1): record batches from partitions, waiting up to `maxWaitMs` for `minBytes`. 4 has isolation levels (KIP-98); 5 the
 * log start; 7 fetch sessions (KIP-227); 9 leader epochs (KIP-320); 10 may answer zstd (KIP-110); 11 racks (KIP-392); 12 is
 * flexible and detects divergence (KIP-595); 13 has topic ids instead of names (KIP-516); 15 moves the replica's id (KIP-903);
 * 16 names new leaders (KIP-951); 17 has directory ids (KIP-853); 18 the replica's high watermark (KIP-1166).
 */

export const FetchRequest = message(
  { key: 1, name: 'FetchRequest', versions: [4, 18], flexible: 12 },
  {
    clusterId: tagged(0, since(12, nullable(string), null)),
    replicaId: until(14, int32, -1),
    replicaState: tagged(
      1,
      since(
        15,
        struct({
          replicaId: withDefault(int32, -1),
          replicaEpoch: withDefault(int64, -1),
        }),
      ),
    ),
    maxWaitMs: int32,
    minBytes: int32,
    maxBytes: withDefault(int32, 0x7fff_ffff),
    /** 0: read uncommitted, 1: read committed. */
    isolationLevel: withDefault(int8, 0),
    /** Id 0 and epoch -1: no session. */
    sessionId: since(7, int32, 0),
    sessionEpoch: since(7, int32, -1),
    topics: array({
      topic: until(12, string),
      topicId: since(13, uuid),
      partitions: array({
        partition: int32,
        currentLeaderEpoch: since(9, int32, -1),
        fetchOffset: int64,
        lastFetchedEpoch: since(12, int32, -1),
        logStartOffset: since(5, int64, -1),
        partitionMaxBytes: int32,
        replicaDirectoryId: tagged(0, since(17, uuid)),
        highWatermark: tagged(1, since(18, int64, Number.MAX_SAFE_INTEGER)),
      }),
    }),
    /** Partitions that leave the session. */
    forgottenTopicsData: since(
      7,
      array({
        topic: until(12, string),
        topicId: since(13, uuid),
        partitions: array(int32),
      }),
    ),
    rackId: since(11, string, ''),
  },
)
export type FetchRequest = Infer<typeof FetchRequest>

export const FetchResponse = message(
  { key: 1, name: 'FetchResponse', versions: [4, 18], flexible: 12 },
  {
    throttleTimeMs: withDefault(int32, 0),
    errorCode: since(7, int16),
    sessionId: since(7, int32, 0),
    responses: array({
      topic: until(12, string),
      topicId: since(13, uuid),
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        highWatermark: int64,
        lastStableOffset: withDefault(int64, -1),
        logStartOffset: since(5, int64, -1),
        divergingEpoch: tagged(
          0,
          since(
            12,
            struct({
              epoch: withDefault(int32, -1),
              endOffset: withDefault(int64, -1),
            }),
          ),
        ),
        currentLeader: tagged(
          1,
          since(
            12,
            struct({
              leaderId: withDefault(int32, -1),
              leaderEpoch: withDefault(int32, -1),
            }),
          ),
        ),
        snapshotId: tagged(
          2,
          since(
            12,
            struct({
              endOffset: withDefault(int64, -1),
              epoch: withDefault(int32, -1),
            }),
          ),
        ),
        /** Null when reading uncommitted, else sorted by first offset. */
        abortedTransactions: nullable(
          array({
            producerId: int64,
            firstOffset: int64,
          }),
        ),
        preferredReadReplica: since(11, int32, -1),
        records: nullable(recordSlices),
      }),
    }),
    nodeEndpoints: tagged(
      0,
      since(
        16,
        array({
          nodeId: int32,
          host: string,
          port: int32,
          rack: withDefault(nullable(string), null),
        }),
      ),
    ),
  },
)
export type FetchResponse = Infer<typeof FetchResponse>
