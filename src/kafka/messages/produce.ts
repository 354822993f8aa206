import { array, int16, int32, int64, nullable, records, since, string, struct, tagged, until, uuid, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * Produce (key 0): record batches for partitions, one batch each. 3 is the first version with record batch v2; 7 may carry
 * zstd (KIP-110); 8 tells which records were refused (KIP-467); 9 is flexible; 10 names the new leader (KIP-951); from 12 on a
 * transactional batch adds its partition to the transaction (KIP-890); 13 has topic ids instead of names (KIP-516).
 */

export const ProduceRequest = message(
  { key: 0, name: 'ProduceRequest', versions: [3, 13], flexible: 9 },
  {
    transactionalId: withDefault(nullable(string), null),
    /** 0: no answer at all; 1: once written; -1: once durable. */
    acks: int16,
    timeoutMs: int32,
    topicData: array({
      name: until(12, string),
      topicId: since(13, uuid),
      partitionData: array({
        index: int32,
        /** Exactly one record batch. */
        records: nullable(records),
      }),
    }),
  },
)
export type ProduceRequest = Infer<typeof ProduceRequest>

export const ProduceResponse = message(
  { key: 0, name: 'ProduceResponse', versions: [3, 13], flexible: 9 },
  {
    responses: array({
      name: until(12, string),
      topicId: since(13, uuid),
      partitionResponses: array({
        index: int32,
        errorCode: int16,
        baseOffset: int64,
        logAppendTimeMs: withDefault(int64, -1),
        logStartOffset: since(5, int64, -1),
        recordErrors: since(
          8,
          array({
            batchIndex: int32,
            batchIndexErrorMessage: withDefault(nullable(string), null),
          }),
        ),
        errorMessage: since(8, nullable(string), null),
        currentLeader: tagged(
          0,
          since(
            10,
            struct({
              leaderId: withDefault(int32, -1),
              leaderEpoch: withDefault(int32, -1),
            }),
          ),
        ),
      }),
    }),
    throttleTimeMs: withDefault(int32, 0),
    nodeEndpoints: tagged(
      0,
      since(
        10,
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
export type ProduceResponse = Infer<typeof ProduceResponse>
